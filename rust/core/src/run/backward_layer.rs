//! One direction of one layer, backwards: chunk by chunk, first the recurrence of all groups, then the sums
//! of weight gradients over all of them.
//!
//! In: a [`LayerPass`] and the direction's buffers. Out: gradients of the states before the sequence, of the
//! layer's inputs, and of its weights, all in the workspace.

use super::backward::Buffers;
use super::backward_arrays::BackwardArrays;
use super::backward_workspace::RowBuffers;
use super::pool::Crew;
use super::stage::{SavedLayer, stage};
use crate::aligned::Aligned;
use crate::kernel::{
    BackwardChunk, BackwardPanels, BackwardScratch, GeneralFunctions, Rows, Steps,
    TransposedProduct,
};
use crate::level::vectorize;
use crate::pack::TransposedPanels;
use crate::plan::{Group, Plan};
use std::ops::Range;

/// Rows whose gate gradients are summed one by one before the sum joins the others. Two short chains of
/// additions lose less than one long one: an error of about sqrt(2048) roundings instead of sqrt(rows).
const ROWS_OF_A_SUM: usize = 2048;

/// One direction of one layer, over a span of steps.
pub(super) struct LayerPass<'a, 'b> {
    pub(super) plan: &'a Plan,
    pub(super) crew: Crew,
    pub(super) weights: &'a TransposedPanels,
    /// What the forward pass left of the span.
    pub(super) saved: &'a SavedLayer<'a>,
    pub(super) arrays: &'a BackwardArrays<'b>,
    pub(super) layer: usize,
    pub(super) direction: usize,
    /// Gradients of the inputs of the layer above, for each direction; `None` for the last layer.
    pub(super) above: Option<&'a [Aligned]>,
    /// Whether anybody wants the gradients of this layer's inputs.
    pub(super) wants_d_inputs: bool,
    /// The steps to take.
    pub(super) span: Range<usize>,
    /// The steps whose gradients the buffers of input gradients hold, the span's among them.
    pub(super) covered: Range<usize>,
}

impl LayerPass<'_, '_> {
    /// All steps of the span, the last one of the forward pass first.
    pub(super) fn run(&self, buffers: Buffers<'_>) {
        let Buffers { memory, gradients, d_inputs } = buffers;
        let mut done = 0;
        while done < self.span.len() {
            let steps = self.next_chunk(done);
            done += steps.len();
            self.groups(&self.plan.groups, &steps, memory.rows(gradients), d_inputs);
            self.weight_gradients(&steps, memory.products(gradients));
            let at = if self.direction == 0 { steps.start } else { steps.end };
            if at.is_multiple_of(self.steps_of_a_sum()) {
                gradients.sum_weights();
            }
        }
    }

    /// Where a row's gradient of its inputs, or of the layer's above, stands among all groups' rows.
    pub(super) fn place_of(&self, group: &Group, step: usize, row: usize) -> usize {
        let before = self.plan.groups.iter().take_while(|other| other.first < group.first);
        let start: usize = before.map(|other| other.rows_of(&self.covered)).sum();
        start + group.order.offsets[step] - group.order.offsets[self.covered.start] + row
    }

    /// Floats from one row of input gradients to the next.
    fn d_input_pitch(&self) -> usize {
        self.plan.shape.wide_pitch(self.plan.config().layer_input(self.layer))
    }

    fn steps_of_a_sum(&self) -> usize {
        (ROWS_OF_A_SUM / self.plan.config().batch_size).max(1)
    }

    /// As many of the remaining steps as fit a chunk, not beyond the end of a sum.
    fn next_chunk(&self, done: usize) -> Range<usize> {
        let (chunk, sum) = (self.plan.training_chunk_steps, self.steps_of_a_sum());
        let span = &self.span;
        if self.direction == 0 {
            let end = span.end - done;
            end.saturating_sub(chunk).max((end - 1) / sum * sum).max(span.start)..end
        } else {
            let start = span.start + done;
            start..(start + chunk).min((start / sum + 1) * sum).min(span.end)
        }
    }

