//! The functions of an LSTM as files name them.
//!
//! In: JSON. Out: functions with their parameters; and the way back. It does not know which functions a gate can have.

use super::super::config::LstmConfig;
use super::json;
use crate::desc::{Activation, ActivationFunction};
use crate::gate::Gate;
use serde_json::Value;

/// The functions by Apple's numbers, as Python's enumeration names them.
const FUNCTIONS: [&str; 32] = [
    "IDENTITY",
    "RECTIFIED_LINEAR",
    "LEAKY_RECTIFIED_LINEAR",
    "SIGMOID",
    "TANH",
    "SCALED_TANH",
    "ABS",
    "LINEAR",
    "CLAMP",
    "INTEGER_LINEAR_SATURATE",
    "INTEGER_LINEAR_SATURATE_PER_CHANNEL",
    "SOFTMAX",
    "GELU_APPROXIMATION",
    "GUMBEL",
    "GUMBEL_MAX",
    "HARD_SIGMOID",
    "SOFTPLUS",
    "SOFTSIGN",
    "ELU",
    "CLAMPED_LEAKY_RECTIFIED_LINEAR",
    "LINEAR_WITH_BIAS",
    "LOG_SOFTMAX",
    "LOG_SIGMOID",
    "SELU",
    "CELU",
    "HARD_SHRINK",
    "SOFT_SHRINK",
    "TANH_SHRINK",
    "THRESHOLD",
    "PRELU_PER_CHANNEL",
    "HARD_SWISH",
    "SILU",
];

/// Where an LSTM applies functions; `None` is the hidden state.
pub(super) const PLACES: [(&str, Option<Gate>); 5] = [
    ("input", Some(Gate::Input)),
    ("forget", Some(Gate::Forget)),
    ("candidate", Some(Gate::Candidate)),
    ("output", Some(Gate::Output)),
    ("hidden", None),
];

/// A function of its name, alpha and beta; `None` for anything else.
pub(super) fn function_of(value: &Value) -> Option<Activation<'static>> {
    let [name, alpha, beta] = value.as_array()?.as_slice() else { return None };
    let number = FUNCTIONS.iter().position(|known| Some(*known) == name.as_str())?;
    let function = ActivationFunction(u32::try_from(number).ok()?);
    Some(Activation::new(function, json::number(alpha)?, json::number(beta)?))
}

/// All five functions; `None` for the default ones.
pub(super) fn written(config: &LstmConfig) -> Option<String> {
    if config.has_default_activations() {
        return None;
    }
    let each = PLACES.map(|(name, gate)| {
        let Activation { function, alpha, beta, .. } =
            gate.map_or_else(|| config.hidden_activation(), |gate| config.activation(gate));
        let function = FUNCTIONS.get(function.0 as usize).copied().unwrap_or("unknown");
        let [alpha, beta] = [alpha, beta].map(json::written);
        format!("\"{name}\": [\"{function}\", {alpha}, {beta}]")
    });
    Some(format!("{{{}}}", each.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;
    use crate::desc::ActivationFunction;

    #[test]
    fn functions_have_their_numbers() {
        for (number, name) in (0..).zip(FUNCTIONS) {
            let own = ActivationFunction(number).name().unwrap();
            assert_eq!(name.replace('_', "").to_lowercase(), own.to_lowercase());
        }
        assert_eq!(FUNCTIONS.len(), ActivationFunction::LAST as usize + 1);
    }
}
