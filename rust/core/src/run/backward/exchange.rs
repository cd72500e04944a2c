//! Products of a step backwards with the weights of some parts of the units, and how the parts exchange what they give.
//!
//! In: gate gradients of a step's rows. Out: gradients of states of all units, of which the thread computed its own
//! parts and other threads the rest. It does not know which threads those are.

use super::super::threads::{Done, SliceExchange};
use super::buffers::{GroupChunk, RowBuffers, States};
use super::pass::LayerPass;
use crate::gate::Gate;
use crate::kernel::{Geometry, Rows, TransposedProduct, WideRows};
use crate::level::vectorize;
use crate::plan::Product;
use crate::products::Route;
use std::ops::Range;

/// What gate gradients are multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartProduct {
    /// Hidden weights: the gradient of the hidden state before the step.
    Hidden,
    /// Full peepholes of input, forget and candidate gate: of the cell state before the step, increased.
    Cells,
    /// The full peephole of the output gate: of the cell state after the step, increased.
    Within,
}

/// A step of a chunk, and the parts of the units that a thread computes.
#[derive(Clone, Copy)]
pub(super) struct PartStep<'s, 'a, 'b> {
    pub(super) pass: &'s LayerPass<'a, 'b>,
    pub(super) chunk: GroupChunk<'s>,
    pub(super) step: usize,
    /// How many steps of the chunk were computed before it.
    pub(super) number: usize,
    pub(super) own: &'s [usize],
}

impl PartStep<'_, '_, '_> {
    /// The product of the own parts, and what others give of it.
    pub(super) fn compute(
        self,
        product: PartProduct,
        exchange: &SliceExchange,
        buffers: &mut RowBuffers<'_>,
        slice: &mut [f32],
    ) -> Done {
        // A step without rows has nothing to multiply.
        let own = if self.rows() == 0 { &[] } else { self.own };
        for &part in own {
            let vectors = self.pass.plan.backward_part(part);
            if product == PartProduct::Hidden && self.route() == Route::Gemm {
                self.by_library(&vectors, buffers)?;
            } else {
                self.by_panels(product, &vectors, buffers);
            }
        }
        self.exchange(exchange, states_of(product, &mut buffers.states), slice)
    }

    /// Rows of the step.
    fn rows(self) -> usize {
        self.chunk.group.active_at(self.step)
    }

    fn route(self) -> Route {
        self.pass.plan.layer.products.route(Product::Transposed, self.rows())
    }

    /// Hidden weights by a library, for some vectors of outputs.
    fn by_library(self, vectors: &Range<usize>, buffers: &mut RowBuffers<'_>) -> Done {
        let (floats, outputs) = (self.floats_of(vectors), self.pass.plan.layer.config.outputs);
        let some = floats.start.min(outputs)..floats.end.min(outputs);
        self.pass.multiply_hidden(self.chunk, self.step, some, buffers)
    }

    /// Some vectors of outputs by panels, whole blocks of them.
    fn by_panels(self, product: PartProduct, vectors: &Range<usize>, buffers: &mut RowBuffers<'_>) {
        let layer = &self.pass.plan.layer;
        let Geometry { gate_pitch, .. } = layer.shape.geometry;
        let (units, weights) = (layer.shape.padded_units(), self.pass.weights);
        let RowBuffers { chunk, derivatives, states, .. } = buffers;
        let of_step = &chunk.gates[self.chunk.row_of(self.step) * gate_pitch..];
        let (gates, floats, panel) = match product {
            PartProduct::Hidden => (Gate::COUNT, of_step, &weights.hidden),
            PartProduct::Cells => (Gate::EARLY.len(), of_step, &weights.cell),
            PartProduct::Within => {
                (1, &derivatives[Gate::Output.index() * units..], &weights.cell_output)
            }
        };
        let width = gates * units;
        let floats_of_part = self.floats_of(vectors);
        let (first, end) = (floats_of_part.start, floats_of_part.end);
        let out = WideRows {
            floats: &mut states_of(product, states)[first..],
            pitch: self.pitch(),
            vectors: vectors.len(),
        };
        let product = TransposedProduct {
            geometry: &layer.shape.geometry,
            rows: Rows { floats, pitch: gate_pitch, width },
            count: self.rows(),
            weights: &panel[first * width..end * width],
            out,
            add: product != PartProduct::Hidden,
        };
        vectorize(layer.level, product);
    }

    /// Let the others know what the own parts gave, and get what theirs did.
    fn exchange(self, exchange: &SliceExchange, states: &mut [f32], slice: &mut [f32]) -> Done {
        let (plan, rows, pitch) = (self.pass.plan, self.rows(), self.pitch());
        for &part in self.own {
            let floats = self.floats_of(&plan.backward_part(part));
            let of_part = (part, self.number);
            exchange.publish_columns(of_part, &floats, rows, (&*states, pitch), slice)?;
        }
        // Each thread begins with the part behind its first one, so that not all read the same one.
        let first = self.own.first().map_or(0, |own| own + 1);
        let all = (first..plan.backward.parts).chain(0..first);
        for part in all.filter(|part| !self.own.contains(part)) {
            let floats = self.floats_of(&plan.backward_part(part));
            exchange.read_columns((part, self.number), &floats, (&mut *states, pitch))?;
        }
        Ok(())
    }

    /// Floats of a row that some vectors are.
    fn floats_of(self, vectors: &Range<usize>) -> Range<usize> {
        let lanes = self.pass.plan.layer.shape.lanes;
        vectors.start * lanes..vectors.end * lanes
    }

    /// Floats from one row of gradients of states to the next. Layers whose units are divided have as many outputs.
    fn pitch(self) -> usize {
        let layer = &self.pass.plan.layer;
        layer.shape.wide_pitch(layer.config.units)
    }
}

/// The gradients that a product gives.
fn states_of<'s>(product: PartProduct, states: &'s mut States<'_>) -> &'s mut [f32] {
    match product {
        PartProduct::Hidden => states.hidden,
        PartProduct::Cells | PartProduct::Within => states.cell,
    }
}
