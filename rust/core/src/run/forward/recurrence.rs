//! The recurrence of a task over some steps of a chunk, by the fused kernel or the generic one.
//!
//! In: a task that has taken the inputs of the chunk. Out: the outputs of the steps, row by row, the states
//! after them, and what training keeps, all in the task's buffers. It does not know where outputs go then.

use super::super::chunk::Chunk;
use super::super::threads::Done;
use super::task::{Target, Task};
use crate::kernel::{
    Begin, BlockOrder, FusedChunk, FusedFrom, GenericChunk, GenericFunctions, PeepholePanels,
    Projected, Saved, StepProjection, Steps, Summed,
};
use crate::level::{Level, vectorize};
use crate::place::Direction;
use crate::products::Route;
use std::ops::Range;

/// The task's buffers from the first row of some steps on.
struct StepBuffers<'t> {
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
    /// Scratch of the generic recurrence.
    gates: &'t mut [f32],
    projection: Option<StepProjection<'t>>,
    saved: Option<Saved<'t>>,
}

/// Run the fused kernel of the layer, or that of a variant of it.
fn run_fused<B: Begin>(level: Level, chunk: FusedChunk<'_>, begin: B) {
    if chunk.variant.changes_steps() {
        vectorize(level, FusedFrom::<_, true> { chunk, begin });
    } else {
        vectorize(level, FusedFrom::<_, false> { chunk, begin });
    }
}

impl Task<'_> {
    /// The recurrence over some steps of a chunk, whose inputs have been taken.
    pub(super) fn recur(&mut self, chunk: &Chunk, steps: &Range<usize>) -> Done {
        if chunk.gemm_steps.is_empty() {
            self.steps(chunk, steps, Route::Panels);
            return Ok(());
        }
        self.recur_by_library(chunk, steps)
    }

    /// As [`recur`](Self::recur), where the hidden states of the first steps take the gemm route.
    #[cold]
    fn recur_by_library(&mut self, chunk: &Chunk, steps: &Range<usize>) -> Done {
        let end = chunk.gemm_steps.end.clamp(steps.start, steps.end);
        let (by_library, by_panels) = (steps.start..end, end..steps.end);
        match self.reading() {
            Direction::Forward => {
                by_library.into_iter().try_for_each(|step| self.step_by_library(chunk, step))?;
                self.steps(chunk, &by_panels, Route::Panels);
            }
            Direction::Backward => {
                self.steps(chunk, &by_panels, Route::Panels);
                by_library.rev().try_for_each(|step| self.step_by_library(chunk, step))?;
            }
        }
        Ok(())
    }

    /// One step of all active rows, whose hidden states a library multiplies.
    fn step_by_library(&mut self, chunk: &Chunk, step: usize) -> Done {
        self.multiply_hidden(chunk, step)?;
        self.steps(chunk, &(step..step + 1), Route::Gemm);
        Ok(())
    }

    /// Steps of one route; in that of a library the hidden states have been multiplied.
    fn steps(&mut self, chunk: &Chunk, steps: &Range<usize>, route: Route) {
        if self.plan.layer.shape.is_fused {
            self.fused_steps(chunk, steps, route);
        } else {
            self.generic_steps(chunk, steps, route);
        }
        if !steps.len().is_multiple_of(2) {
            self.memory.recurrence = self.memory.recurrence.reversed();
        }
    }

    fn fused_steps(&mut self, chunk: &Chunk, steps: &Range<usize>, route: Route) {
        let own = chunk.projects_with_steps.then(|| self.inputs(chunk));
        let (plan, panels) = (self.plan, self.panels);
        let (geometry, variant) = (&plan.layer.shape.geometry, &plan.layer.config.variant);
        let StepBuffers {
            first,
            order,
            blocks,
            inputs,
            pre,
            out,
            hidden,
            cell,
            projection,
            saved,
            ..
        } = self.buffers(chunk, steps);
        let chunk = FusedChunk {
            geometry,
            blocks,
            steps: order,
            variant,
            projection,
            hidden_weights: panels.get(|all| &all.hidden),
            diagonal: panels.get(|all| &all.diagonal),
            out,
            hidden,
            cell,
            saved,
        };
        match own {
            _ if route == Route::Gemm => {
                run_fused(plan.layer.level, chunk, Summed(Projected(pre)));
            }
            Some(own) => {
                let begin = own.projection(inputs).rows_from(first);
                run_fused(plan.layer.level, chunk, begin);
            }
            None => run_fused(plan.layer.level, chunk, Projected(pre)),
        }
    }

    fn generic_steps(&mut self, chunk: &Chunk, steps: &Range<usize>, route: Route) {
        let (plan, panels) = (self.plan, self.panels);
        let config = &plan.layer.config;
        let functions =
            GenericFunctions { gates: config.activations, hidden: config.hidden_activation };
        let StepBuffers { order, blocks, pre, out, hidden, cell, gates, projection, saved, .. } =
            self.buffers(chunk, steps);
        let chunk = GenericChunk {
            geometry: &plan.layer.shape.geometry,
            blocks,
            steps: order,
            functions: &functions,
            variant: &config.variant,
            projection,
            hidden_weights: if route == Route::Gemm { &[] } else { panels.get(|all| &all.hidden) },
            peepholes: PeepholePanels {
                diagonal: panels.get(|all| &all.diagonal),
                cell: panels.get(|all| &all.cell),
                cell_output: panels.get(|all| &all.cell_output),
            },
            pre,
            out,
            hidden,
            cell,
            gates,
            saved,
        };
        vectorize(plan.layer.level, chunk);
    }

    /// Part of its caller: a short step would spend its time on handing these over.
    #[inline(always)]
    fn buffers(&mut self, chunk: &Chunk, steps: &Range<usize>) -> StepBuffers<'_> {
        let (rows, first_row) = (chunk.rows.clone(), self.first_row(chunk));
        let is_saving = self.cache.as_ref().is_some_and(|cache| cache.steps.is_some());
        let reverse = self.reading() == Direction::Backward;
        let Self { plan, group, panels, memory, state, target, .. } = self;
        let geometry = &plan.layer.shape.geometry;
        let offsets = &group.order.offsets;
        let first = offsets[steps.start] - rows.start;
        let (gate_start, cell_start) = (first * geometry.gate_pitch, first * geometry.cell_pitch);
        let output_pitch = geometry.output_pitch;
        let sequence = match target {
            Target::Above(sequence) => &mut sequence[first_row * output_pitch..],
            Target::Output(_) | Target::Part(_) | Target::Nowhere => &mut *memory.out,
        };
        StepBuffers {
            first,
            order: Steps { offsets: &offsets[steps.start..=steps.end], reverse },
            blocks: memory.recurrence,
            inputs: &memory.input,
            pre: &memory.pre[gate_start..],
            out: &mut sequence[..rows.len() * output_pitch][first * output_pitch..],
            hidden: &mut state.hidden,
            cell: &mut state.cell,
            gates: &mut memory.gates,
            projection: plan.layer.config.variant.projects.then_some(StepProjection {
                weights: panels.get(|all| &all.projection),
                values: &mut memory.unprojected,
            }),
            saved: is_saving.then(|| Saved {
                gates: &mut memory.saved_gates[gate_start..],
                cells: &mut memory.saved_cells[cell_start..],
            }),
        }
    }
}
