//! The recurrence of a task over some steps of a chunk, by the fused kernel or the general one.
//!
//! In: a task that has taken the inputs of the chunk. Out: the outputs of the steps, row by row, the states
//! after them, and what training keeps, all in the task's buffers. It does not know where outputs go then.

use super::task::{Target, Task};
use crate::kernel::{
    BlockOrder, FusedChunk, FusedFrom, GeneralChunk, GeneralFunctions, PeepholePanels, Projected,
    Saved, Steps,
};
use crate::level::vectorize;
use std::ops::Range;

/// The task's buffers from the first row of some steps on.
struct Buffers<'t> {
    /// That row's position in the chunk.
    first: usize,
    order: Steps<'t>,
    blocks: BlockOrder,
    /// Gathered inputs of the whole chunk.
    inputs: &'t [f32],
    pre: &'t [f32],
    out: &'t mut [f32],
    hidden: &'t mut [f32],
    cell: &'t mut [f32],
    /// Room of the general recurrence.
    gates: &'t mut [f32],
    saved: Option<Saved<'t>>,
}

impl Task<'_> {
    /// The recurrence over some steps of a chunk.
    pub(super) fn steps(&mut self, chunk: &Range<usize>, steps: &Range<usize>) {
        if self.plan.shape.is_fused {
            self.fused_steps(chunk, steps);
        } else {
            self.general_steps(chunk, steps);
        }
        if !steps.len().is_multiple_of(2) {
            self.memory.recurrence = self.memory.recurrence.turned();
        }
    }

    fn fused_steps(&mut self, chunk: &Range<usize>, steps: &Range<usize>) {
        let own = self.projects_with_steps(chunk).then(|| self.inputs(chunk));
        let (plan, panels) = (self.plan, self.panels);
        let geometry = &plan.shape.geometry;
        let Buffers { first, order, blocks, inputs, pre, out, hidden, cell, saved, .. } =
            self.buffers(chunk, steps);
        let chunk = FusedChunk {
            geometry,
            blocks,
            steps: order,
            hidden_weights: panels.hidden,
            diagonal: panels.diagonal,
            out,
            hidden,
            cell,
            saved,
        };
        match own {
            Some(own) => {
                let begin = own.projection(inputs).rows_from(first);
                vectorize(plan.level, FusedFrom { chunk, begin });
            }
            None => vectorize(plan.level, FusedFrom { chunk, begin: Projected(pre) }),
        }
    }

    fn general_steps(&mut self, chunk: &Range<usize>, steps: &Range<usize>) {
        let (plan, panels) = (self.plan, self.panels);
        let config = plan.config();
        let functions =
            GeneralFunctions { gates: config.activations, hidden: config.hidden_activation };
        let Buffers { order, blocks, pre, out, hidden, cell, gates, saved, .. } =
            self.buffers(chunk, steps);
        let chunk = GeneralChunk {
            geometry: &plan.shape.geometry,
            blocks,
            steps: order,
            functions: &functions,
            hidden_weights: panels.hidden,
            peepholes: PeepholePanels {
                diagonal: panels.diagonal,
                cell: panels.cell,
                cell_output: panels.cell_output,
            },
            pre,
            out,
            hidden,
            cell,
            gates,
            saved,
        };
        vectorize(plan.level, chunk);
    }

    fn buffers(&mut self, chunk: &Range<usize>, steps: &Range<usize>) -> Buffers<'_> {
        let (rows, base) = (self.rows_of(chunk), self.base());
        let is_saving = self.cache.as_ref().is_some_and(|cache| cache.steps.is_some());
        let Self { plan, group, memory, state, target, .. } = self;
        let geometry = &plan.shape.geometry;
        let offsets = &group.order.offsets;
        let first = offsets[steps.start] - rows.start;
        let (gate_start, state_start) = (first * geometry.gate_pitch, first * geometry.state_pitch);
        let sequence = match target {
            Target::Above(sequence) => &mut sequence[(rows.start - base) * geometry.state_pitch..],
            Target::Output(_) | Target::Part(_) | Target::Nowhere => &mut *memory.out,
        };
        Buffers {
            first,
            order: Steps { offsets: &offsets[steps.start..=steps.end], reverse: self.reverse },
            blocks: memory.recurrence,
            inputs: &memory.input,
            pre: &memory.pre[gate_start..],
            out: &mut sequence[..rows.len() * geometry.state_pitch][state_start..],
            hidden: &mut state.hidden,
            cell: &mut state.cell,
            gates: &mut memory.gates,
            saved: is_saving.then(|| Saved {
                gates: &mut memory.saved_gates[gate_start..],
                cells: &mut memory.saved_cells[state_start..],
            }),
        }
    }
}
