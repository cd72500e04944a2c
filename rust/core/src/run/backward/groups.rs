//! The buffers of a chunk, divided among groups of batch rows.
//!
//! In: a layer's pass, its groups, their buffers. Out: each half with its part, until one group is left. It does not
//! know what is computed for them.

use super::super::threads::Divide;
use super::buffers::{ChunkBuffers, RowBuffers, States};
use super::pass::LayerPass;
use crate::plan::Group;
use crate::products::Route;

/// Groups of batch rows, and their part of the buffers.
pub(super) struct BackwardGroups<'g, 'a, 'b> {
    pub(super) pass: &'g LayerPass<'a, 'b>,
    pub(super) groups: &'g [Group],
    pub(super) buffers: RowBuffers<'g>,
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
        let projected = |floats: usize| if config.variant.projects { floats } else { 0 };
        let by_library = pass.plan.gradients == Route::Gemm;
        let read = |floats: usize| if by_library { floats } else { 0 };
        let ChunkBuffers {
            gates,
            cells,
            previous_cells,
            previous_hidden,
            inputs,
            incoming,
            unprojected,
        } = self.chunk;
        let (gates, other_gates) = gates.split_at_mut(chunk_rows * geometry.gate_pitch);
        let (cell_rows, output_rows) =
            (chunk_rows * geometry.cell_pitch, chunk_rows * geometry.output_pitch);
        let (cells, other_cells) = cells.split_at_mut(cell_rows);
        let (previous_cells, other_previous_cells) = previous_cells.split_at_mut(cell_rows);
        let (previous_hidden, other_previous_hidden) =
            previous_hidden.split_at_mut(read(output_rows));
        let (incoming, other_incoming) = incoming.split_at_mut(output_rows);
        let (unprojected, other_unprojected) = unprojected.split_at_mut(projected(cell_rows));
        let width = config.layer_inputs(pass.place.layer);
        let (inputs, other_inputs) = inputs.split_at_mut(read(chunk_rows * width));
        let States { hidden, cell } = self.states;
        let d_hidden = hidden.split_at_mut(rows * shape.wide_pitch(config.outputs));
        let d_cell = cell.split_at_mut(rows * shape.wide_pitch(config.units));
        let d_unprojected = projected(rows * shape.wide_pitch(config.units));
        let d_unprojected = self.d_unprojected.split_at_mut(d_unprojected);
        let derivatives = self.derivatives.split_at_mut(rows * geometry.gate_pitch);
        let activated = self.activated.split_at_mut(groups.len() * 2 * shape.padded_units());
        let d_inputs = self.d_inputs.split_at_mut(covered * pass.d_input_pitch());
        let divided = groups.len().min(self.parts.len());
        let parts = self.parts.split_at_mut(divided);
        let chunk = ChunkBuffers {
            gates,
            cells,
            previous_cells,
            previous_hidden,
            inputs,
            incoming,
            unprojected,
        };
        let other_chunk = ChunkBuffers {
            gates: other_gates,
            cells: other_cells,
            previous_cells: other_previous_cells,
            previous_hidden: other_previous_hidden,
            inputs: other_inputs,
            incoming: other_incoming,
            unprojected: other_unprojected,
        };
        (
            Self {
                chunk,
                states: States { hidden: d_hidden.0, cell: d_cell.0 },
                d_unprojected: d_unprojected.0,
                derivatives: derivatives.0,
                activated: activated.0,
                d_inputs: d_inputs.0,
                parts: parts.0,
            },
            Self {
                chunk: other_chunk,
                states: States { hidden: d_hidden.1, cell: d_cell.1 },
                d_unprojected: d_unprojected.1,
                derivatives: derivatives.1,
                activated: activated.1,
                d_inputs: d_inputs.1,
                parts: parts.1,
            },
        )
    }
}
