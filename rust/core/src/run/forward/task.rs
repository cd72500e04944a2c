//! One direction of one layer for one group of batch rows, over a span of steps.
//!
//! In: packed weights, inputs, states, and the group's buffers. Out: [`Task`], which the files beside this one
//! compute: `input` what it reads, `recurrence` its steps, `matrices` both by a library, `output` where results go,
//! `chunks` all of it in order. It does not know other groups.

use super::super::cache::{LayerOutputs, TaskCache};
use super::super::chunk::{Chunk, Limit, next_steps, steps_of_rows};
use super::workspace::{StateMemory, TaskMemory};
use crate::aligned::Aligned;
use crate::pack::LayerPanels;
use crate::place::{Direction, PerDirection, Place};
use crate::plan::{Group, Plan, Product};
use crate::products::Route;
use ndarray::{ArrayView3, ArrayViewMut2, ArrayViewMut3};
use std::ops::Range;

/// What a layer reads.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) enum Source<'a> {
    /// The caller's input, `[seq_len, rows, input_size]`.
    Input(ArrayView3<'a, f32>),
    /// The outputs of the layer below over the same steps, for each direction, `[row][output]`.
    Below(&'a PerDirection<Aligned>),
    /// What the cache holds of the outputs of the layer below.
    Cached(LayerOutputs<'a>),
}

/// Where the outputs of all steps go.
#[derive(Debug)]
pub(in crate::run) enum Target<'a> {
    /// To the caller, `[seq_len, rows, hidden_size]`.
    Output(ArrayViewMut3<'a, f32>),
    /// To the layer above, `[row][output]`.
    Above(&'a mut [f32]),
    /// A part of the units to the layer above, `[row, output]`.
    Part(ArrayViewMut2<'a, f32>),
    /// Nobody wants them.
    Nowhere,
}

/// One direction of one layer.
pub(in crate::run) struct Task<'a> {
    pub(in crate::run) plan: &'a Plan,
    pub(in crate::run) group: &'a Group,
    pub(in crate::run) panels: &'a LayerPanels,
    pub(in crate::run) place: Place,
    /// The steps to compute.
    pub(in crate::run) span: Range<usize>,
    pub(in crate::run) source: Source<'a>,
    pub(in crate::run) target: Target<'a>,
    /// Before and after the span.
    pub(in crate::run) state: &'a mut StateMemory,
    /// In training.
    pub(in crate::run) cache: Option<&'a mut TaskCache<'a>>,
    pub(in crate::run) memory: &'a mut TaskMemory,
}

impl Task<'_> {
    /// Which way it reads.
    pub(super) fn reading(&self) -> Direction {
        self.place.direction.reading(self.plan.layer.config.variant.reverse)
    }

    /// The chunk that follows when `done` steps of the span have been read.
    pub(super) fn next_chunk(&self, done: usize) -> Chunk {
        let offsets = &self.group.order.offsets;
        let limit = Limit::Rows { offsets, most: self.memory.chunk_rows };
        let steps = next_steps(&self.span, done, self.reading(), limit, self.segment_steps());
        let rows = offsets[steps.start]..offsets[steps.end];
        let products = &self.plan.layer.products;
        let input = products.route(Product::Inputs, rows.len());
        let gemm_steps = steps_of_rows(&steps, offsets, products.least_rows(Product::Hidden));
        // A library adds to pre-activations.
        let projects_with_steps = input == Route::Panels
            && gemm_steps.is_empty()
            && self.plan.projects_with_steps(rows.len(), steps.len());
        Chunk { steps, rows, input, gemm_steps, projects_with_steps }
    }

    /// Steps from one checkpoint to the next.
    pub(super) fn segment_steps(&self) -> usize {
        let config = self.plan.config();
        if self.cache.is_some() { config.segment_steps() } else { config.seq_len }
    }

    /// The first row of a chunk in the sequences of outputs, which begin with the span.
    pub(super) fn first_row(&self, chunk: &Chunk) -> usize {
        chunk.rows.start - self.group.order.offsets[self.span.start]
    }
}
