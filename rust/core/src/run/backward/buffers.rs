//! The buffers of a chunk of steps, backwards.
//!
//! In: memory of a direction. Out: [`RowBuffers`], which groups of rows divide among them, and for each part of a
//! group's units buffers of its own. `load`, `recurrence`, `units` and `weights` share them. Nothing is computed here.

use super::super::threads::SliceExchange;
use crate::aligned::Aligned;
use crate::plan::Group;

/// A group of rows, and the first step of a chunk.
#[derive(Clone, Copy)]
pub(super) struct GroupChunk<'g> {
    pub(super) group: &'g Group,
    pub(super) start: usize,
}

impl GroupChunk<'_> {
    /// Where the rows of a step begin in the buffers of the chunk.
    pub(super) fn row_of(self, step: usize) -> usize {
        let offsets = &self.group.order.offsets;
        offsets[step] - offsets[self.start]
    }
}

/// Rows of a chunk.
#[derive(Debug)]
pub(super) struct ChunkMemory {
    pub(super) gates: Aligned,
    pub(super) cells: Aligned,
    pub(super) previous_cells: Aligned,
    pub(super) previous_hidden: Aligned,
    pub(super) inputs: Aligned,
    pub(super) incoming: Aligned,
    /// Values of the units that were projected, `[row][unit]`.
    pub(super) unprojected: Aligned,
    /// Their gradients at one step, `[batch row][unit]`, at the wide pitch.
    pub(super) d_unprojected: Aligned,
    /// `[batch row][gate][unit]`
    pub(super) derivatives: Aligned,
    /// `[group][2][unit]`
    pub(super) activated: Aligned,
}

/// The buffers of a chunk for one group, or for all.
#[derive(Debug)]
pub(super) struct ChunkBuffers<'a> {
    /// `[row][gate][unit]`
    pub(super) gates: &'a mut [f32],
    /// `[row][unit]`
    pub(super) cells: &'a mut [f32],
    /// `[row][unit]`
    pub(super) previous_cells: &'a mut [f32],
    /// `[row][output]`; empty where panels sum weight gradients.
    pub(super) previous_hidden: &'a mut [f32],
    /// `[row][input]`; empty where panels sum weight gradients.
    pub(super) inputs: &'a mut [f32],
    /// `[row][output]`
    pub(super) incoming: &'a mut [f32],
    /// `[row][unit]`; empty without a projection.
    pub(super) unprojected: &'a mut [f32],
}

/// What the groups of a chunk divide among them.
#[derive(Debug)]
pub(super) struct RowBuffers<'a> {
    pub(super) chunk: ChunkBuffers<'a>,
    pub(super) states: States<'a>,
    /// `[batch row][unit]`, at the wide pitch; empty without a projection.
    pub(super) d_unprojected: &'a mut [f32],
    /// `[batch row][gate][unit]`
    pub(super) derivatives: &'a mut [f32],
    /// `[group][2][unit]`
    pub(super) activated: &'a mut [f32],
    /// Gradients of the layer's inputs over the covered steps, `[row][input]`.
    pub(super) d_inputs: &'a mut [f32],
    /// For each group whose units several threads divide.
    pub(super) parts: &'a mut [PartsMemory],
}

/// Gradients of the states before a step, or after it.
#[derive(Debug)]
pub(super) struct States<'a> {
    /// `[batch row][output]`, at the wide pitch.
    pub(super) hidden: &'a mut [f32],
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) cell: &'a mut [f32],
}

impl ChunkMemory {
    /// What groups divide among them.
    pub(super) fn rows<'m>(
        &'m mut self,
        states: States<'m>,
        d_inputs: &'m mut [f32],
        parts: &'m mut [PartsMemory],
    ) -> RowBuffers<'m> {
        RowBuffers {
            chunk: ChunkBuffers {
                gates: &mut self.gates,
                cells: &mut self.cells,
                previous_cells: &mut self.previous_cells,
                previous_hidden: &mut self.previous_hidden,
                inputs: &mut self.inputs,
                incoming: &mut self.incoming,
                unprojected: &mut self.unprojected,
            },
            states,
            d_unprojected: &mut self.d_unprojected,
            derivatives: &mut self.derivatives,
            activated: &mut self.activated,
            d_inputs,
            parts,
        }
    }
}

/// What several threads that divide the units of a group of rows have besides the group's own buffers.
#[derive(Debug)]
pub(super) struct PartsMemory {
    /// For each part but the first one, which has the group's.
    pub(super) others: Vec<PartMemory>,
    /// Of the first part, see [`PartMemory`].
    pub(super) slice: Aligned,
    pub(super) exchange: PartsExchange,
}

/// The rows of a group once more, for a thread that computes a part of the units.
#[derive(Debug)]
pub(super) struct PartMemory {
    pub(super) chunk: ChunkMemory,
    /// `[batch row][output]`, at the wide pitch.
    pub(super) d_hidden: Aligned,
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) d_cell: Aligned,
    /// Gradients of states on their way to the others, `[batch row][output]` of the part.
    pub(super) slice: Aligned,
}

/// Where the parts of a group see each other's gradients of states.
#[derive(Debug)]
pub(super) struct PartsExchange {
    /// Of the hidden states before a step.
    pub(super) hidden: SliceExchange,
    /// Of the cell states after it, where the output gate's full peephole sees them.
    pub(super) within: Option<SliceExchange>,
    /// Of the cell states before it, where other full peepholes see them.
    pub(super) cells: Option<SliceExchange>,
}

impl PartMemory {
    /// Begin with these gradients of states.
    pub(super) fn begin(&mut self, states: &States<'_>) {
        self.d_hidden.copy_from_slice(states.hidden);
        self.d_cell.copy_from_slice(states.cell);
    }

    /// Buffers like those of the group, and the slice.
    pub(super) fn rows(&mut self) -> (RowBuffers<'_>, &mut [f32]) {
        let Self { chunk, d_hidden, d_cell, slice } = self;
        let states = States { hidden: d_hidden, cell: d_cell };
        (chunk.rows(states, &mut [], &mut []), slice)
    }
}

impl PartsExchange {
    /// Begin a chunk of steps.
    pub(super) fn begin(&mut self) {
        let Self { hidden, within, cells } = self;
        [Some(hidden), within.as_mut(), cells.as_mut()]
            .into_iter()
            .flatten()
            .for_each(SliceExchange::begin);
    }

    /// Nobody waits for a part that has left.
    pub(super) fn abandon(&self) {
        let Self { hidden, within, cells } = self;
        [Some(hidden), within.as_ref(), cells.as_ref()]
            .into_iter()
            .flatten()
            .for_each(SliceExchange::abandon);
    }
}
