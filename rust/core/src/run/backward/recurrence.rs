//! The recurrence of a chunk of steps backwards, groups of rows side by side.
//!
//! In: a chunk of one direction of a layer. Out: gate gradients, which overwrite the saved gates, and gradients of
//! the states before the chunk, by panels or by a library (`matrices`); `inputs` has those of the layer's inputs,
//! `units` does the same by threads that divide the units of a group. It does not know weight gradients.

use super::super::chunk::steps_of_rows;
use super::super::threads::Done;
use super::buffers::{GroupChunk, RowBuffers};
use super::groups::BackwardGroups;
use super::load::{load_inputs, load_steps};
use super::pass::LayerPass;
use crate::error::Broken;
use crate::kernel::{
    BackwardChunk, BackwardHalf, BackwardPanels, BackwardProjection, BackwardScratch,
    GenericFunctions, Geometry, Steps, WideRows,
};
use crate::level::vectorize;
use crate::place::Direction;
use crate::plan::{Group, Product};
use crate::products::Route;
use std::ops::Range;

impl LayerPass<'_, '_> {
    /// The recurrence of all groups.
    pub(super) fn recur(&self, steps: &Range<usize>, buffers: RowBuffers<'_>) -> Done {
        let groups = BackwardGroups { pass: self, groups: &self.plan.backward_groups, buffers };
        self.threads.divide(groups, &|BackwardGroups { groups, buffers, .. }: BackwardGroups<
            '_,
            '_,
            '_,
        >| {
            match groups {
                [group] => self.recur_group(group, steps, buffers),
                // A plan has one group at least.
                _ => Err(Broken("no rows at all")),
            }
        })
    }

    /// A chunk of one group: gate gradients, state gradients, input gradients.
    fn recur_group(
        &self,
        group: &Group,
        steps: &Range<usize>,
        mut buffers: RowBuffers<'_>,
    ) -> Done {
        let chunk = GroupChunk { group, start: steps.start };
        if let [parts] = std::mem::take(&mut buffers.parts) {
            self.recur_parts((chunk, steps), parts, &mut buffers)?;
        } else {
            load_steps(self, chunk, steps, &mut buffers.chunk)?;
            self.recur_whole(chunk, steps, &mut buffers)?;
        }
        if self.plan.gradients == Route::Gemm {
            load_inputs(self, chunk, steps, &mut buffers.chunk)?;
        }
        if self.wants_d_inputs { self.input_gradients(chunk, steps, buffers) } else { Ok(()) }
    }

    /// All units by one thread.
    fn recur_whole(
        &self,
        chunk: GroupChunk<'_>,
        steps: &Range<usize>,
        buffers: &mut RowBuffers<'_>,
    ) -> Done {
        let least = self.plan.layer.products.least_rows(Product::Transposed);
        let by_library = steps_of_rows(steps, &chunk.group.order.offsets, least);
        let by_panels = by_library.end..steps.end;
        let all = self.panels();
        match self.reading() {
            Direction::Forward => {
                self.steps(chunk, &by_panels, buffers, (BackwardHalf::Whole, all));
                by_library.rev().try_for_each(|at| self.step_by_library(chunk, at, buffers))
            }
            Direction::Backward => {
                for step in by_library {
                    self.step_by_library(chunk, step, buffers)?;
                }
                self.steps(chunk, &by_panels, buffers, (BackwardHalf::Whole, all));
                Ok(())
            }
        }
    }

    /// All that gate gradients are multiplied with.
    fn panels(&self) -> BackwardPanels<'_> {
        BackwardPanels {
            hidden: &self.weights.hidden,
            diagonal: &self.weights.diagonal,
            cell: &self.weights.cell,
            cell_output: &self.weights.cell_output,
        }
    }

    /// One step of all active rows, whose gate gradients a library multiplies.
    fn step_by_library(
        &self,
        chunk: GroupChunk<'_>,
        step: usize,
        buffers: &mut RowBuffers<'_>,
    ) -> Done {
        let panels = BackwardPanels { hidden: &[], ..self.panels() };
        self.steps(chunk, &(step..step + 1), buffers, (BackwardHalf::Whole, panels));
        self.multiply_hidden(chunk, step, 0..self.plan.layer.config.outputs, buffers)
    }

    /// A half of some steps of a chunk, or all of them, with these panels; without one, the gradient that comes through
    /// it is left to others.
    pub(super) fn steps(
        &self,
        at: GroupChunk<'_>,
        steps: &Range<usize>,
        buffers: &mut RowBuffers<'_>,
        (half, panels): (BackwardHalf, BackwardPanels<'_>),
    ) {
        let RowBuffers { chunk, states, d_unprojected, derivatives, activated, .. } = buffers;
        let layer = &self.plan.layer;
        let (config, shape) = (&layer.config, &layer.shape);
        let Geometry { gate_pitch, cell_pitch, output_pitch, .. } = shape.geometry;
        let first = at.row_of(steps.start);
        let (cell_start, output_start) = (first * cell_pitch, first * output_pitch);
        let generic =
            GenericFunctions { gates: config.activations, hidden: config.hidden_activation };
        let backward = BackwardChunk {
            geometry: &shape.geometry,
            steps: Steps {
                offsets: &at.group.order.offsets[steps.start..=steps.end],
                reverse: self.reading() == Direction::Forward,
            },
            functions: Some(generic).filter(|_| !shape.saves_activated),
            half,
            variant: &config.variant,
            panels,
            projection: config.variant.projects.then(|| BackwardProjection {
                weights: &self.weights.projection,
                values: &mut chunk.unprojected[cell_start..],
                d_values: self.wide_rows(d_unprojected, config.units),
            }),
            gates: &mut chunk.gates[first * gate_pitch..],
            cells: &chunk.cells[cell_start..],
            previous_cells: &chunk.previous_cells[cell_start..],
            incoming: &mut chunk.incoming[output_start..],
            d_hidden: self.wide_rows(states.hidden, config.outputs),
            d_cell: self.wide_rows(states.cell, config.units),
            scratch: BackwardScratch { derivatives, activated },
        };
        if !steps.is_empty() {
            vectorize(layer.level, backward);
        }
    }

    /// Rows of `outputs` gradients that transposed products compute.
    pub(super) fn wide_rows<'f>(&self, floats: &'f mut [f32], outputs: usize) -> WideRows<'f> {
        let shape = &self.plan.layer.shape;
        let (pitch, vectors) = (shape.wide_pitch(outputs), shape.wide_vectors(outputs));
        WideRows { floats, pitch, vectors }
    }
}
