//! Weight gradients from panels to the caller's arrays.
//!
//! In: panels of sums in the order of the packed weights. Out: the caller's arrays of one layer and
//! direction, overwritten or increased. It does not know how the sums came about.

use crate::plan::Shape;
use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};

/// The place of one gate among `gates` in a panel of gradients.
pub(crate) struct GradientSlot<'s> {
    pub(crate) shape: &'s Shape,
    pub(crate) index: usize,
    pub(crate) gates: usize,
    /// Add to what is there.
    pub(crate) accumulate: bool,
}

impl GradientSlot<'_> {
    /// `[block][input][gate][lane]` to `[hidden, inputs]`.
    pub(crate) fn matrix(&self, panel: &[f32], mut matrix: ArrayViewMut2<'_, f32>) {
        let lanes = self.shape.lanes;
        let group = self.gates * lanes;
        let blocks = panel.chunks_exact(matrix.ncols() * group);
        for (block, mut rows) in blocks.zip(matrix.axis_chunks_iter_mut(Axis(0), lanes)) {
            for (lane, row) in rows.outer_iter_mut().enumerate() {
                let sums = block[self.index * lanes + lane..].iter().step_by(group);
                self.write(sums, row);
            }
        }
    }

    /// `[block][gate][lane]` to `[hidden]`.
    pub(crate) fn vector(&self, panel: &[f32], mut vector: ArrayViewMut1<'_, f32>) {
        let lanes = self.shape.lanes;
        let blocks = panel.chunks_exact(self.gates * lanes);
        for (block, values) in blocks.zip(vector.axis_chunks_iter_mut(Axis(0), lanes)) {
            self.write(block[self.index * lanes..].iter(), values);
        }
    }

    fn write<'p>(&self, sums: impl Iterator<Item = &'p f32>, to: ArrayViewMut1<'_, f32>) {
        for (to, &sum) in to.into_iter().zip(sums) {
            *to = if self.accumulate { *to + sum } else { sum };
        }
    }
}
