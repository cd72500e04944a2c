//! Panels of one layer and direction.
//!
//! In: matrices `[hidden, inputs]` of four gates. Out: floats in the order of the kernels' loops: for each
//! block of hidden units, for each input, the four gates' lanes. Lanes beyond `hidden_size` hold zeros.

use super::hands::{Packed, cut};
use super::views::BoundWeights;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::gate::Gate;
use crate::kernel::{BLOCK_VECTORS, RowsToPanel, TRANSPOSED_ROWS};
use crate::level::{Level, vectorize};
use crate::place::Place;
use crate::plan::{LayerPlan, PanelFields, PanelPlaces, PanelsMut, Shape};
use crate::tuning::PACKED_INPUTS;
use ndarray::{ArrayView, ArrayView1, ArrayView2, Axis, Dimension};
use std::ops::Range;

/// The packed weights of one layer and direction.
#[derive(Debug)]
pub(crate) struct LayerPanels {
    floats: Aligned,
    places: PanelPlaces,
}

impl Packed for LayerPanels {
    type Piece<'p> = Piece<'p>;

    fn new(layer: &LayerPlan, place: Place) -> Result<Self, Error> {
        let (shape, sizes) = (&layer.shape, layer.weight_sizes(place.layer));
        let (total, what) = (sizes.total(), "packed weights");
        // Every float of a panel is written, unless there are lanes or gates without weights.
        let has_all_gates = layer.config.variant.coupled.is_none();
        let is_full = has_all_gates
            && shape.padded_units() == layer.config.units
            && sizes.cell == 0
            && sizes.projection == 0;
        let floats =
            if is_full { Aligned::uninit(total, what)? } else { Aligned::zeros(total, what)? };
        Ok(Self { floats, places: sizes.places() })
    }

    /// So many pieces of whole blocks, or as many as there are blocks. The first one has what is not in blocks of hidden
    /// units as well: panels of a library's products, and of a projection.
    fn pieces<'p>(
        &'p mut self,
        layer: &LayerPlan,
        place: Place,
        count: usize,
    ) -> impl Iterator<Item = Piece<'p>> + use<'p> {
        let blocks = layer.shape.geometry.blocks;
        let count = count.clamp(1, blocks.max(1));
        let sizes = layer.weight_sizes(place.layer);
        let mut rest = sizes.split(&mut self.floats);
        (0..count).map(move |index| {
            let own = index * blocks / count..(index + 1) * blocks / count;
            let of_blocks = |floats: usize| floats / blocks.max(1) * own.len();
            let panels = PanelFields {
                input: cut(&mut rest.input, of_blocks(sizes.input)),
                bias: cut(&mut rest.bias, of_blocks(sizes.bias)),
                hidden: cut(&mut rest.hidden, of_blocks(sizes.hidden)),
                diagonal: cut(&mut rest.diagonal, of_blocks(sizes.diagonal)),
                cell: cut(&mut rest.cell, of_blocks(sizes.cell)),
                cell_output: cut(&mut rest.cell_output, of_blocks(sizes.cell_output)),
                input_matrix: std::mem::take(&mut rest.input_matrix),
                hidden_matrix: std::mem::take(&mut rest.hidden_matrix),
                projection: std::mem::take(&mut rest.projection),
            };
            Piece { place, blocks: own, panels }
        })
    }

    fn pack(piece: &mut Piece<'_>, layer: &LayerPlan, weights: &BoundWeights<'_>) {
        piece.pack(layer, weights);
    }
}

impl LayerPanels {
    /// One of the panels, such as that of `|all| &all.hidden`.
    pub(crate) fn get(&self, panel: impl Fn(&PanelPlaces) -> &Range<usize>) -> &[f32] {
        &self.floats[panel(&self.places).clone()]
    }
}

/// Some blocks of the hidden units of one direction of a layer, to be packed.
pub(super) struct Piece<'p> {
    place: Place,
    blocks: Range<usize>,
    panels: PanelsMut<'p>,
}

impl Piece<'_> {
    /// Pack its part of the weights.
    pub(super) fn pack(&mut self, layer: &LayerPlan, weights: &BoundWeights<'_>) {
        let (shape, place, panels) = (&layer.shape, self.place, &mut self.panels);
        let units = layer.real_units(&self.blocks);
        panels.bias.fill(0.0);
        panels.diagonal.fill(0.0);
        for (gate, from) in weights.each() {
            let to = Slot { shape, index: gate.index(), gates: Gate::COUNT, level: layer.level };
            to.matrix(panels.input, part(from.input(place), Axis(0), &units));
            to.matrix(panels.hidden, part(from.hidden(place), Axis(0), &units));
            to.rows(panels.input_matrix, from.input(place));
            to.rows(panels.hidden_matrix, from.hidden(place));
            if let Some(vector) = from.bias(place) {
                to.vector(panels.bias, part(vector, Axis(0), &units));
            }
            if let Some(vector) = from.diagonal(place) {
                to.vector(panels.diagonal, part(vector, Axis(0), &units));
            }
            if let Some(matrix) = from.full(place) {
                let matrix = part(matrix, Axis(0), &units);
                if gate == Gate::Output {
                    Slot { index: 0, gates: 1, ..to }.matrix(panels.cell_output, matrix);
                } else {
                    to.matrix(panels.cell, matrix);
                }
            }
        }
        if let Some(matrix) = weights.projection(place) {
            let to = Slot { shape, index: 0, gates: 1, level: layer.level };
            to.wide_matrix(panels.projection, matrix);
        }
    }
}

