//! The recurrence of a chunk of steps backwards, groups of rows side by side.
//!
//! In: a chunk of one direction of a layer. Out: gate gradients, which overwrite the saved gates, gradients of
//! the states before the chunk and of the layer's inputs. It does not know weight gradients.

use super::super::threads::{Divide, Done};
use super::load::load_chunk;
use super::pass::{ChunkBuffers, LayerPass, RowBuffers};
use crate::error::Broken;
use crate::gate::Gate;
use crate::kernel::{
    BackwardChunk, BackwardPanels, BackwardScratch, GenericFunctions, Rows, Steps,
    TransposedProduct, WideRows,
};
use crate::level::vectorize;
use crate::place::Direction;
use crate::plan::Group;
use std::ops::Range;

/// Groups of batch rows, and their part of the buffers.
struct BackwardGroups<'g, 'a, 'b> {
    pass: &'g LayerPass<'a, 'b>,
    groups: &'g [Group],
    buffers: RowBuffers<'g>,
}

impl Divide for BackwardGroups<'_, '_, '_> {
    fn is_whole(&self) -> bool {
        self.groups.len() < 2
    }

    fn halve(self) -> (Self, Self) {
        let Self { pass, groups, buffers } = self;
        let (groups, others) = groups.split_at(groups.len() / 2);
        let (buffers, other_buffers) = buffers.split(pass, groups);
        (Self { pass, groups, buffers }, Self { pass, groups: others, buffers: other_buffers })
    }
}

impl RowBuffers<'_> {
    /// The part of the first groups, and the rest.
    fn split(self, pass: &LayerPass<'_, '_>, groups: &[Group]) -> (Self, Self) {
        let layer = &pass.plan.layer;
        let (config, shape) = (&layer.config, &layer.shape);
        let geometry = &shape.geometry;
        let rows: usize = groups.iter().map(|group| group.rows).sum();
        let covered: usize = groups.iter().map(|group| group.rows_of(&pass.covered)).sum();
        let chunk_rows = rows * pass.plan.training_chunk_steps;
        let ChunkBuffers { gates, cells, previous_cells, previous_hidden, inputs, incoming } =
            self.chunk;
        let (gates, other_gates) = gates.split_at_mut(chunk_rows * geometry.gate_pitch);
        let (cell_rows, output_rows) =
            (chunk_rows * geometry.cell_pitch, chunk_rows * geometry.output_pitch);
        let (cells, other_cells) = cells.split_at_mut(cell_rows);
        let (previous_cells, other_previous_cells) = previous_cells.split_at_mut(cell_rows);
        let (previous_hidden, other_previous_hidden) = previous_hidden.split_at_mut(output_rows);
        let (incoming, other_incoming) = incoming.split_at_mut(output_rows);
        let width = config.layer_inputs(pass.place.layer);
        let (inputs, other_inputs) = inputs.split_at_mut(chunk_rows * width);
        let d_hidden = self.d_hidden.split_at_mut(rows * shape.wide_pitch(config.outputs));
        let d_cell = self.d_cell.split_at_mut(rows * shape.wide_pitch(config.units));
        let derivatives = self.derivatives.split_at_mut(rows * geometry.gate_pitch);
        let activated = self.activated.split_at_mut(groups.len() * 2 * shape.padded_units());
        let d_inputs = self.d_inputs.split_at_mut(covered * pass.d_input_pitch());
        let chunk =
            ChunkBuffers { gates, cells, previous_cells, previous_hidden, inputs, incoming };
        let other_chunk = ChunkBuffers {
            gates: other_gates,
            cells: other_cells,
            previous_cells: other_previous_cells,
            previous_hidden: other_previous_hidden,
            inputs: other_inputs,
            incoming: other_incoming,
        };
        (
            Self {
                chunk,
                d_hidden: d_hidden.0,
                d_cell: d_cell.0,
                derivatives: derivatives.0,
                activated: activated.0,
                d_inputs: d_inputs.0,
            },
            Self {
                chunk: other_chunk,
                d_hidden: d_hidden.1,
                d_cell: d_cell.1,
                derivatives: derivatives.1,
                activated: activated.1,
                d_inputs: d_inputs.1,
            },
        )
    }
}

impl LayerPass<'_, '_> {
    /// The recurrence of all groups.
    pub(super) fn recur(&self, steps: &Range<usize>, buffers: RowBuffers<'_>) -> Done {
        let groups = BackwardGroups { pass: self, groups: &self.plan.groups, buffers };
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
    fn recur_group(&self, group: &Group, steps: &Range<usize>, buffers: RowBuffers<'_>) -> Done {
        let RowBuffers { mut chunk, d_hidden, d_cell, derivatives, activated, d_inputs } = buffers;
        load_chunk(self, group, steps.clone(), &mut chunk)?;
        let layer = &self.plan.layer;
        let (config, shape) = (&layer.config, &layer.shape);
        let generic =
            GenericFunctions { gates: config.activations, hidden: config.hidden_activation };
        let gradients = |floats, width| WideRows {
            floats,
            pitch: shape.wide_pitch(width),
            vectors: shape.wide_vectors(width),
        };
        let offsets = &group.order.offsets;
        let backward = BackwardChunk {
            geometry: &shape.geometry,
            steps: Steps {
                offsets: &offsets[steps.start..=steps.end],
                reverse: self.reading() == Direction::Forward,
            },
            functions: Some(generic).filter(|_| !shape.saves_activated),
            variant: &config.variant,
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
            d_hidden: gradients(d_hidden, config.outputs),
            d_cell: gradients(d_cell, config.units),
            scratch: BackwardScratch { derivatives, activated },
        };
        vectorize(layer.level, backward);
        if self.wants_d_inputs {
            let first = (offsets[steps.start] - offsets[self.covered.start]) * self.d_input_pitch();
            let inputs = config.layer_inputs(self.place.layer);
            let product = TransposedProduct {
                geometry: &shape.geometry,
                rows: Rows {
                    floats: chunk.gates,
                    pitch: shape.geometry.gate_pitch,
                    width: Gate::COUNT * shape.padded_units(),
                },
                count: group.rows_of(steps),
                weights: &self.weights.input,
                out: gradients(&mut d_inputs[first..], inputs),
                add: false,
            };
            vectorize(layer.level, product);
        }
        Ok(())
    }
}
