//! Weight gradients from panels to the caller's arrays.
//!
//! In: panels of sums in the order of the packed weights. Out: the caller's arrays of one layer and
//! direction, overwritten or increased. It does not know how the sums came about.

use crate::kernel::{PanelToRows, TRANSPOSED_ROWS};
use crate::level::{Level, vectorize};
use crate::plan::Shape;
use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};

/// The place of one gate among `gates` in a panel of gradients.
pub(crate) struct GradientSlot<'s> {
    pub(crate) shape: &'s Shape,
    pub(crate) index: usize,
    pub(crate) gates: usize,
    pub(crate) level: Level,
    /// Add to what is there.
    pub(crate) accumulate: bool,
}

impl GradientSlot<'_> {
    /// `[block][input][gate][lane]` to `[hidden, inputs]`.
    pub(crate) fn matrix(&self, panel: &[f32], mut matrix: ArrayViewMut2<'_, f32>) {
        let pitch = self.gates * self.shape.lanes;
        let blocks = panel.chunks_exact(matrix.ncols() * pitch);
        let of_blocks = matrix.axis_chunks_iter_mut(Axis(0), self.shape.lanes);
        for (block, rows) in blocks.zip(of_blocks) {
            self.block(&block[self.index * self.shape.lanes..], rows);
        }
    }

    /// One gate of `[input][gate][lane]` to `[lanes, inputs]`.
    fn block(&self, from: &[f32], mut matrix: ArrayViewMut2<'_, f32>) {
        let pitch = self.gates * self.shape.lanes;
        let (count, columns) = matrix.dim();
        let mut rows: [&mut [f32]; TRANSPOSED_ROWS] = Default::default();
        for (lane, (row, place)) in matrix.outer_iter_mut().zip(&mut rows).enumerate() {
            if row.is_standard_layout() {
                *place = row.into_slice().unwrap_or_default();
            } else {
                self.write(from[lane..].iter().step_by(pitch), row);
            }
        }
        let rows = &mut rows[..count];
        if rows.iter().all(|row| row.len() == columns) {
            vectorize(self.level, PanelToRows { from, pitch, rows, add: self.accumulate });
        }
    }

    /// `[block][input][lane]` to `[inputs, units]`.
    pub(crate) fn columns(&self, panel: &[f32], mut matrix: ArrayViewMut2<'_, f32>) {
        let lanes = self.shape.lanes;
        let blocks = panel.chunks_exact(matrix.nrows() * lanes);
        let of_blocks = matrix.axis_chunks_iter_mut(Axis(1), lanes);
        for (block, mut columns) in blocks.zip(of_blocks) {
            for (sums, to) in block.chunks_exact(lanes).zip(columns.outer_iter_mut()) {
                self.write(sums.iter(), to);
            }
        }
    }

    /// `[gate][unit][input]`, as a library sums, to `[hidden, inputs]`.
    pub(crate) fn rows(&self, sums: &[f32], mut matrix: ArrayViewMut2<'_, f32>) {
        let first = self.index * self.shape.padded_units();
        let rows = sums.chunks_exact(matrix.ncols()).skip(first);
        for (to, row) in matrix.outer_iter_mut().zip(rows) {
            self.write(row.iter(), to);
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
