//! One direction of one layer for one group of batch rows, over a span of steps.
//!
//! In: packed weights, inputs, states, and the group's buffers. Out: the outputs of the steps and the states
//! after them. Steps are taken in chunks: take the inputs of a chunk, then run the recurrence over it while
//! they are still in the cache. It does not know other groups.

use super::copy::{scatter_output, write_row};
use super::exchange::Units;
use super::saved::{ChunkRows, SavedRows, TaskCache};
use super::workspace::{StateMemory, TaskMemory};
use crate::aligned::Aligned;
use crate::pack::Panels;
use crate::plan::{Group, Plan};
use ndarray::{ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis};
use std::ops::Range;

/// What a layer reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// The caller's input, `[seq_len, rows, input_size]`.
    Input(ArrayView3<'a, f32>),
    /// The outputs of the layer below over the same steps, for each direction, `[row][unit]`.
    Below(&'a [Aligned]),
    /// What the cache holds of the outputs of the layer below, for each direction.
    Saved([SavedRows<'a>; 2]),
}

/// Where the outputs of all steps go.
#[derive(Debug)]
pub(super) enum Target<'a> {
    /// To the caller, `[seq_len, rows, hidden_size]`.
    Output(ArrayViewMut3<'a, f32>),
    /// To the layer above, `[row][unit]`.
    Above(&'a mut [f32]),
    /// A part of the units to the layer above, `[row, unit]`.
    Part(ArrayViewMut2<'a, f32>),
    /// Nobody wants them.
    Nowhere,
}

impl Target<'_> {
    /// For each part of the units.
    pub(super) fn divide(self, plan: &Plan) -> Vec<Self> {
        let pitch = plan.shape.geometry.state_pitch;
        let mut rest = match self {
            Self::Above(sequence) => {
                let rows = sequence.len() / pitch;
                ArrayViewMut2::from_shape((rows, pitch), sequence).map_or(Self::Nowhere, Self::Part)
            }
            other => other,
        };
        let split = |part| {
            let count = plan.real_units(part).len();
            let own;
            (own, rest) = match std::mem::replace(&mut rest, Self::Nowhere) {
                Self::Output(output) => {
                    let (own, rest) = output.split_at(Axis(2), count);
                    (Self::Output(own), Self::Output(rest))
                }
                Self::Part(units) => {
                    let (own, rest) = units.split_at(Axis(1), count);
                    (Self::Part(own), Self::Part(rest))
                }
                Self::Above(_) | Self::Nowhere => (Self::Nowhere, Self::Nowhere),
            };
            own
        };
        (0..plan.parts).map(split).collect()
    }
}

/// One direction of one layer.
pub(super) struct Task<'a> {
    pub(super) plan: &'a Plan,
    pub(super) group: &'a Group,
    pub(super) panels: Panels<'a>,
    /// Which layer this is; the lowest is 0.
    pub(super) layer: usize,
    /// Whether the last step is read first.
    pub(super) reverse: bool,
    /// The steps to compute.
    pub(super) span: Range<usize>,
    pub(super) source: Source<'a>,
    pub(super) target: Target<'a>,
    /// Before and after the span.
    pub(super) state: &'a mut StateMemory,
    /// In training.
    pub(super) cache: Option<TaskCache<'a>>,
    pub(super) memory: &'a mut TaskMemory,
}

impl Task<'_> {
    /// Compute everything.
    pub(super) fn run(mut self) {
        let mut done = 0;
        while done < self.span.len() {
            let steps = self.next_chunk(done);
            done += steps.len();
            self.checkpoint(&steps);
            self.take_inputs(&steps);
            self.recur(steps);
        }
    }

    /// As many of the remaining steps as fit a chunk, at least one, and not beyond a checkpoint.
    pub(super) fn next_chunk(&self, done: usize) -> Range<usize> {
        let offsets = &self.group.order.offsets;
        let rows = self.memory.chunk_rows;
        let segment = self.segment_steps();
        if self.reverse {
            let end = self.span.end - done;
            let least = offsets[end].saturating_sub(rows);
            let start = offsets[..end].partition_point(|&offset| offset < least);
            start.max((end - 1) / segment * segment).max(self.span.start)..end
        } else {
            let start = self.span.start + done;
            let most = offsets[start] + rows;
            let end = offsets.partition_point(|&offset| offset <= most) - 1;
            start..end.min((start / segment + 1) * segment).min(self.span.end)
        }
    }

    /// Steps from one checkpoint to the next.
    fn segment_steps(&self) -> usize {
        let config = self.plan.config();
        if self.cache.is_some() { config.segment_steps() } else { config.seq_len }
    }

    /// Save the states before a chunk that begins a segment.
    fn checkpoint(&mut self, steps: &Range<usize>) {
        let segment = self.segment_steps();
        let Some(cache) = &mut self.cache else { return };
        let all = self.plan.config().seq_len;
        let begins = if self.reverse {
            steps.end == all || steps.end.is_multiple_of(segment)
        } else {
            steps.start.is_multiple_of(segment)
        };
        if begins {
            let StateMemory { hidden, cell } = self.state;
            cache.save_states(&self.plan.shape, steps.start / segment, cell, hidden);
        }
    }

    /// Rows of the group's sequence that belong to these steps.
    pub(super) fn rows_of(&self, steps: &Range<usize>) -> Range<usize> {
        self.group.order.offsets[steps.start]..self.group.order.offsets[steps.end]
    }

    /// The first row of the span, where sequences of outputs begin.
    pub(super) fn base(&self) -> usize {
        self.group.order.offsets[self.span.start]
    }

    /// The recurrence over the chunk, and its outputs to where they belong.
    fn recur(&mut self, steps: Range<usize>) {
        self.steps(&steps, &steps);
        self.deliver(steps);
    }

    /// One step of a chunk.
    pub(super) fn step(&mut self, chunk: &Range<usize>, step: usize) {
        self.steps(chunk, &(step..step + 1));
    }

    /// The outputs of a chunk to where they belong, and what training keeps of it.
    pub(super) fn deliver(&mut self, steps: Range<usize>) {
        let (rows, base) = (self.rows_of(&steps), self.base());
        let first_unit = self.plan.part_units(self.memory.part).start;
        let Self { plan, group, memory, target, .. } = self;
        let pitch = plan.shape.geometry.state_pitch;
        if let Some(cache) = &mut self.cache {
            let hidden = match target {
                Target::Above(sequence) => &sequence[(rows.start - base) * pitch..],
                Target::Output(_) | Target::Part(_) | Target::Nowhere => &memory.out,
            };
            let chunk =
                ChunkRows { gates: &memory.saved_gates, cells: &memory.saved_cells, hidden };
            cache.save(&plan.shape, &group.order.offsets, steps.clone(), &chunk);
        }
        match target {
            Target::Output(output) => {
                scatter_output(output, group, steps, &memory.out[first_unit..], pitch);
            }
            Target::Part(units) => {
                let from = memory.out[first_unit..].chunks(pitch);
                let to = units.outer_iter_mut().skip(rows.start - base);
                from.zip(to).take(rows.len()).for_each(|(from, to)| write_row(from, to));
            }
            Target::Above(_) | Target::Nowhere => {}
        }
    }

    /// The units of a part in the rows that a step has.
    pub(super) fn units_of(&self, part: usize, step: usize) -> Units {
        Units { rows: self.group.active_at(step), range: self.plan.part_units(part) }
    }
}
