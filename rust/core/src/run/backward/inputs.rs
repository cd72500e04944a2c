//! Gradients of a layer's inputs, for all rows of a chunk.
//!
//! In: the gate gradients of one group. Out: rows of the buffer of input gradients, by panels or by a library. Threads
//! that divide the group's units before divide its rows here, each of which is a product of its own.

use super::super::threads::{Divide, Done};
use super::buffers::{GroupChunk, RowBuffers};
use super::pass::LayerPass;
use crate::gate::Gate;
use crate::kernel::{Rows, TransposedProduct};
use crate::level::vectorize;
use crate::plan::Product;
use crate::products::Route;
use std::ops::Range;

/// Some rows of a chunk, for so many threads.
struct InputRows<'m> {
    threads: usize,
    count: usize,
    /// `[row][gate][unit]`
    gates: &'m [f32],
    /// `[row][input]`, at the wide pitch.
    to: &'m mut [f32],
    /// Floats from row to row of both.
    pitches: [usize; 2],
}

impl Divide for InputRows<'_> {
    fn is_whole(&self) -> bool {
        self.threads < 2 || self.count < 2
    }

    fn halve(self) -> (Self, Self) {
        let Self { threads, count, gates, to, pitches } = self;
        let own_threads = threads / 2;
        let own = (count * own_threads / threads).max(1);
        let (to, others) = to.split_at_mut(own * pitches[1]);
        let rest = &gates[own * pitches[0]..];
        (
            Self { threads: own_threads, count: own, gates, to, pitches },
            Self {
                threads: threads - own_threads,
                count: count - own,
                gates: rest,
                to: others,
                pitches,
            },
        )
    }
}

impl LayerPass<'_, '_> {
    /// Gradients of the layer's inputs.
    pub(super) fn input_gradients(
        &self,
        GroupChunk { group, .. }: GroupChunk<'_>,
        steps: &Range<usize>,
        RowBuffers { chunk, d_inputs, .. }: RowBuffers<'_>,
    ) -> Done {
        let layer = &self.plan.layer;
        let offsets = &group.order.offsets;
        let pitch = self.d_input_pitch();
        let first = (offsets[steps.start] - offsets[self.covered.start]) * pitch;
        let rows = InputRows {
            threads: self.plan.backward.parts,
            count: group.rows_of(steps),
            gates: chunk.gates,
            to: &mut d_inputs[first..],
            pitches: [layer.shape.geometry.gate_pitch, pitch],
        };
        let route = layer.products.route(Product::Transposed, rows.count);
        self.threads.divide(rows, &|rows| self.multiply_inputs(rows, route))
    }

    fn multiply_inputs(&self, rows: InputRows<'_>, route: Route) -> Done {
        let InputRows { count, gates, to, .. } = rows;
        let layer = &self.plan.layer;
        let inputs = layer.config.layer_inputs(self.place.layer);
        if route == Route::Gemm {
            let weights = (&*self.weights.input_matrix, inputs, 0..inputs);
            return self.multiply_transposed(gates, count, weights, to);
        }
        let product = TransposedProduct {
            geometry: &layer.shape.geometry,
            rows: Rows {
                floats: gates,
                pitch: layer.shape.geometry.gate_pitch,
                width: Gate::COUNT * layer.shape.padded_units(),
            },
            count,
            weights: &self.weights.input,
            out: self.wide_rows(to, inputs),
            add: false,
        };
        vectorize(layer.level, product);
        Ok(())
    }
}
