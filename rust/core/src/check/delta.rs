//! The pair of structures of a backward pass.
//!
//! In: the structure of the forward pass, the one of the gradients, and what a binding layer found wrong
//! already. Out: [`CheckedBackward`], or all problems of both, with paths that begin with `params` or
//! `delta_params`. What the gradients' structure may leave out stands here; its arrays are those of
//! `gradients`.

use super::arrays::Purpose;
use super::config::Checked;
use super::extensions::check_same_extensions;
use super::gradients::{CheckedGradients, Gradient, WeightGradients, check_gradients};
use super::issues::{DELTA, Issues, PARAMS};
use super::layer::{CheckedLayer, check_layer};
use super::overlap::Span;
use super::scalars::{check_filter, check_flags};
use super::sequence::check_sequence;
use super::strided::Strided;
use crate::desc::{FilterParameters, LayerFlags, LayerParametersLSTM};
use crate::error::{Code, DescriptorError, Issue, Path};
use crate::fields::DataFields;

/// A pair of structures that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedBackward {
    pub(crate) forward: Checked,
    pub(crate) incoming: DataFields<Option<Strided>>,
    pub(crate) input: DataFields<Option<Gradient>>,
    pub(crate) weights: WeightGradients,
}

impl CheckedBackward {
    /// The layer and the arrays of its forward pass. Its outputs are neither read nor written; none of its
    /// initial states is in place.
    pub fn forward(&self) -> &Checked {
        &self.forward
    }

    /// Gradients with respect to the outputs; `None` stands for zeros, at least one is there.
    pub fn incoming(&self) -> &DataFields<Option<Strided>> {
        &self.incoming
    }

    /// Where gradients with respect to the input and the initial states go; `None` where none is wanted.
    pub fn input(&self) -> &DataFields<Option<Gradient>> {
        &self.input
    }

    /// Where gradients with respect to the weights are wanted.
    pub fn weights(&self) -> &WeightGradients {
        &self.weights
    }
}

/// Check the structures of a backward pass and how it is to be run.
///
/// Of `params`, the output arrays may be left out; what is there has to fit, but need not be writable.
/// Of `delta_params`, dropout 0, a null sequence descriptor and extensions that are absent, or at their defaults, are
/// taken from `params`; the default-activations flag and the activations are not looked at.
///
/// # Errors
///
/// [`DescriptorError`] with every problem found.
pub fn check_backward(
    params: &LayerParametersLSTM<'_>,
    delta_params: &LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<CheckedBackward, DescriptorError> {
    check_backward_after(Vec::new(), params, delta_params, filter)
}

/// As [`check_backward`], for a binding layer that found problems while it read its own objects. Their
/// paths begin with `params`, `delta_params` or `filter_params`.
///
/// # Errors
///
/// [`DescriptorError`] with the problems found before and those found now.
pub fn check_backward_after(
    found: Vec<Issue>,
    params: &LayerParametersLSTM<'_>,
    delta_params: &LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<CheckedBackward, DescriptorError> {
    let mut issues = Issues::starting_with(found);
    issues.enter(PARAMS);
    let layer = check_layer(&mut issues, params, Purpose::Backward);
    issues.enter(DELTA);
    check_sizes(&mut issues, params, delta_params);
    check_dropout(&mut issues, params.dropout, delta_params.dropout);
    check_direction(&mut issues, params.lstm_flags, delta_params.lstm_flags);
    let known = (&layer.sizes, &layer.extensions);
    check_same_extensions(&mut issues, known, params, delta_params);
    let sequence = check_batch_sizes(&mut issues, &layer, params, delta_params);
    let gradients = check_gradients(&mut issues, &layer, delta_params, sequence.as_ref());
    check_filter(&mut issues, filter);
    if let Some(error) = issues.into_error() {
        return Err(error);
    }
    let CheckedGradients { incoming, input, weights } = gradients;
    // Every `None` comes with an issue; should one not, the structure is refused all the same.
    let forward = layer.into_checked(filter).ok_or_else(DescriptorError::unexplained)?;
    Ok(CheckedBackward { forward, incoming, input, weights })
}

/// Report a field that differs between both structures.
fn mismatch(issues: &mut Issues, path: Path, expected: &str, actual: String) {
    let expected = format!("{expected}, as in params");
    issues.push(path, Code::DeltaMismatch, expected, actual);
}

/// Whether a field of the forward pass was reported before the check, so that nothing can equal it.
fn is_unknown(issues: &Issues, name: &'static str) -> bool {
    issues.is_reported(&Path::field(PARAMS).then(name))
}

fn check_sizes(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    delta: &LayerParametersLSTM<'_>,
) {
    let pairs = [
        ("input_size", params.input_size, delta.input_size),
        ("hidden_size", params.hidden_size, delta.hidden_size),
        ("batch_size", params.batch_size, delta.batch_size),
        ("num_layers", params.num_layers, delta.num_layers),
        ("seq_len", params.seq_len, delta.seq_len),
    ];
    for (name, expected, actual) in pairs {
        // A size of 0 was reported in `params`.
        if expected != 0 && actual != expected && !is_unknown(issues, name) {
            mismatch(issues, issues.field(name), &expected.to_string(), actual.to_string());
        }
    }
}

fn check_dropout(issues: &mut Issues, expected: f32, actual: f32) {
    // What is no ratio was reported in `params`.
    let is_ratio = (0.0..1.0).contains(&expected);
    if !is_ratio || is_unknown(issues, "dropout") {
        return;
    }
    let agrees = actual.to_bits() == expected.to_bits() || actual == 0.0;
    if !agrees {
        mismatch(issues, issues.field("dropout"), &expected.to_string(), actual.to_string());
    }
}

fn check_direction(issues: &mut Issues, expected: LayerFlags, actual: LayerFlags) {
    check_flags(issues, actual);
    let direction = |flags: LayerFlags| {
        let is_bidirectional = flags.contains(LayerFlags::LSTM_BIDIRECTIONAL);
        if is_bidirectional { "0x1 (bidirectional)" } else { "a value without 0x1 (bidirectional)" }
    };
    let (expected, actual) = (direction(expected), direction(actual));
    if expected != actual && !is_unknown(issues, "lstm_flags") {
        mismatch(issues, issues.field("lstm_flags"), expected, actual.to_owned());
    }
}

/// Where the gradients' structure has batch sizes, they equal those of the forward pass. Returns their
/// memory.
fn check_batch_sizes(
    issues: &mut Issues,
    layer: &CheckedLayer,
    params: &LayerParametersLSTM<'_>,
    delta: &LayerParametersLSTM<'_>,
) -> Option<Span> {
    let found = check_sequence(issues, &delta.sequence_descriptor, &layer.sizes);
    let expected = layer.sequence.batch_sizes.as_deref();
    let is_absent = params.sequence_descriptor.data.is_null();
    let is_unknown = expected.is_none() && !is_absent || is_unknown(issues, "sequence_descriptor");
    let all_active = std::iter::repeat(&layer.sizes.batch);
    let expected = expected.unwrap_or_default().iter().chain(all_active);
    let actual = found.batch_sizes.iter().flatten();
    let difference = expected.zip(actual).enumerate().find(|(_, (one, other))| one != other);
    if let Some((step, (expected, actual))) = difference.filter(|_| !is_unknown) {
        let path = issues.field("sequence_descriptor").then("data").at(step);
        mismatch(issues, path, &expected.to_string(), actual.to_string());
    }
    found.span
}
