//! The products of a backward pass by a library.
//!
//! In: gate gradients of a chunk, `[row][gate][unit]`, what the gates read, row by row, and transposed weights.
//! Out: gradients of what the gates read, and sums of weight gradients, `[gate][unit][input]`. Nothing is
//! arranged before: a library takes rows as columns.

use super::super::threads::{Divide, Done};
use super::buffers::{ChunkMemory, GroupChunk, RowBuffers};
use super::pass::LayerPass;
use crate::error::Broken;
use crate::gate::Gate;
use crate::kernel::{BiasSums, ChunkRows, Geometry};
use crate::level::vectorize;
use crate::plan::PanelsMut;
use crate::products::{columns, multiply, rows, rows_mut};
use std::ops::Range;

/// Some rows of the sums of weight gradients, for so many threads.
struct GradientRows<'m> {
    range: Range<usize>,
    threads: usize,
    /// `[gate][unit][layer input]`
    input: &'m mut [f32],
    /// `[gate][unit][output]`
    hidden: &'m mut [f32],
}

impl Divide for GradientRows<'_> {
    fn is_whole(&self) -> bool {
        self.threads == 1 || self.range.len() < 2
    }

    fn halve(self) -> (Self, Self) {
        let Self { range, threads, input, hidden } = self;
        let (half, all) = (range.len() / 2, range.len());
        let (input, other_input) = input.split_at_mut(input.len() / all * half);
        let (hidden, other_hidden) = hidden.split_at_mut(hidden.len() / all * half);
        let (middle, threads) = (range.start + half, threads.div_ceil(2));
        (
            Self { range: range.start..middle, threads, input, hidden },
            Self { range: middle..range.end, threads, input: other_input, hidden: other_hidden },
        )
    }
}

impl LayerPass<'_, '_> {
    /// The gradients of the hidden state before a step, of `some` of its outputs.
    pub(super) fn multiply_hidden(
        &self,
        chunk: GroupChunk<'_>,
        step: usize,
        some: Range<usize>,
        buffers: &mut RowBuffers<'_>,
    ) -> Done {
        let layer = &self.plan.layer;
        let gates = &buffers.chunk.gates[chunk.row_of(step) * layer.shape.geometry.gate_pitch..];
        let weights = (&*self.weights.hidden_matrix, layer.config.outputs, some);
        let rows = chunk.group.active_at(step);
        self.multiply_transposed(gates, rows, weights, buffers.states.hidden)
    }

    /// Gate gradients of `count` rows by transposed weights `[gate][unit][output]`, to `some` of the `outputs` of rows
    /// at the wide pitch.
    pub(super) fn multiply_transposed(
        &self,
        gates: &[f32],
        count: usize,
        (weights, outputs, some): (&[f32], usize, Range<usize>),
        to: &mut [f32],
    ) -> Done {
        let shape = &self.plan.layer.shape;
        let width = self.gate_width();
        let gates = rows(gates, count, width, shape.geometry.gate_pitch)?;
        let to = to.get_mut(some.start..).ok_or(Broken("outputs of other rows"))?;
        let to = rows_mut(to, count, some.len(), shape.wide_pitch(outputs))?;
        multiply(gates, columns(weights, width, outputs, some)?, false, to)
    }

    /// The sums of a chunk's gradients of input weights, hidden weights and biases, overwritten or increased;
    /// they are taken from `sums`.
    pub(super) fn sum_by_library(
        &self,
        rows: ChunkRows<'_>,
        memory: &ChunkMemory,
        sums: &mut PanelsMut<'_>,
        add: bool,
    ) -> Done {
        let layer = &self.plan.layer;
        let [input, hidden, bias] =
            [&mut sums.input, &mut sums.hidden, &mut sums.bias].map(std::mem::take);
        let (geometry, gates) = (&layer.shape.geometry, &memory.gates);
        vectorize(layer.level, BiasSums { geometry, rows, gates, sums: bias, add });
        let (range, threads) = (0..self.gate_width(), self.plan.direction_threads);
        let all = GradientRows { range, threads, input, hidden };
        self.threads.divide(all, &|own| self.sum_rows(rows, memory, own, add))
    }

    fn sum_rows(
        &self,
        chunk: ChunkRows<'_>,
        memory: &ChunkMemory,
        own: GradientRows<'_>,
        add: bool,
    ) -> Done {
        let config = &self.plan.layer.config;
        let Geometry { gate_pitch, output_pitch, .. } = self.plan.layer.shape.geometry;
        let inputs = config.layer_inputs(self.place.layer);
        let GradientRows { range, input, hidden, .. } = own;
        let mut add = add;
        for group in &self.plan.orders {
            let count = group.offsets[chunk.end_step] - group.offsets[chunk.first_step];
            if count == 0 {
                continue;
            }
            let first = group.chunk_start;
            let gates = &memory.gates[first * gate_pitch + range.start..];
            let gates = rows(gates, count, range.len(), gate_pitch)?.reversed_axes();
            for (from, width, pitch, to) in [
                (&memory.inputs, inputs, inputs, &mut *input),
                (&memory.previous_hidden, config.outputs, output_pitch, &mut *hidden),
            ] {
                let from = rows(&from[first * pitch..], count, width, pitch)?;
                multiply(gates, from, add, rows_mut(to, range.len(), width, width)?)?;
            }
            add = true;
        }
        Ok(())
    }

    /// Floats of the gates of a row.
    fn gate_width(&self) -> usize {
        Gate::COUNT * self.plan.layer.shape.padded_units()
    }
}