    /// The recurrence of all groups, halved until one is left.
    fn groups(
        &self,
        groups: &[Group],
        steps: &Range<usize>,
        buffers: RowBuffers<'_>,
        d_inputs: &mut [f32],
    ) {
        match groups {
            [] => {}
            [group] => self.group(group, steps.clone(), buffers, d_inputs),
            _ => {
                let (groups, others) = groups.split_at(groups.len() / 2);
                let (buffers, other_buffers) = self.split(groups, buffers);
                let rows: usize = groups.iter().map(|group| group.rows_of(&self.covered)).sum();
                let (d_inputs, other_d_inputs) = d_inputs.split_at_mut(rows * self.d_input_pitch());
                self.crew.both(
                    || self.groups(groups, steps, buffers, d_inputs),
                    || self.groups(others, steps, other_buffers, other_d_inputs),
                );
            }
        }
    }

    fn split<'b>(
        &self,
        groups: &[Group],
        buffers: RowBuffers<'b>,
    ) -> (RowBuffers<'b>, RowBuffers<'b>) {
        let shape = &self.plan.shape;
        let geometry = &shape.geometry;
        let rows: usize = groups.iter().map(|group| group.rows).sum();
        let pitches =
            (geometry.gate_pitch, geometry.state_pitch, self.plan.config().layer_input(self.layer));
        let (chunk, other_chunk) =
            buffers.chunk.split_rows(rows * self.plan.training_chunk_steps, pitches);
        let wide = rows * shape.wide_pitch(geometry.hidden);
        let (d_hidden, other_d_hidden) = buffers.d_hidden.split_at_mut(wide);
        let (d_cell, other_d_cell) = buffers.d_cell.split_at_mut(wide);
        let (derivatives, other_derivatives) =
            buffers.derivatives.split_at_mut(rows * geometry.gate_pitch);
        let (activated, other_activated) =
            buffers.activated.split_at_mut(groups.len() * 2 * shape.units());
        (
            RowBuffers { chunk, d_hidden, d_cell, derivatives, activated },
            RowBuffers {
                chunk: other_chunk,
                d_hidden: other_d_hidden,
                d_cell: other_d_cell,
                derivatives: other_derivatives,
                activated: other_activated,
            },
        )
    }

    /// A chunk of one group: gate gradients, state gradients, input gradients.
    fn group(
        &self,
        group: &Group,
        steps: Range<usize>,
        buffers: RowBuffers<'_>,
        d_inputs: &mut [f32],
    ) {
        let RowBuffers { mut chunk, d_hidden, d_cell, derivatives, activated } = buffers;
        stage(self, group, steps.clone(), &mut chunk);
        let (config, shape) = (self.plan.config(), &self.plan.shape);
        let general =
            GeneralFunctions { gates: config.activations, hidden: config.hidden_activation };
        let offsets = &group.order.offsets;
        let backward = BackwardChunk {
            geometry: &shape.geometry,
            steps: Steps {
                offsets: &offsets[steps.start..=steps.end],
                reverse: self.direction == 0,
            },
            functions: Some(general).filter(|_| !shape.is_fused),
            panels: BackwardPanels {
                hidden: &self.weights.hidden,
                diagonal: &self.weights.diagonal,
                cell: &self.weights.cell,
                cell_output: &self.weights.cell_output,
            },
            gates: chunk.gates,
            cells: chunk.cells,
            previous_cells: chunk.previous_cells,
            incoming: chunk.incoming,
            d_hidden,
            d_cell,
            wide_pitch: shape.wide_pitch(config.hidden_size),
            wide_vectors: shape.wide_vectors(config.hidden_size),
            scratch: BackwardScratch { derivatives, activated },
        };
        vectorize(self.plan.level, backward);
        if !self.wants_d_inputs {
            return;
        }
        let count = offsets[steps.end] - offsets[steps.start];
        let pitch = self.d_input_pitch();
        let product = TransposedProduct {
            geometry: &shape.geometry,
            rows: Rows {
                floats: chunk.gates,
                pitch: shape.geometry.gate_pitch,
                width: 4 * shape.units(),
            },
            count,
            weights: &self.weights.input,
            vectors: shape.wide_vectors(config.layer_input(self.layer)),
            out: &mut d_inputs[(offsets[steps.start] - offsets[self.covered.start]) * pitch..],
            pitch,
            add: false,
        };
        vectorize(self.plan.level, product);
    }
}
