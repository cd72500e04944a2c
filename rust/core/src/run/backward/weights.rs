//! The gradients of the weights of one direction of a layer, chunk by chunk.
//!
//! In: the gate gradients of a chunk and what the gates read. Out: sums in the order of the packed weights,
//! increased; those of input and hidden weights by a library where the plan says so (`matrices`). Threads divide
//! the blocks of units among them, so that each sum belongs to one of them.

use super::super::threads::{Divide, Done};
use super::pass::{DirectionBuffers, DirectionMemory, GradientMemory, LayerPass};
use crate::gate::Gate;
use crate::kernel::{
    ArrangeInputs, ArrangeUnits, ChunkRows, DiagonalProducts, Geometry, OuterProducts, Rows,
};
use crate::level::vectorize;
use crate::place::Direction;
use crate::plan::PanelsMut;
use crate::products::Route;
use std::ops::Range;

/// What the gates read, `[input][row]`; empty where no gate reads it, or a library sums.
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
    /// Gradients of the outputs, for the projection.
    outputs: &'m [f32],
}

/// What all blocks share.
struct ChunkArrays<'m> {
    rows: ChunkRows<'m>,
    count: usize,
    /// `[row][gate][unit]`
    gates: &'m [f32],
    /// Values of the units that were projected, `[row][unit]`.
    unprojected: &'m [f32],
    inputs: Arranged<'m>,
    /// Whether there are sums to add to.
    add: bool,
}

/// Some blocks of units, for so many threads.
struct GradientBlocks<'m> {
    range: Range<usize>,
    threads: usize,
    sums: PanelsMut<'m>,
    /// Memory for gate gradients, `[block][row][gate][lane]`.
    gates: &'m mut [f32],
}

impl Divide for GradientBlocks<'_> {
    fn is_whole(&self) -> bool {
        self.threads == 1 || self.range.len() < 2
    }

    fn halve(self) -> (Self, Self) {
        let Self { range, threads, sums, gates } = self;
        let (half, all) = (range.len() / 2, range.len());
        let (sums, other_sums) =
            sums.map(|panel| panel.split_at_mut(panel.len() / all * half)).unzip();
        let (gates, other_gates) = gates.split_at_mut(gates.len() / all * half);
        let (middle, threads) = (range.start + half, threads.div_ceil(2));
        (
            Self { range: range.start..middle, threads, sums, gates },
            Self { range: middle..range.end, threads, sums: other_sums, gates: other_gates },
        )
    }
}