/// The part of an array along an axis.
pub(super) fn part<'w, D: Dimension>(
    array: ArrayView<'w, f32, D>,
    axis: Axis,
    range: &Range<usize>,
) -> ArrayView<'w, f32, D> {
    let (before, _) = array.split_at(axis, range.end);
    before.split_at(axis, range.start).1
}

/// The place of one gate among `gates` in a panel.
pub(super) struct Slot<'s> {
    pub(super) shape: &'s Shape,
    pub(super) index: usize,
    pub(super) gates: usize,
    pub(super) level: Level,
}

impl Slot<'_> {
    /// `[hidden, inputs]` to `[block][input][gate][lane]`, in pieces that stay in the nearest cache.
    fn matrix(&self, panel: &mut [f32], matrix: ArrayView2<'_, f32>) {
        let lanes = self.shape.lanes;
        let group = self.gates * lanes;
        let blocks = panel.chunks_exact_mut(matrix.ncols() * group);
        for (block, rows) in blocks.zip(matrix.axis_chunks_iter(Axis(0), lanes)) {
            self.pieces(block, 0, group, rows);
        }
    }

    /// `[hidden, inputs]` to `[input][block][gate][lane]`, if there is memory for it.
    fn rows(&self, panel: &mut [f32], matrix: ArrayView2<'_, f32>) {
        let group = self.gates * self.shape.lanes;
        let pitch = self.shape.geometry.blocks * group;
        if !panel.is_empty() {
            let of_blocks = matrix.axis_chunks_iter(Axis(0), self.shape.lanes);
            for (block, rows) in of_blocks.enumerate() {
                self.pieces(panel, block * group, pitch, rows);
            }
        }
    }

    /// `[outputs, inputs]` to `[block of four vectors of outputs][input][vector][lane]`.
    fn wide_matrix(&self, panel: &mut [f32], matrix: ArrayView2<'_, f32>) {
        let (lanes, inputs) = (self.shape.lanes, matrix.ncols());
        let width = BLOCK_VECTORS * lanes;
        // The last block may have fewer vectors.
        let blocks = panel.chunks_mut(inputs * width);
        for (block, rows) in blocks.zip(matrix.axis_chunks_iter(Axis(0), width)) {
            let width = block.len() / inputs;
            for (vector, rows) in rows.axis_chunks_iter(Axis(0), lanes).enumerate() {
                self.pieces(block, vector * lanes, width, rows);
            }
        }
    }

    /// `[lanes, inputs]` to one gate of a block, in pieces that stay in the nearest cache: the block stands
    /// `start` floats behind the beginning of each input's, which are `pitch` apart.
    fn pieces(&self, to: &mut [f32], start: usize, pitch: usize, matrix: ArrayView2<'_, f32>) {
        let start = start + self.index * self.shape.lanes;
        let pieces = to.chunks_mut(PACKED_INPUTS * pitch);
        for (piece, columns) in pieces.zip(matrix.axis_chunks_iter(Axis(1), PACKED_INPUTS)) {
            self.piece(&mut piece[start..], pitch, columns);
        }
    }

    /// `[lanes, inputs]` to one gate of `[input][gate][lane]`.
    fn piece(&self, to: &mut [f32], pitch: usize, matrix: ArrayView2<'_, f32>) {
        let mut rows: [&[f32]; TRANSPOSED_ROWS] = [&[]; TRANSPOSED_ROWS];
        for (lane, (row, place)) in matrix.outer_iter().zip(&mut rows).enumerate() {
            if let Some(row) = row.to_slice() {
                *place = row;
            } else {
                let places = to[lane..].iter_mut().step_by(pitch);
                places.zip(row).for_each(|(place, &weight)| *place = weight);
            }
        }
        let rows = &rows[..matrix.nrows()];
        if rows.iter().all(|row| row.len() == matrix.ncols()) {
            vectorize(self.level, RowsToPanel { rows, to, pitch });
        }
    }

    /// `[hidden]` to `[block][gate][lane]`.
    pub(super) fn vector(&self, panel: &mut [f32], vector: ArrayView1<'_, f32>) {
        let lanes = self.shape.lanes;
        let blocks = panel.chunks_exact_mut(self.gates * lanes);
        for (block, values) in blocks.zip(vector.axis_chunks_iter(Axis(0), lanes)) {
            for (place, &value) in block[self.index * lanes..].iter_mut().zip(values) {
                *place = value;
            }
        }
    }
}
