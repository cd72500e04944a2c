//! One structure, with all that is known of it.
//!
//! In: a structure and what it is checked for. Out: [`CheckedLayer`], which becomes [`Checked`] where
//! nothing was reported. It does not know how the call is to be run.

use super::activation::check_activations;
use super::arrays::{CheckedArrays, Purpose, check_arrays};
use super::config::{Checked, Config};
use super::issues::Issues;
use super::scalars::{Sizes, check_scalars};
use super::sequence::{CheckedSequence, check_sequence};
use crate::desc::{FilterParameters, LayerParametersLSTM};
use crate::dropout::DropoutMask;
use crate::gate::Gates;
use crate::math::Activation;

/// What is known of a structure.
#[derive(Debug)]
pub(super) struct CheckedLayer {
    pub(super) sizes: Sizes,
    pub(super) sequence: CheckedSequence,
    pub(super) arrays: CheckedArrays,
    dropout: f32,
    activations: Option<(Gates<Activation>, Activation)>,
}

/// Check a structure.
pub(super) fn check_layer(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    purpose: Purpose,
) -> CheckedLayer {
    let sizes = check_scalars(issues, params);
    let sequence = check_sequence(issues, &params.sequence_descriptor, &sizes);
    let arrays = check_arrays(issues, params, purpose, &sizes, sequence.span.as_ref());
    let activations = check_activations(issues, params);
    CheckedLayer { sizes, sequence, arrays, activations, dropout: params.dropout }
}

impl CheckedLayer {
    /// The layer, where nothing was reported.
    pub(super) fn into_checked(self, filter: &FilterParameters) -> Option<Checked> {
        let mask = DropoutMask { seed: filter.seed, ratio: self.dropout };
        // Where nothing is dropped, the seed says nothing about the layer.
        let is_dropping = mask.is_active() && self.sizes.layers > 1;
        let Self { sizes, sequence, arrays: CheckedArrays { arrays, forms, .. }, .. } = self;
        let (activations, hidden_activation) = self.activations?;
        let config = Config {
            input_size: sizes.input,
            hidden_size: sizes.hidden,
            batch_size: sizes.batch,
            num_layers: sizes.layers,
            seq_len: sizes.steps,
            directions: sizes.directions,
            batch_sizes: sequence.batch_sizes,
            activations,
            hidden_activation,
            peepholes: Gates::from_fn(|gate| forms.get(gate).peephole),
            dropout: if is_dropping { mask } else { DropoutMask::NONE },
        };
        Some(Checked { config, arrays: arrays? })
    }
}
