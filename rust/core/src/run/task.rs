//! One direction of one layer for one group of batch rows, over a span of steps.
//!
//! In: packed weights, inputs, states, and the group's buffers. Out: the outputs of the steps and the states
//! after them. Steps are taken in chunks: project a chunk, then run the recurrence over it while the
//! pre-activations are still in the cache. It does not know other groups.

use super::copy::{gather_input, scatter_output};
use super::saved::{ChunkRows, SavedRows, TaskCache};
use super::workspace::{StateMemory, TaskMemory};
use crate::aligned::Aligned;
use crate::kernel::{
    FusedChunk, GeneralChunk, GeneralFunctions, PeepholePanels, Project, Rows, Saved, Steps,
};
use crate::level::vectorize;
use crate::pack::Panels;
use crate::plan::{Group, Plan};
use ndarray::{ArrayView3, ArrayViewMut3};
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
    /// Nobody wants them.
    Nowhere,
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
            self.project(steps.clone());
            self.recur(steps);
        }
    }

    /// As many of the remaining steps as fit a chunk, at least one, and not beyond a checkpoint.
    fn next_chunk(&self, done: usize) -> Range<usize> {
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
    fn rows_of(&self, steps: &Range<usize>) -> Range<usize> {
        self.group.order.offsets[steps.start]..self.group.order.offsets[steps.end]
    }

    /// The first row of the span, where sequences of outputs begin.
    fn base(&self) -> usize {
        self.group.order.offsets[self.span.start]
    }

    /// bias + x · W for all rows of the chunk.
    fn project(&mut self, steps: Range<usize>) {
        let rows = self.rows_of(&steps);
        let base = self.base();
        let geometry = &self.plan.shape.geometry;
        let none = Rows { floats: &[], pitch: 0, width: 0 };
        let (inputs, parts) = match self.source {
            Source::Input(input) => {
                gather_input(&input, self.group, steps, &mut self.memory.input);
                let width = self.plan.config().input_size;
                ([Rows { floats: &self.memory.input, pitch: width, width }, none], 1)
            }
            Source::Below(directions) if self.is_dropping() => {
                self.gather_dropped(directions, steps);
                let width = self.plan.config().layer_input(self.layer);
                ([Rows { floats: &self.memory.input, pitch: width, width }, none], 1)
            }
            Source::Saved(directions) => {
                let directions = &directions[..self.plan.config().directions];
                self.gather_saved(directions, steps);
                let width = self.plan.config().layer_input(self.layer);
                ([Rows { floats: &self.memory.input, pitch: width, width }, none], 1)
            }
            Source::Below(directions) => {
                let mut inputs = [none; 2];
                for (part, below) in inputs.iter_mut().zip(directions) {
                    let floats = &below[(rows.start - base) * geometry.state_pitch..];
                    *part = Rows { floats, pitch: geometry.state_pitch, width: geometry.hidden };
                }
                (inputs, directions.len())
            }
        };
        let project = Project {
            geometry,
            inputs: &inputs[..parts],
            weights: self.panels.input,
            bias: self.panels.bias,
            rows: rows.len(),
            pre: &mut self.memory.pre,
        };
        vectorize(self.plan.level, project);
    }

    /// Dropout acts in training, between layers.
    fn is_dropping(&self) -> bool {
        self.cache.is_some() && self.plan.config().dropout.is_active()
    }

    /// Outputs of the layer below times their factors, `[row][direction][unit]`.
    fn gather_dropped(&mut self, below: &[Aligned], steps: Range<usize>) {
        let (Self { plan, group, layer, .. }, base) = (&*self, self.base());
        let (plan, group, layer) = (*plan, *group, *layer);
        let (pitch, hidden) = (plan.shape.geometry.state_pitch, plan.shape.geometry.hidden);
        let mut rows = self.memory.input.chunks_exact_mut(plan.config().layer_input(layer));
        for step in steps {
            for row in 0..group.active_at(step) {
                let Some(to) = rows.next() else { return };
                let from = (group.order.offsets[step] - base + row) * pitch;
                for (to, below) in to.chunks_exact_mut(hidden).zip(below) {
                    to.copy_from_slice(&below[from..][..hidden]);
                }
                plan.config().dropout.apply([layer - 1, step, group.first + row], 0, to);
            }
        }
    }

    /// The same from the cache.
    fn gather_saved(&mut self, below: &[SavedRows<'_>], steps: Range<usize>) {
        let Self { plan, group, layer, .. } = &*self;
        let (plan, group, layer) = (*plan, *group, *layer);
        let hidden = plan.shape.geometry.hidden;
        let mut rows = self.memory.input.chunks_exact_mut(plan.config().layer_input(layer));
        for step in steps {
            for row in 0..group.active_at(step) {
                let Some(to) = rows.next() else { return };
                for (to, below) in to.chunks_exact_mut(hidden).zip(below) {
                    below.read((group.first + row, step, 0), to);
                }
                plan.config().dropout.apply([layer - 1, step, group.first + row], 0, to);
            }
        }
    }

    /// The recurrence over the chunk, and its outputs to where they belong.
    fn recur(&mut self, steps: Range<usize>) {
        let (rows, base) = (self.rows_of(&steps), self.base());
        let Self { plan, group, panels, memory, state, .. } = self;
        let geometry = &plan.shape.geometry;
        let is_saving = self.cache.as_ref().is_some_and(|cache| cache.steps.is_some());
        let saved = is_saving
            .then_some(Saved { gates: &mut memory.saved_gates, cells: &mut memory.saved_cells });
        let out = match &mut self.target {
            Target::Above(sequence) => {
                &mut sequence[(rows.start - base) * geometry.state_pitch..]
                    [..rows.len() * geometry.state_pitch]
            }
            Target::Output(_) | Target::Nowhere => {
                &mut memory.out[..rows.len() * geometry.state_pitch]
            }
        };
        let order =
            Steps { offsets: &group.order.offsets[steps.start..=steps.end], reverse: self.reverse };
        if plan.shape.is_fused {
            let chunk = FusedChunk {
                geometry,
                steps: order,
                hidden_weights: panels.hidden,
                diagonal: panels.diagonal,
                pre: &memory.pre,
                out: &mut *out,
                hidden: &mut state.hidden,
                cell: &mut state.cell,
                saved,
            };
            vectorize(plan.level, chunk);
        } else {
            let config = plan.config();
            let functions =
                GeneralFunctions { gates: config.activations, hidden: config.hidden_activation };
            let chunk = GeneralChunk {
                geometry,
                steps: order,
                functions: &functions,
                hidden_weights: panels.hidden,
                peepholes: PeepholePanels {
                    diagonal: panels.diagonal,
                    cell: panels.cell,
                    cell_output: panels.cell_output,
                },
                pre: &memory.pre,
                out: &mut *out,
                hidden: &mut state.hidden,
                cell: &mut state.cell,
                gates: &mut memory.gates,
                saved,
            };
            vectorize(plan.level, chunk);
        }
        if let Some(cache) = &mut self.cache {
            let chunk =
                ChunkRows { gates: &memory.saved_gates, cells: &memory.saved_cells, hidden: out };
            cache.save(&plan.shape, &group.order.offsets, steps.clone(), &chunk);
        }
        if let Target::Output(output) = &mut self.target {
            scatter_output(output, group, steps, &memory.out, geometry.state_pitch);
        }
    }
}
