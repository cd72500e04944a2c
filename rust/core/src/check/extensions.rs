//! What a layer has beyond BNNS.
//!
//! In: the extensions and the flags. Out: the [`Variant`], and how each gate comes about ([`Origin`]), or findings. It
//! looks at no array.

use super::issues::Issues;
use super::outputs::{EXTENSIONS, SIZE};
use super::scalars::Sizes;
use crate::desc::{LSTMExtensions, LayerFlags, LayerParametersLSTM, NDArrayDescriptor};
use crate::error::Code;
use crate::gate::Gate;
use crate::variant::{Coupled, Variant};
use std::fmt::Debug;

/// What is known of a structure's extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckedExtensions {
    /// `None` where something was reported.
    pub(super) variant: Option<Variant>,
    /// Which gate is computed from another one, as far as that is known.
    coupled: Option<Coupled>,
    /// Whether it was not reported before the check.
    is_known: bool,
}

/// How a gate comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// From weights of its own.
    Weights,
    /// From the other gate of a pair; it has nothing of its own.
    Derived(Coupled),
    /// Whether it is coupled is not known, so that what is missing may be meant.
    Unknown,
}

impl Origin {
    /// What is expected of a field of a derived gate.
    pub(super) fn expected_nothing(coupled: Coupled) -> String {
        format!(
            "nothing, as the extensions' coupled makes it 1 minus the {}",
            coupled.source().field()
        )
    }
}

impl CheckedExtensions {
    /// How a gate comes about.
    pub(super) fn origin(&self, gate: Gate) -> Origin {
        match self.coupled {
            None if !self.is_known && matches!(gate, Gate::Input | Gate::Forget) => Origin::Unknown,
            Some(coupled) if coupled.derived() == gate => Origin::Derived(coupled),
            _ => Origin::Weights,
        }
    }
}

/// Check the extensions.
pub(super) fn check_extensions(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
) -> CheckedExtensions {
    let path = issues.field(EXTENSIONS);
    let is_known = !issues.is_reported(&path.then("coupled"));
    let Some(asked) = &params.extensions else {
        let variant = (!issues.is_reported(&path)).then_some(Variant::NONE);
        return CheckedExtensions { variant, coupled: None, is_known };
    };
    let LSTMExtensions { cell_clip, gate_clip, gate_clip_hidden, reverse, .. } = *asked;
    let before = issues.count();
    for (name, clip) in [("cell_clip", cell_clip), ("gate_clip", gate_clip)] {
        if let Some(clip) = clip.filter(|clip| !(clip.is_finite() && *clip > 0.0)) {
            let expected = "a finite number greater than 0, or none";
            issues.push(path.then(name), Code::InvalidNumber, expected, clip.to_string());
        }
    }
    if gate_clip.is_none() && !gate_clip_hidden && !issues.is_reported(&path.then("gate_clip")) {
        let (expected, actual) = ("true where there is no gate_clip", "false");
        issues.push(path.then("gate_clip_hidden"), Code::ExtensionConflict, expected, actual);
    }
    let flags = issues.field("lstm_flags");
    let is_bidirectional = params.lstm_flags.contains(LayerFlags::LSTM_BIDIRECTIONAL);
    if reverse && is_bidirectional && !issues.is_reported(&flags) {
        let expected = "false where lstm_flags has 0x1 (bidirectional), which reads both ways";
        issues.push(path.then("reverse"), Code::ExtensionConflict, expected, "true");
    }
    let variant = Variant {
        cell_clip,
        gate_clip,
        hidden_clip: gate_clip.filter(|_| gate_clip_hidden),
        coupled: asked.coupled,
        reverse,
        projects: asked.projection_size.is_some(),
    };
    let is_right = issues.count() == before && !issues.is_reported(&path);
    let coupled = asked.coupled.filter(|_| is_known);
    CheckedExtensions { variant: is_right.then_some(variant), coupled, is_known }
}

/// Report extensions of the gradients' structure that are not those of the layer. Each may be left out; where those of
/// the layer were reported, nothing can equal them.
pub(super) fn check_same_extensions(
    issues: &mut Issues,
    (sizes, extensions): (&Sizes, &CheckedExtensions),
    params: &LayerParametersLSTM<'_>,
    delta: &LayerParametersLSTM<'_>,
) {
    let expected = params.extensions.as_ref().map(without_array).unwrap_or_default();
    let actual = delta.extensions.as_ref().filter(|_| extensions.variant.is_some());
    let actual = actual.map(without_array).unwrap_or_default();
    let mut comparison = Comparison { issues };
    comparison.value("cell_clip", &expected.cell_clip, &actual.cell_clip, &None);
    comparison.value("gate_clip", &expected.gate_clip, &actual.gate_clip, &None);
    let hidden = (&expected.gate_clip_hidden, &actual.gate_clip_hidden);
    comparison.value("gate_clip_hidden", hidden.0, hidden.1, &true);
    comparison.value("coupled", &expected.coupled, &actual.coupled, &None);
    comparison.value("reverse", &expected.reverse, &actual.reverse, &false);
    if sizes.outputs.count != 0 {
        comparison.value(SIZE, &expected.projection_size, &actual.projection_size, &None);
    }
}

/// The same values, and no array.
fn without_array(asked: &LSTMExtensions<'_>) -> LSTMExtensions<'static> {
    LSTMExtensions {
        cell_clip: asked.cell_clip,
        gate_clip: asked.gate_clip,
        gate_clip_hidden: asked.gate_clip_hidden,
        coupled: asked.coupled,
        reverse: asked.reverse,
        projection_size: asked.projection_size,
        projection_desc: NDArrayDescriptor::absent(),
    }
}

/// The extensions of the gradients' structure, beside those of the layer.
struct Comparison<'i> {
    issues: &'i mut Issues,
}

impl Comparison<'_> {
    /// Report a value that is neither the layer's nor left out.
    fn value<T: PartialEq + Debug>(
        &mut self,
        name: &'static str,
        expected: &T,
        actual: &T,
        left_out: &T,
    ) {
        if actual != expected && actual != left_out {
            let path = self.issues.field(EXTENSIONS).then(name);
            let expected = format!("{expected:?}, as in params, or {left_out:?}");
            self.issues.push(path, Code::DeltaMismatch, expected, format!("{actual:?}"));
        }
    }
}