impl LayerPass<'_, '_> {
    /// Add a chunk's part to the gradients of all weights.
    pub(super) fn sum_weights(&self, steps: &Range<usize>, buffers: DirectionBuffers<'_>) -> Done {
        let layer = &self.plan.layer;
        let shape = &layer.shape;
        let rows = ChunkRows {
            groups: &self.plan.orders,
            first_step: steps.start,
            end_step: steps.end,
            ascending: self.reading() == Direction::Backward,
        };
        let count = rows.count();
        if count == 0 {
            return Ok(());
        }
        let DirectionBuffers { memory, gradients: GradientMemory { weights, .. }, .. } = buffers;
        let (add, mut sums) = weights.begin();
        if !sums.diagonal.is_empty() {
            let diagonal = DiagonalProducts {
                geometry: &shape.geometry,
                rows,
                gates: &memory.gates,
                previous_cells: &memory.previous_cells,
                cells: &memory.cells,
                sums: &mut *sums.diagonal,
                add,
            };
            vectorize(layer.level, diagonal);
        }
        let by_library = self.plan.gradients == Route::Gemm;
        if by_library {
            self.sum_by_library(rows, memory, &mut sums, add)?;
            let of_panels = [&sums.cell, &sums.cell_output, &sums.projection];
            if of_panels.into_iter().all(|sums| sums.is_empty()) {
                return Ok(());
            }
        }
        let DirectionMemory { arranged_gates, arranged_inputs, .. } = memory;
        let Geometry { cell_pitch, output_pitch, .. } = shape.geometry;
        let (units, outputs) = (layer.config.units, layer.config.outputs);
        let inputs = layer.config.layer_inputs(self.place.layer);
        let mut unused = &mut arranged_inputs[..];
        let mut arrange = |is_read: bool, floats, pitch, width| {
            let from = Rows { floats, pitch, width: if is_read { width } else { 0 } };
            let (own, rest) = std::mem::take(&mut unused).split_at_mut(count * from.width);
            unused = rest;
            vectorize(layer.level, ArrangeInputs { rows, from, to: &mut *own });
            &*own
        };
        let inputs = Arranged {
            input: arrange(!by_library, &memory.inputs, inputs, inputs),
            hidden: arrange(!by_library, &memory.previous_hidden, output_pitch, outputs),
            one: arrange(!by_library, &[1.0], 0, 1),
            cell: arrange(!sums.cell.is_empty(), &memory.previous_cells, cell_pitch, units),
            cell_output: arrange(!sums.cell_output.is_empty(), &memory.cells, cell_pitch, units),
            outputs: arrange(!sums.projection.is_empty(), &memory.incoming, output_pitch, outputs),
        };
        let (gates, unprojected) = (&*memory.gates, &*memory.unprojected);
        let chunk = ChunkArrays { rows, count, gates, unprojected, inputs, add };
        let blocks = shape.geometry.blocks;
        let floats = count * Gate::COUNT * shape.padded_units();
        let blocks = GradientBlocks {
            range: 0..blocks,
            threads: self.plan.threads,
            sums,
            gates: &mut arranged_gates[..floats],
        };
        self.threads.divide(blocks, &|blocks| {
            self.products(&chunk, blocks);
            Ok(())
        })
    }

    fn products(&self, chunk: &ChunkArrays<'_>, blocks: GradientBlocks<'_>) {
        let GradientBlocks { range, sums, gates: arranged, .. } = blocks;
        let (shape, level) = (&self.plan.layer.shape, self.plan.layer.level);
        let (geometry, units) = (&shape.geometry, shape.padded_units());
        let ChunkArrays { rows, count, gates, unprojected, ref inputs, add } = *chunk;
        let (gate_pitch, cell_pitch) = (geometry.gate_pitch, geometry.cell_pitch);
        let of_gates = Rows { floats: gates, pitch: gate_pitch, width: Gate::COUNT * units };
        let of_units = Rows { floats: unprojected, pitch: cell_pitch, width: units };
        let arrange = |from, parts: &[usize], to: &mut [f32]| {
            let blocks = range.clone();
            vectorize(level, ArrangeUnits { geometry, rows, from, parts, blocks, to });
        };
        arrange(of_gates, &Gate::ALL.map(Gate::index), arranged);
        let (blocks, gates) = (range.len(), &*arranged);
        for (inputs, sums) in [
            (inputs.input, sums.input),
            (inputs.hidden, sums.hidden),
            (inputs.one, sums.bias),
            (inputs.cell, sums.cell),
        ] {
            if !inputs.is_empty() {
                let rows = count;
                let products = OuterProducts::<{ Gate::COUNT }> {
                    geometry,
                    blocks,
                    rows,
                    gates,
                    inputs,
                    sums,
                    add,
                };
                vectorize(level, products);
            }
        }
        if !inputs.cell_output.is_empty() {
            arrange(of_gates, &[Gate::Output.index()], arranged);
            let (rows, gates, sums) = (count, &*arranged, sums.cell_output);
            let inputs = inputs.cell_output;
            let products = OuterProducts::<1> { geometry, blocks, rows, gates, inputs, sums, add };
            vectorize(level, products);
        }
        if !inputs.outputs.is_empty() {
            arrange(of_units, &[0], arranged);
            let (rows, gates, sums) = (count, &*arranged, sums.projection);
            let inputs = inputs.outputs;
            let products = OuterProducts::<1> { geometry, blocks, rows, gates, inputs, sums, add };
            vectorize(level, products);
        }
    }
}
