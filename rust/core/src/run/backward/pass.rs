//! One direction of one layer, backwards, over a span of steps: what it works on.
//!
//! In: what `layers` hands out. Out: [`LayerPass`] and the buffers of a chunk, which `load`, `recurrence` and
//! `weights` share. Nothing is computed here.

use super::super::cache::{CachedRows, LayerOutputs};
use super::super::threads::Threads;
use super::arrays::BackwardArrays;
use crate::aligned::Aligned;
use crate::pack::{GradientSums, TransposedPanels};
use crate::place::{Direction, PerDirection, Place};
use crate::plan::{Group, Plan};
use std::ops::Range;

/// One direction of one layer, over a span of steps.
pub(super) struct LayerPass<'a, 'b> {
    pub(super) plan: &'a Plan,
    pub(super) threads: &'a Threads<'a>,
    pub(super) weights: &'a TransposedPanels,
    /// What the forward pass left of the span.
    pub(super) cached: CachedLayer<'a>,
    pub(super) arrays: &'a BackwardArrays<'b>,
    pub(super) place: Place,
    /// Gradients of the inputs of the layer above, for each direction; `None` for the last layer.
    pub(super) above: Option<&'a PerDirection<Aligned>>,
    /// Whether anybody wants the gradients of this layer's inputs.
    pub(super) wants_d_inputs: bool,
    /// The steps to take.
    pub(super) span: Range<usize>,
    /// The steps that the buffers of input gradients have rows for; the span is a part of them.
    pub(super) covered: Range<usize>,
}

impl LayerPass<'_, '_> {
    /// Which way the forward pass read.
    pub(super) fn reading(&self) -> Direction {
        self.place.direction.reading(self.plan.layer.config.variant.reverse)
    }

    /// The first row of a group at a step among all groups' rows in the buffers of input gradients, the layer's
    /// own and those of the layer above.
    pub(super) fn covered_row(&self, group: &Group, step: usize) -> usize {
        let before = self.plan.backward_groups.iter().take_while(|other| other.first < group.first);
        let start: usize = before.map(|other| other.rows_of(&self.covered)).sum();
        start + group.order.offsets[step] - group.order.offsets[self.covered.start]
    }

    /// Floats from one row of this layer's input gradients to the next.
    pub(super) fn d_input_pitch(&self) -> usize {
        let layer = &self.plan.layer;
        layer.shape.wide_pitch(layer.config.layer_inputs(self.place.layer))
    }
}

/// What the forward pass left of one direction of one layer over a span of steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct CachedLayer<'a> {
    /// Gates and states of the span's steps.
    pub(super) own: CachedRows<'a>,
    /// The outputs of the layer below; `None` for the lowest layer.
    pub(super) below: Option<LayerOutputs<'a>>,
    /// The states before each segment; `None` where the span is the whole sequence and starts from the
    /// initial states.
    pub(super) checkpoints: Option<CachedRows<'a>>,
}

/// The buffers of one direction of a layer.
pub(super) struct DirectionBuffers<'m> {
    pub(super) memory: &'m mut DirectionMemory,
    pub(super) gradients: &'m mut GradientMemory,
    /// Gradients of its inputs.
    pub(super) d_inputs: &'m mut Aligned,
}

impl DirectionBuffers<'_> {
    pub(super) fn reborrow(&mut self) -> DirectionBuffers<'_> {
        let Self { memory, gradients, d_inputs } = self;
        DirectionBuffers { memory, gradients, d_inputs }
    }
}

/// Gradients of one direction of a layer, from step to step.
#[derive(Debug)]
pub(super) struct GradientMemory {
    /// `[batch row][output]`, at the wide pitch.
    pub(super) d_hidden: Aligned,
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) d_cell: Aligned,
    pub(super) weights: GradientSums,
}

/// Buffers of one direction, for the chunks of one layer after the other.
#[derive(Debug)]
pub(super) struct DirectionMemory {
    pub(super) chunk: ChunkMemory,
    /// `[block][row][gate][lane]`
    pub(super) arranged_gates: Aligned,
    /// For each thread that sums weight gradients.
    pub(super) sums: Vec<SumMemory>,
}

/// What the gates of a chunk read, for one thread.
#[derive(Debug)]
pub(super) struct SumMemory {
    /// `[input][row]`
    pub(super) arranged: Aligned,
    /// Inputs of some rows, then their hidden states, on the way there.
    pub(super) rows: Aligned,
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
    /// `[batch row][output]`, at the wide pitch.
    pub(super) d_hidden: &'a mut [f32],
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) d_cell: &'a mut [f32],
    /// `[batch row][unit]`, at the wide pitch; empty without a projection.
    pub(super) d_unprojected: &'a mut [f32],
    /// `[batch row][gate][unit]`
    pub(super) derivatives: &'a mut [f32],
    /// `[group][2][unit]`
    pub(super) activated: &'a mut [f32],
    /// Gradients of the layer's inputs over the covered steps, `[row][input]`.
    pub(super) d_inputs: &'a mut [f32],
}

impl DirectionBuffers<'_> {
    /// What the groups of a chunk divide among them.
    pub(super) fn rows(&mut self) -> RowBuffers<'_> {
        let Self { memory, gradients, d_inputs } = self;
        let memory = &mut memory.chunk;
        RowBuffers {
            chunk: ChunkBuffers {
                gates: &mut memory.gates,
                cells: &mut memory.cells,
                previous_cells: &mut memory.previous_cells,
                previous_hidden: &mut memory.previous_hidden,
                inputs: &mut memory.inputs,
                incoming: &mut memory.incoming,
                unprojected: &mut memory.unprojected,
            },
            d_hidden: &mut gradients.d_hidden,
            d_cell: &mut gradients.d_cell,
            d_unprojected: &mut memory.d_unprojected,
            derivatives: &mut memory.derivatives,
            activated: &mut memory.activated,
            d_inputs,
        }
    }
}
