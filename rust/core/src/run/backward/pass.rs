//! One direction of one layer, backwards, over a span of steps: what it works on.
//!
//! In: what `layers` hands out. Out: [`LayerPass`] and the buffers of a direction; those of a chunk are in `buffers`.
//! Nothing is computed here.

use super::super::cache::{CachedRows, LayerOutputs};
use super::super::threads::Threads;
use super::arrays::BackwardArrays;
use super::buffers::{ChunkMemory, PartsMemory, RowBuffers, States};
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

    /// What the groups of a chunk divide among them.
    pub(super) fn rows(&mut self) -> RowBuffers<'_> {
        let Self { memory: DirectionMemory { chunk, parts, .. }, gradients, d_inputs } = self;
        let states = States { hidden: &mut gradients.d_hidden, cell: &mut gradients.d_cell };
        chunk.rows(states, d_inputs, parts)
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
    /// For each group of rows whose units several threads divide.
    pub(super) parts: Vec<PartsMemory>,
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
