//! How much temporary memory a group of rows needs.
//!
//! In: a plan and one of its groups. Out: [`GroupSizes`], floats of each buffer. Nothing is allocated here.

use super::call::Plan;
use super::groups::Group;
use crate::check::{Config, Peephole};
use crate::kernel::Geometry;
use std::ops::Range;

/// Floats of each buffer of one group and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskSizes {
    /// Rows of a chunk of steps.
    pub(crate) chunk_rows: usize,
    /// Gathered inputs of a chunk, `[row][input]`: the caller's, or a layer's times the factors of dropout.
    pub(crate) input: usize,
    /// Pre-activations of a chunk, `[row][block][gate][lane]`.
    pub(crate) pre: usize,
    /// Outputs of a chunk, `[row][output]`.
    pub(crate) out: usize,
    /// Gates of a step in the generic recurrence, `[row][gate][unit]`.
    pub(crate) gates: usize,
    /// Values of the units of a step that are projected then, `[row][unit]`.
    pub(crate) unprojected: usize,
    /// Saved gates of a chunk in training, `[row][gate][unit]`.
    pub(crate) saved_gates: usize,
    /// Saved cell states of a chunk in training, `[row][unit]`.
    pub(crate) saved_cells: usize,
}

impl TaskSizes {
    fn new(plan: &Plan, rows: usize, all_rows: usize, parts: usize) -> Self {
        let Plan { layer, training, .. } = plan;
        let (geometry, training) = (&layer.shape.geometry, *training);
        let chunk_rows = layer.chunk_rows(rows, all_rows, parts);
        Self {
            chunk_rows,
            input: chunk_rows * widest_gathered(plan.config(), training),
            pre: chunk_rows * geometry.gate_pitch,
            out: chunk_rows * geometry.output_pitch,
            gates: if layer.shape.is_fused { 0 } else { rows * geometry.gate_pitch },
            unprojected: if layer.config.variant.projects { rows * geometry.cell_pitch } else { 0 },
            saved_gates: if training { chunk_rows * geometry.gate_pitch } else { 0 },
            saved_cells: if training { chunk_rows * geometry.cell_pitch } else { 0 },
        }
    }

    fn total(&self) -> usize {
        let saved = self.saved_gates + self.saved_cells;
        self.input + self.pre + self.out + self.gates + self.unprojected + saved
    }
}

/// The widest input that is copied row by row: the caller's, what dropout changes, and what stands in the
/// cache of a bidirectional stack.
fn widest_gathered(config: &Config, training: bool) -> usize {
    let layer = &config.layer;
    let is_saved = layer.directions == 2 && config.checkpoint_steps.is_some();
    let is_gathered = training && (config.dropout.is_active() || is_saved);
    let above = if is_gathered { layer.layer_inputs(layer.layers - 1) } else { 0 };
    layer.inputs.max(above)
}

/// Floats of each buffer of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupSizes {
    /// Of each direction and part.
    pub(crate) task: TaskSizes,
    pub(crate) directions: usize,
    /// The unit blocks of each part.
    pub(crate) parts: Vec<Range<usize>>,
    /// Whether parts exchange hidden states as whole slices, or word by word.
    pub(crate) exchanges_slices: bool,
    /// Whether they exchange cell states as well, for full peepholes.
    pub(crate) exchanges_cells: bool,
    /// States of the largest part at one step, `[row][unit]`.
    pub(crate) slice: usize,
    /// Layers that have states of their own in each direction and part.
    pub(crate) layers: usize,
    /// Rows of the group.
    pub(crate) rows: usize,
    /// Floats from one row of a cell state to the next.
    pub(crate) cell_pitch: usize,
    /// Floats from one row of a hidden state to the next.
    pub(crate) output_pitch: usize,
    /// Outputs of even layers for the layer above, over the steps that all layers take together,
    /// `[row][output]`, for each direction; none where no layer stands above an even one.
    pub(crate) even: usize,
    /// The same of odd layers.
    pub(crate) odd: usize,
    /// Outputs of each layer of a pipeline for the layer above, over the steps of a piece, in each of two buffers;
    /// 0 where layers follow each other.
    pub(crate) piece: usize,
}

impl GroupSizes {
    /// For a forward call.
    pub(crate) fn forward(plan: &Plan, group: &Group) -> Self {
        let layer = &plan.layer.config;
        let parts = (0..plan.parts).map(|part| plan.part_blocks(part)).collect();
        let layers = (layer.layers, layer.directions);
        let Some(pipeline) = plan.pipeline else {
            return Self::new(plan, group, plan.span_steps(), layers, parts);
        };
        let sizes = Self::new(plan, group, pipeline.steps, layers, parts);
        Self { even: 0, odd: 0, piece: sizes.even, ..sizes }
    }

    /// For computing a segment again, one direction at a time.
    pub(crate) fn recomputing(plan: &Plan, group: &Group) -> Self {
        let config = plan.config();
        let all = std::iter::once(0..plan.layer.shape.geometry.blocks).collect();
        Self::new(plan, group, config.segment_steps(), (config.segment_layers(), 1), all)
    }

    fn new(
        plan: &Plan,
        group: &Group,
        steps: usize,
        (layers, directions): (usize, usize),
        parts: Vec<Range<usize>>,
    ) -> Self {
        let rows = group.rows_of(&(0..steps));
        let Geometry { cell_pitch, output_pitch, .. } = plan.layer.shape.geometry;
        let sequence = rows * output_pitch;
        let largest = parts.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let slice = group.rows * largest * plan.layer.shape.lanes;
        let exchanges_cells = plan.layer.config.has_peephole(Peephole::Full);
        Self {
            task: TaskSizes::new(plan, group.rows, rows, parts.len()),
            directions,
            parts,
            exchanges_slices: exchanges_cells || slice > plan.layer.tuning.word_floats,
            exchanges_cells,
            slice,
            layers,
            rows: group.rows,
            cell_pitch,
            output_pitch,
            even: if layers > 1 { sequence } else { 0 },
            odd: if layers > 2 { sequence } else { 0 },
            piece: 0,
        }
    }

    /// Floats of one cell state.
    pub(crate) fn cell(&self) -> usize {
        self.rows * self.cell_pitch
    }

    /// Floats of one hidden state.
    pub(crate) fn hidden(&self) -> usize {
        self.rows * self.output_pitch
    }

    /// Floats of what parts exchange: two buffers of words of 8 bytes, or two of slices and one on the way there.
    fn exchanges(&self) -> usize {
        match self.parts.len() {
            1 => 0,
            _ if !self.exchanges_slices => 4 * self.hidden(),
            parts => parts * self.slice * (3 + 2 * usize::from(self.exchanges_cells)),
        }
    }

    /// Floats of what the layers of a pipeline need beyond the first one's buffers.
    fn pieces(&self) -> usize {
        if self.piece == 0 { 0 } else { (self.layers - 1) * (self.task.total() + 2 * self.piece) }
    }

    /// Floats of all buffers.
    pub(crate) fn total(&self) -> usize {
        let states = self.layers * (self.cell() + self.hidden());
        let tasks = self.parts.len() * (self.task.total() + states);
        self.directions * (tasks + self.even + self.odd + self.exchanges()) + self.pieces()
    }
}
