//! The recurrence of a chunk of steps backwards, groups of rows side by side.
//!
//! In: a chunk of one direction of a layer. Out: gate gradients, which overwrite the saved gates, gradients of
//! the states before the chunk and of the layer's inputs, by panels or by a library (`matrices`). It does not know
//! weight gradients.

use super::super::chunk::steps_of_rows;
use super::super::threads::Done;
use super::groups::BackwardGroups;
use super::load::load_chunk;
use super::pass::{LayerPass, RowBuffers};
use crate::error::Broken;
use crate::gate::Gate;
use crate::kernel::{
    BackwardChunk, BackwardPanels, BackwardProjection, BackwardScratch, GenericFunctions, Geometry,
    Rows, Steps, TransposedProduct, WideRows,
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
        load_chunk(self, group, steps.clone(), &mut buffers.chunk)?;
        let products = &self.plan.layer.products;
        let least = products.least_rows(Product::Transposed);
        let by_library = steps_of_rows(steps, &group.order.offsets, least);
        let by_panels = by_library.end..steps.end;
        let chunk = GroupChunk { group, start: steps.start };
        let hidden = &self.weights.hidden;
        match self.reading() {
            Direction::Forward => {
                self.steps(chunk, &by_panels, &mut buffers, hidden);
                by_library
                    .rev()
                    .try_for_each(|at| self.step_by_library(chunk, at, &mut buffers))?;
            }
            Direction::Backward => {
                for step in by_library {
                    self.step_by_library(chunk, step, &mut buffers)?;
                }
                self.steps(chunk, &by_panels, &mut buffers, hidden);
            }
        }
        if self.wants_d_inputs { self.input_gradients(group, steps, buffers) } else { Ok(()) }
    }

    /// One step of all active rows, whose gate gradients a library multiplies.
    fn step_by_library(
        &self,
        chunk: GroupChunk<'_>,
        step: usize,
        buffers: &mut RowBuffers<'_>,
    ) -> Done {
        self.steps(chunk, &(step..step + 1), buffers, &[]);
        let layer = &self.plan.layer;
        let gates = &buffers.chunk.gates[chunk.row_of(step) * layer.shape.geometry.gate_pitch..];
        let rows = chunk.group.active_at(step);
        let weights = (&*self.weights.hidden_matrix, layer.config.outputs);
        self.multiply_transposed(gates, rows, weights, buffers.d_hidden)
    }

    /// Some steps of a chunk, by transposed hidden weights; without them, the gradient of the hidden state
    /// before the steps is left to others.
    fn steps(
        &self,
        at: GroupChunk<'_>,
        steps: &Range<usize>,
        buffers: &mut RowBuffers<'_>,
        hidden: &[f32],
    ) {
        let RowBuffers { chunk, d_hidden, d_cell, d_unprojected, derivatives, activated, .. } =
            buffers;
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
            variant: &config.variant,
            panels: BackwardPanels {
                hidden,
                diagonal: &self.weights.diagonal,
                cell: &self.weights.cell,
                cell_output: &self.weights.cell_output,
            },
            projection: config.variant.projects.then(|| BackwardProjection {
                weights: &self.weights.projection,
                values: &mut chunk.unprojected[cell_start..],
                d_values: self.wide_rows(d_unprojected, config.units),
            }),
            gates: &mut chunk.gates[first * gate_pitch..],
            cells: &chunk.cells[cell_start..],
            previous_cells: &chunk.previous_cells[cell_start..],
            incoming: &mut chunk.incoming[output_start..],
            d_hidden: self.wide_rows(d_hidden, config.outputs),
            d_cell: self.wide_rows(d_cell, config.units),
            scratch: BackwardScratch { derivatives, activated },
        };
        if !steps.is_empty() {
            vectorize(layer.level, backward);
        }
    }

    /// Gradients of the layer's inputs, for all rows of a chunk.
    fn input_gradients(
        &self,
        group: &Group,
        steps: &Range<usize>,
        RowBuffers { chunk, d_inputs, .. }: RowBuffers<'_>,
    ) -> Done {
        let layer = &self.plan.layer;
        let offsets = &group.order.offsets;
        let first = (offsets[steps.start] - offsets[self.covered.start]) * self.d_input_pitch();
        let (inputs, count) = (layer.config.layer_inputs(self.place.layer), group.rows_of(steps));
        let to = &mut d_inputs[first..];
        if layer.products.route(Product::Transposed, count) == Route::Gemm {
            let weights = (&*self.weights.input_matrix, inputs);
            return self.multiply_transposed(chunk.gates, count, weights, to);
        }
        let product = TransposedProduct {
            geometry: &layer.shape.geometry,
            rows: Rows {
                floats: chunk.gates,
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

    /// Rows of `outputs` gradients that transposed products compute.
    fn wide_rows<'f>(&self, floats: &'f mut [f32], outputs: usize) -> WideRows<'f> {
        let shape = &self.plan.layer.shape;
        let (pitch, vectors) = (shape.wide_pitch(outputs), shape.wide_vectors(outputs));
        WideRows { floats, pitch, vectors }
    }
}

/// A group of rows, and the first step of a chunk.
#[derive(Clone, Copy)]
struct GroupChunk<'g> {
    group: &'g Group,
    start: usize,
}

impl GroupChunk<'_> {
    /// Where the rows of a step begin in the buffers of the chunk.
    fn row_of(self, step: usize) -> usize {
        let offsets = &self.group.order.offsets;
        offsets[step] - offsets[self.start]
    }
}
