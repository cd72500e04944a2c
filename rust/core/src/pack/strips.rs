//! Weights into transposed panels, piece by piece.
//!
//! In: memory for some blocks of outputs of one direction of a layer, and the caller's weights. Out: the weights there,
//! `[block of four vectors][gate][unit][vector][lane]`. It does not know who else packs.

use super::hands::cut;
use super::panel::{Slot, part};
use super::views::BoundWeights;
use crate::gate::Gate;
use crate::kernel::BLOCK_VECTORS;
use crate::place::Place;
use crate::plan::{LayerPlan, Shape};
use ndarray::{ArrayView1, ArrayView2, Axis};
use std::ops::Range;

/// A part of what is packed for one direction of a layer: see the panels of the same names.
pub(super) struct Piece<'p> {
    pub(super) place: Place,
    pub(super) input: Strip<'p>,
    pub(super) hidden: Strip<'p>,
    pub(super) cell: Strip<'p>,
    pub(super) cell_output: Strip<'p>,
    /// All of it, or nothing, as all below.
    pub(super) diagonal: &'p mut [f32],
    pub(super) input_matrix: &'p mut [f32],
    pub(super) hidden_matrix: &'p mut [f32],
    pub(super) projection: &'p mut [f32],
}

/// Some blocks of a panel, which are some columns of the weights of each gate.
pub(super) struct Strip<'p> {
    panel: &'p mut [f32],
    columns: Range<usize>,
}

impl<'p> Strip<'p> {
    /// Part number `index` of `count` from the beginning of what is left of a panel of `columns`.
    #[expect(clippy::mut_mut, reason = "what is left of a panel gets shorter")]
    pub(super) fn cut(
        panel: &mut &'p mut [f32],
        shape: &Shape,
        columns: usize,
        (index, count): (usize, usize),
    ) -> Self {
        let width = BLOCK_VECTORS * shape.lanes;
        let blocks = columns.div_ceil(width);
        let [first, next] = [index, index + 1].map(|part| part * blocks / count * width);
        // What is left begins with column `first`; the last block may have fewer vectors.
        let padded = shape.wide_vectors(columns) * shape.lanes;
        let floats_of_column = panel.len() / (padded - first).max(1);
        let floats = floats_of_column * (next.min(padded) - first);
        Self { panel: cut(panel, floats), columns: first.min(columns)..next.min(columns) }
    }
}

impl Piece<'_> {
    /// Pack its part of the weights.
    pub(super) fn pack(&mut self, layer: &LayerPlan, weights: &BoundWeights<'_>) {
        let (shape, place) = (&layer.shape, self.place);
        if let Some(matrix) = weights.projection(place) {
            let places = (layer.config.outputs, 0);
            to_blocks(self.projection, shape.lanes, places, matrix);
        }
        for (gate, from) in weights.each() {
            let to = Slot { shape, index: gate.index(), gates: Gate::COUNT, level: layer.level };
            to.transposed(&mut self.input, from.input(place));
            to.transposed(&mut self.hidden, from.hidden(place));
            to.unit_rows(self.input_matrix, from.input(place));
            to.unit_rows(self.hidden_matrix, from.hidden(place));
            if let Some(vector) = from.diagonal(place) {
                to.vector(self.diagonal, vector);
            }
            if let Some(matrix) = from.full(place) {
                if gate == Gate::Output {
                    Slot { index: 0, gates: 1, ..to }.transposed(&mut self.cell_output, matrix);
                } else {
                    let early = Slot { gates: Gate::EARLY.len(), ..to };
                    early.transposed(&mut self.cell, matrix);
                }
            }
        }
    }
}

impl Slot<'_> {
    /// `[unit, output]` of one gate to `[block][gate][unit][vector][lane]`.
    fn transposed(&self, strip: &mut Strip<'_>, matrix: ArrayView2<'_, f32>) {
        let matrix = part(matrix, Axis(1), &strip.columns);
        let units = self.shape.padded_units();
        let places = (self.gates * units, self.index * units);
        to_blocks(strip.panel, self.shape.lanes, places, matrix);
    }

    /// `[unit, output]` of one gate to `[gate][unit][output]`, if there is memory for it.
    fn unit_rows(&self, panel: &mut [f32], matrix: ArrayView2<'_, f32>) {
        let first = self.index * self.shape.padded_units();
        let rows = panel.chunks_exact_mut(matrix.ncols()).skip(first);
        rows.zip(matrix.outer_iter()).for_each(|(to, row)| copy(row, to));
    }
}

/// Rows `[input, output]`, the first of which is number `first` of all inputs, to
/// `[block of four vectors][input][vector][lane]`.
fn to_blocks(
    panel: &mut [f32],
    lanes: usize,
    (inputs, first): (usize, usize),
    matrix: ArrayView2<'_, f32>,
) {
    let width = BLOCK_VECTORS * lanes;
    for (input, row) in matrix.outer_iter().enumerate() {
        let place = first + input;
        // The last block may have fewer vectors.
        let blocks = panel.chunks_mut(inputs * width);
        for (block, piece) in blocks.zip(row.axis_chunks_iter(Axis(0), width)) {
            let width = block.len() / inputs;
            copy(piece, &mut block[place * width..][..piece.len()]);
        }
    }
}

/// Copy a row of weights.
fn copy(from: ArrayView1<'_, f32>, to: &mut [f32]) {
    match from.to_slice() {
        Some(from) => to.copy_from_slice(from),
        None => to.iter_mut().zip(from).for_each(|(to, &weight)| *to = weight),
    }
}
