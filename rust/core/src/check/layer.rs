//! One structure, with all that is known of it.
//!
//! In: a structure and what it is checked for. Out: [`CheckedLayer`], which becomes [`Checked`] where
//! nothing was reported. It does not know how the call is to be run.

use super::activation::check_activations;
use super::arrays::{CheckedArrays, Purpose, check_arrays};
use super::config::{Checked, Config, LayerConfig};
use super::extensions::{CheckedExtensions, check_extensions};
use super::issues::Issues;
use super::scalars::{Sizes, check_scalars};
use super::sequence::{CheckedSequence, check_sequence};
use crate::desc::{Checkpoints, FilterParameters, LayerParametersLSTM};
use crate::dropout::DropoutMask;
use crate::gate::Gates;
use crate::math::Activation;

/// What is known of a structure.
#[derive(Debug)]
pub(super) struct CheckedLayer {
    pub(super) sizes: Sizes,
    pub(super) sequence: CheckedSequence,
    pub(super) arrays: CheckedArrays,
    pub(super) extensions: CheckedExtensions,
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
    let extensions = check_extensions(issues, params);
    let sequence = check_sequence(issues, &params.sequence_descriptor, &sizes);
    let layer = (&sizes, &extensions);
    let arrays = check_arrays(issues, params, purpose, layer, sequence.span.as_ref());
    let activations = check_activations(issues, params, &extensions);
    let dropout = params.dropout;
    CheckedLayer { sizes, sequence, arrays, extensions, dropout, activations }
}

impl CheckedLayer {
    /// The layer, where nothing was reported.
    pub(super) fn into_checked(self, filter: &FilterParameters) -> Option<Checked> {
        let mask = DropoutMask { seed: filter.seed, ratio: self.dropout };
        // Where nothing is dropped, the seed says nothing about the layer.
        let is_dropping = mask.is_active() && self.sizes.layers > 1;
        let Self { sizes, sequence, arrays: CheckedArrays { arrays, forms, .. }, .. } = self;
        let (activations, hidden_activation) = self.activations?;
        let layer = LayerConfig {
            inputs: sizes.input,
            units: sizes.units,
            outputs: sizes.outputs.count,
            layers: sizes.layers,
            directions: sizes.directions,
            activations,
            hidden_activation,
            peepholes: Gates::from_fn(|gate| forms.get(gate).peephole),
            variant: self.extensions.variant?,
        };
        let config = Config {
            layer,
            batch_size: sizes.batch,
            seq_len: sizes.steps,
            batch_sizes: sequence.batch_sizes,
            checkpoint_steps: checkpoint_steps(filter.checkpoints, sizes.steps),
            dropout: if is_dropping { mask } else { DropoutMask::NONE },
        };
        Some(Checked { config, arrays: arrays? })
    }
}

/// Steps from one checkpoint to the next; `None` where every step is cached.
fn checkpoint_steps(checkpoints: Checkpoints, steps: usize) -> Option<usize> {
    match checkpoints {
        Checkpoints::EveryStep => None,
        Checkpoints::Every(every) => Some(every.min(steps)),
        Checkpoints::SquareRoot => {
            let root = steps.isqrt();
            let is_square = root.checked_mul(root) == Some(steps);
            Some(if is_square { root } else { root.saturating_add(1) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::checkpoint_steps;
    use crate::desc::Checkpoints;

    #[test]
    fn the_square_root_is_rounded_up_and_no_segment_is_longer_than_the_sequence() {
        let root = |steps| checkpoint_steps(Checkpoints::SquareRoot, steps);
        assert_eq!([1, 2, 4, 5, 100, 101].map(root), [1, 2, 2, 3, 10, 11].map(Some));
        assert_eq!(root(usize::MAX), Some(1 << (usize::BITS / 2)));
        assert_eq!(checkpoint_steps(Checkpoints::Every(9), 5), Some(5));
        assert_eq!(checkpoint_steps(Checkpoints::EveryStep, 5), None);
    }
}
