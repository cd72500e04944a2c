//! The arrays of a gradients' structure, borrowed.
//!
//! In: a checked pair of structures and the arrays of the second. Out: guards that live as long as the
//! computation, and what the core takes. It computes nothing.

use crate::borrow::{
    DataReadings, DataWritings, lend, lend_mut, read_data, those_checked, write, write_data,
};
use crate::errors::Failure;
use crate::memory::Writing;
use crate::params::LayerArrays;
use bnns_lstm::{CheckedBackward, GradientViews, Path, Side, WeightFields};

/// All gradients, incoming and outgoing.
#[derive(Debug)]
pub(crate) struct Gradients<'a, 'py> {
    incoming: DataReadings<'a, 'py>,
    input: DataWritings<'a, 'py>,
    weights: WeightFields<Option<Writing<'a, 'py, f32>>>,
}

impl<'a, 'py> Gradients<'a, 'py> {
    /// Borrow what the checked pair reads and writes; `root` is the path of the gradients' structure.
    pub(crate) fn new(
        arrays: &'a LayerArrays<'py>,
        checked: &CheckedBackward,
        root: &Path,
    ) -> Result<Self, Failure> {
        let weights = those_checked(&arrays.weights, checked.weights());
        Ok(Self {
            incoming: read_data(&arrays.output, root, Side::Output)?,
            input: write_data(&arrays.input, root, Side::Input)?,
            weights: weights.try_map(|field, array| write(array, || field.path(root)))?,
        })
    }

    /// All of them for the core.
    pub(crate) fn views(&mut self) -> GradientViews<'_> {
        let Self { incoming, input, weights } = self;
        let weights = weights.as_mut().map(|_, array| array.as_mut().map(Writing::lend));
        GradientViews { incoming: lend(incoming), input: lend_mut(input), weights }
    }
}
