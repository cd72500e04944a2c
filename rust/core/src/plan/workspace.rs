//! How much temporary memory a group of rows needs.
//!
//! In: a layer, its padded shape and a group of rows. Out: [`GroupSizes`], floats of each buffer. Nothing is
//! allocated here.

use super::groups::Group;
use super::shape::Shape;
use crate::check::Config;
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
    /// Outputs of a chunk, `[row][unit]`.
    pub(crate) out: usize,
    /// Gates of a step in the general recurrence, `[row][gate][unit]`.
    pub(crate) gates: usize,
    /// Saved gates of a chunk in training, `[row][gate][unit]`.
    pub(crate) saved_gates: usize,
    /// Saved cell states of a chunk in training, `[row][unit]`.
    pub(crate) saved_cells: usize,
}

impl TaskSizes {
    fn new(config: &Config, shape: &Shape, rows: usize, all_rows: usize, training: bool) -> Self {
        let geometry = &shape.geometry;
        let chunk_rows = shape.chunk_rows(rows, all_rows);
        Self {
            chunk_rows,
            input: chunk_rows * widest_gathered(config, training),
            pre: chunk_rows * geometry.gate_pitch,
            out: chunk_rows * geometry.state_pitch,
            gates: if shape.is_fused { 0 } else { rows * geometry.gate_pitch },
            saved_gates: if training { chunk_rows * geometry.gate_pitch } else { 0 },
            saved_cells: if training { chunk_rows * geometry.state_pitch } else { 0 },
        }
    }

    fn total(&self) -> usize {
        let saved = self.saved_gates + self.saved_cells;
        self.input + self.pre + self.out + self.gates + saved
    }
}

/// The widest input that is copied row by row: the caller's, what dropout changes, and what stands in the
/// cache of a bidirectional stack.
fn widest_gathered(config: &Config, training: bool) -> usize {
    let is_saved = config.directions == 2 && config.checkpoint_steps.is_some();
    let is_gathered = training && (config.dropout.is_active() || is_saved);
    let above = if is_gathered { config.layer_input(config.num_layers - 1) } else { 0 };
    config.input_size.max(above)
}

/// Floats of each buffer of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupSizes {
    /// Of each direction and part.
    pub(crate) task: TaskSizes,
    pub(crate) directions: usize,
    /// The unit blocks of each part.
    pub(crate) parts: Vec<Range<usize>>,
    /// Layers, directions and parts that have states.
    pub(crate) states: usize,
    /// Hidden state, and as much again for the cell state, `[row][unit]`.
    pub(crate) state: usize,
    /// From one row of a state to the next.
    pub(crate) pitch: usize,
    /// Sequences of outputs that layers hand up, for each direction: none for one layer, one for two, else
    /// two in turn.
    pub(crate) sequences: usize,
    /// Outputs of the steps that all layers take together, `[row][unit]`.
    pub(crate) sequence: usize,
}

impl GroupSizes {
    /// For a forward call.
    pub(crate) fn forward(
        config: &Config,
        shape: &Shape,
        group: &Group,
        parts: Vec<Range<usize>>,
        training: bool,
    ) -> Self {
        let steps = if training { config.span_steps() } else { config.seq_len };
        let rows = group.rows_of(&(0..steps));
        Self {
            task: TaskSizes::new(config, shape, group.rows, rows, training),
            directions: config.directions,
            states: config.directions * config.num_layers * parts.len(),
            parts,
            pitch: shape.geometry.state_pitch,
            state: group.rows * shape.geometry.state_pitch,
            sequences: (config.num_layers - 1).min(2),
            sequence: rows * shape.geometry.state_pitch,
        }
    }

    /// For computing a segment again: all layers of a unidirectional stack, or one direction of one layer.
    pub(crate) fn recomputing(config: &Config, shape: &Shape, group: &Group) -> Self {
        let rows = group.rows_of(&(0..config.segment_steps()));
        let layers = if config.directions == 1 { config.num_layers } else { 1 };
        Self {
            task: TaskSizes::new(config, shape, group.rows, rows, true),
            directions: 1,
            parts: std::iter::once(0..shape.geometry.blocks).collect(),
            pitch: shape.geometry.state_pitch,
            states: layers,
            state: group.rows * shape.geometry.state_pitch,
            sequences: (layers - 1).min(2),
            sequence: rows * shape.geometry.state_pitch,
        }
    }

    /// Floats of all buffers.
    pub(crate) fn total(&self) -> usize {
        let sequences = self.sequences * self.sequence;
        let tasks = self.parts.len() * self.task.total();
        let exchanges = if self.parts.len() > 1 { 4 * self.state } else { 0 };
        self.directions * (tasks + sequences + exchanges) + 2 * self.states * self.state
    }
}
