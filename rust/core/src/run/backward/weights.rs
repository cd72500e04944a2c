//! The gradients of the weights of one direction of a layer, chunk by chunk.
//!
//! In: the gate gradients of a chunk and what the gates read (`arranged`). Out: sums in the order of the packed
//! weights, increased; those of input and hidden weights by a library where the plan says so (`matrices`). Threads
//! divide the blocks of units among them, so that each sum belongs to one of them.

use super::super::threads::{Divide, Done};
use super::arranged::Arranged;
use super::buffers::ChunkMemory;
use super::pass::{DirectionBuffers, DirectionMemory, GradientMemory, LayerPass, SumMemory};
use crate::error::Broken;
use crate::gate::Gate;
use crate::kernel::{ArrangeUnits, ChunkRows, DiagonalProducts, OuterProducts, Rows};
use crate::level::vectorize;
use crate::place::Direction;
use crate::plan::PanelsMut;
use crate::products::Route;
use std::ops::Range;

/// What all blocks share.
struct ChunkArrays<'m> {
    rows: ChunkRows<'m>,
    count: usize,
    memory: &'m ChunkMemory,
    /// Whether there are sums to add to.
    add: bool,
}

/// Some blocks of units.
struct GradientBlocks<'m> {
    range: Range<usize>,
    /// For each thread that takes a part of them.
    threads: &'m mut [SumMemory],
    sums: PanelsMut<'m>,
    /// Memory for gate gradients, `[block][row][gate][lane]`.
    gates: &'m mut [f32],
}

impl Divide for GradientBlocks<'_> {
    fn is_whole(&self) -> bool {
        self.threads.len() < 2 || self.range.len() < 2
    }

    fn halve(self) -> (Self, Self) {
        let Self { range, threads, sums, gates } = self;
        let all = range.len();
        let (own, others) = threads.split_at_mut(threads.len() / 2);
        let half = (all * own.len() / (own.len() + others.len())).max(1);
        let (sums, other_sums) =
            sums.map(|panel| panel.split_at_mut(panel.len() / all * half)).unzip();
        let (gates, other_gates) = gates.split_at_mut(gates.len() / all * half);
        let middle = range.start + half;
        (
            Self { range: range.start..middle, threads: own, sums, gates },
            Self {
                range: middle..range.end,
                threads: others,
                sums: other_sums,
                gates: other_gates,
            },
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
        let DirectionMemory { chunk: memory, arranged_gates, sums: threads, .. } = memory;
        let memory = &*memory;
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
        let chunk = ChunkArrays { rows, count, memory, add };
        let floats = count * Gate::COUNT * shape.padded_units();
        let blocks = GradientBlocks {
            range: 0..shape.geometry.blocks,
            threads,
            sums,
            gates: &mut arranged_gates[..floats],
        };
        self.threads.divide(blocks, &|blocks| self.products(&chunk, blocks))
    }

    fn products(&self, chunk: &ChunkArrays<'_>, blocks: GradientBlocks<'_>) -> Done {
        let GradientBlocks { range, threads, sums, gates: arranged } = blocks;
        let ChunkArrays { rows, count, memory, add } = *chunk;
        let own = threads.first_mut().ok_or(Broken("sums for no thread at all"))?;
        let inputs: Arranged<'_> = self.arrange((rows, count), memory, &sums, own)?;
        let (shape, level) = (&self.plan.layer.shape, self.plan.layer.level);
        let (geometry, units) = (&shape.geometry, shape.padded_units());
        let (gates, unprojected) = (&*memory.gates, &*memory.unprojected);
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
        Ok(())
    }
}
