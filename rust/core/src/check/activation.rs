//! Which activations a layer has.
//!
//! In: the activation descriptors. Out: the element-wise functions that kernels know, or findings. It
//! computes nothing.

use super::config::default_activations;
use super::extensions::{CheckedExtensions, Origin};
use super::issues::Issues;
use crate::desc::{Activation as Descriptor, ActivationFunction, LayerFlags, LayerParametersLSTM};
use crate::error::{Code, Path};
use crate::gate::{Gate, Gates};
use crate::math::{Activation, Function};

/// The five activations; `None` where something was reported.
pub(super) fn check_activations(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    extensions: &CheckedExtensions,
) -> Option<(Gates<Activation>, Activation)> {
    if params.lstm_flags.contains(LayerFlags::LSTM_DEFAULT_ACTIVATIONS) {
        return Some((default_activations(), Activation::TANH));
    }
    if issues.is_reported(&issues.field("lstm_flags")) {
        return None;
    }
    let gates = Gates::from_fn(|gate: Gate| {
        let path = issues.field(gate.field()).then("activation");
        let desc = params.gate(gate).activation.as_ref();
        match (extensions.origin(gate), desc) {
            (Origin::Derived(coupled), Some(_)) => {
                let expected = Origin::expected_nothing(coupled);
                issues.push(path, Code::DerivedGate, expected, "an activation");
                None
            }
            // It has none, so that no other one needs to be there either.
            (Origin::Derived(_), None) => Some(*default_activations().get(gate)),
            (Origin::Unknown, None) => None,
            (Origin::Unknown | Origin::Weights, desc) => check_activation(issues, &path, desc),
        }
    });
    let path = issues.field("hidden_activation");
    let hidden = check_activation(issues, &path, params.hidden_activation.as_ref());
    let Gates { input, forget, candidate, output } = gates;
    let gates = Gates { input: input?, forget: forget?, candidate: candidate?, output: output? };
    Some((gates, hidden?))
}

fn check_activation(
    issues: &mut Issues,
    path: &Path,
    desc: Option<&Descriptor<'_>>,
) -> Option<Activation> {
    let Some(desc) = desc else {
        let expected = "an activation, or the default-activations flag";
        issues.push(path.clone(), Code::MissingActivation, expected, "none");
        return None;
    };
    check_integer_fields(issues, path, desc);
    let value = desc.function.0;
    let Some(name) = desc.function.name() else {
        let here = path.then("function");
        let expected = format!("a value from 0 to {}", ActivationFunction::LAST);
        issues.push(here, Code::UnknownActivation, expected, value.to_string());
        return None;
    };
    let Some(function) = Function::from_number(value) else {
        let here = path.then("function");
        let actual = format!("{name} ({value})");
        issues.push(here, Code::UnsupportedActivation, "an element-wise function", actual);
        return None;
    };
    let (uses_alpha, uses_beta) = function.uses_parameters();
    for (name, used, value) in [("alpha", uses_alpha, desc.alpha), ("beta", uses_beta, desc.beta)] {
        if used && value.is_nan() {
            let here = path.then(name);
            issues.push(here, Code::InvalidActivationParameter, "a number", "NaN");
        }
    }
    Some(Activation { function, alpha: desc.alpha, beta: desc.beta })
}

fn check_integer_fields(issues: &mut Issues, path: &Path, desc: &Descriptor<'_>) {
    let numbers = [("iscale", desc.iscale), ("ioffset", desc.ioffset), ("ishift", desc.ishift)];
    for (name, value) in numbers {
        if value != 0 {
            let expected = "0 (integer functions only)";
            issues.push(path.then(name), Code::UnsupportedActivation, expected, value.to_string());
        }
    }
    let pointers = [
        ("iscale_per_channel", desc.iscale_per_channel),
        ("ioffset_per_channel", desc.ioffset_per_channel),
        ("ishift_per_channel", desc.ishift_per_channel),
    ];
    for (name, pointer) in pointers {
        if pointer.is_some() {
            let expected = "null (per-channel functions only)";
            issues.push(path.then(name), Code::UnsupportedActivation, expected, "an array");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Function;
    use crate::desc::ActivationFunction;

    #[test]
    fn all_functions_but_seven_are_elementwise() {
        let values = 0..=ActivationFunction::LAST;
        let is_refused = |&value: &u32| Function::from_number(value).is_none();
        assert_eq!(
            values.clone().filter(is_refused).collect::<Vec<_>>(),
            [9, 10, 11, 13, 14, 21, 29]
        );
        assert!(values.map(ActivationFunction).all(|function| function.name().is_some()));
        for unknown in [ActivationFunction::LAST + 1, 4000, u32::MAX] {
            assert_eq!(ActivationFunction(unknown).name(), None);
            assert_eq!(Function::from_number(unknown), None);
        }
    }

    #[test]
    fn parameters_are_those_of_the_formulas() {
        let uses = |value| Function::from_number(value).map(Function::uses_parameters);
        for both in [5, 8, 12, 15, 16, 19, 20, 28] {
            assert_eq!(uses(both), Some((true, true)), "{both}");
        }
        for alpha in [2, 7, 18, 24, 25, 26] {
            assert_eq!(uses(alpha), Some((true, false)), "{alpha}");
        }
        for neither in [0, 1, 3, 4, 6, 17, 22, 23, 27, 30, 31] {
            assert_eq!(uses(neither), Some((false, false)), "{neither}");
        }
    }
}
