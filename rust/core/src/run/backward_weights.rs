//! The gradients of the weights of one direction of a layer, chunk by chunk.
//!
//! In: the gate gradients of a chunk and what the gates read. Out: sums in the order of the packed weights,
//! increased. Threads divide the blocks of units among them, so that each sum belongs to one of them.

use super::backward_layer::LayerPass;
use super::backward_workspace::ProductBuffers;
use crate::kernel::{
    ArrangeGates, ArrangeInputs, ChunkRows, DiagonalProducts, OuterProducts, Rows,
};
use crate::level::vectorize;
use crate::plan::{PanelSizes, PanelsMut};
use std::ops::Range;

/// What the gates read, `[input][row]`; empty where no gate reads it.
#[derive(Debug, Default)]
struct Arranged<'m> {
    input: &'m [f32],
    hidden: &'m [f32],
    /// 1, which the biases are multiplied by.
    one: &'m [f32],
    /// Cell states before each step, for full peepholes.
    cell: &'m [f32],
    /// New cell states, for the full peephole of the output gate.
    cell_output: &'m [f32],
}

/// What all blocks share.
struct Chunk<'m> {
    rows: ChunkRows<'m>,
    count: usize,
    /// `[row][gate][unit]`
    gates: &'m [f32],
    inputs: Arranged<'m>,
    /// Whether there are sums to add to.
    add: bool,
}

/// Some blocks of units.
struct Blocks<'m> {
    range: Range<usize>,
    sums: PanelsMut<'m>,
    /// Room for gate gradients, `[block][row][gate][lane]`.
    gates: &'m mut [f32],
}

impl LayerPass<'_, '_> {
    /// Add a chunk's part to the gradients of all weights.
    pub(super) fn weight_gradients(&self, steps: &Range<usize>, buffers: ProductBuffers<'_>) {
        let shape = &self.plan.shape;
        let sizes = PanelSizes::new(self.plan.config(), shape, self.layer);
        let sums = sizes.split(&mut buffers.sums[..sizes.total()]);
        let rows = ChunkRows {
            groups: &self.plan.orders,
            first_step: steps.start,
            end_step: steps.end,
            ascending: self.direction == 1,
        };
        let count = rows.count();
        if count == 0 {
            return;
        }
        let add = std::mem::replace(buffers.has_sums, true);
        if !sums.diagonal.is_empty() {
            let diagonal = DiagonalProducts {
                geometry: &shape.geometry,
                rows,
                gates: buffers.gates,
                previous_cells: buffers.previous_cells,
                cells: buffers.cells,
                sums: &mut *sums.diagonal,
                add,
            };
            vectorize(self.plan.level, diagonal);
        }
        let (pitch, width) = (shape.geometry.state_pitch, shape.geometry.hidden);
        let inputs = self.plan.config().layer_input(self.layer);
        let mut room = buffers.arranged_inputs;
        let mut arrange = |is_read: bool, floats, pitch, width| {
            let from = Rows { floats, pitch, width: if is_read { width } else { 0 } };
            let (own, rest) = std::mem::take(&mut room).split_at_mut(count * from.width);
            room = rest;
            vectorize(self.plan.level, ArrangeInputs { rows, from, to: &mut *own });
            &*own
        };
        let inputs = Arranged {
            input: arrange(true, buffers.inputs, inputs, inputs),
            hidden: arrange(true, buffers.previous_hidden, pitch, width),
            one: arrange(true, &[1.0], 0, 1),
            cell: arrange(!sums.cell.is_empty(), buffers.previous_cells, pitch, width),
            cell_output: arrange(!sums.cell_output.is_empty(), buffers.cells, pitch, width),
        };
        let chunk = Chunk { rows, count, gates: buffers.gates, inputs, add };
        let blocks =
            Blocks { range: 0..shape.geometry.blocks, sums, gates: buffers.arranged_gates };
        self.blocks(&chunk, blocks, self.plan.threads);
    }

    /// The products of some blocks, halved until there is a part for each thread.
    fn blocks(&self, chunk: &Chunk<'_>, blocks: Blocks<'_>, threads: usize) {
        let Blocks { range, sums, gates } = blocks;
        if threads == 1 || range.len() == 1 {
            return self.products(chunk, Blocks { range, sums, gates });
        }
        let half = range.len() / 2;
        let (sums, other_sums) = sums.split_blocks(half, range.len());
        let floats = half * chunk.count * 4 * self.plan.shape.lanes;
        let (gates, other_gates) = gates.split_at_mut(floats);
        let middle = range.start + half;
        let one = Blocks { range: range.start..middle, sums, gates };
        let other = Blocks { range: middle..range.end, sums: other_sums, gates: other_gates };
        self.crew.both(
            || self.blocks(chunk, one, threads.div_ceil(2)),
            || self.blocks(chunk, other, threads.div_ceil(2)),
        );
    }

    fn products(&self, chunk: &Chunk<'_>, blocks: Blocks<'_>) {
        let Blocks { range, sums, gates: arranged } = blocks;
        let (geometry, level) = (&self.plan.shape.geometry, self.plan.level);
        let Chunk { rows, count, gates: from, ref inputs, add } = *chunk;
        let arrange = |gates: Range<usize>, to: &mut [f32]| {
            vectorize(
                level,
                ArrangeGates { geometry, rows, from, gates, blocks: range.clone(), to },
            );
        };
        arrange(0..4, arranged);
        let (blocks, gates) = (range.len(), &*arranged);
        for (inputs, sums) in [
            (inputs.input, sums.input),
            (inputs.hidden, sums.hidden),
            (inputs.one, sums.bias),
            (inputs.cell, sums.cell),
        ] {
            if !inputs.is_empty() {
                let rows = count;
                let products =
                    OuterProducts::<4> { geometry, blocks, rows, gates, inputs, sums, add };
                vectorize(level, products);
            }
        }
        if !inputs.cell_output.is_empty() {
            arrange(3..4, arranged);
            let (rows, gates, sums) = (count, &*arranged, sums.cell_output);
            let inputs = inputs.cell_output;
            let products = OuterProducts::<1> { geometry, blocks, rows, gates, inputs, sums, add };
            vectorize(level, products);
        }
    }
}
