//! How much temporary memory a task needs.
//!
//! In: a layer, its padded shape and a group of rows. Out: [`TaskSizes`], floats of each buffer of one
//! direction. Nothing is allocated here.

use super::groups::Group;
use super::shape::Shape;
use crate::check::Config;

/// Floats of each buffer of one group and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskSizes {
    /// Rows of a chunk of steps.
    pub(crate) chunk_rows: usize,
    /// Hidden state, and as much again for the cell state, `[row][unit]`.
    pub(crate) state: usize,
    /// Gathered inputs of a chunk, `[row][input]`: the caller's, or a layer's times the factors of dropout.
    pub(crate) input: usize,
    /// Pre-activations of a chunk, `[row][block][gate][lane]`.
    pub(crate) pre: usize,
    /// Outputs of a chunk, `[row][unit]`.
    pub(crate) out: usize,
    /// Gates of a step in the general recurrence, `[row][gate][unit]`.
    pub(crate) gates: usize,
    /// Outputs of all steps of a layer below the last, `[row][unit]`.
    pub(crate) sequence: usize,
    /// Saved gates of a chunk in training, `[row][gate][unit]`.
    pub(crate) saved_gates: usize,
    /// Saved cell states of a chunk in training, `[row][unit]`.
    pub(crate) saved_cells: usize,
    /// How many such sequences: none for one layer, one for two, else two in turn.
    pub(crate) sequences: usize,
}

/// The widest input that is copied row by row: the caller's, and what dropout changes.
fn widest_gathered(config: &Config, training: bool) -> usize {
    let is_dropping = training && config.dropout.is_active();
    let above = if is_dropping { config.layer_input(config.num_layers - 1) } else { 0 };
    config.input_size.max(above)
}

impl TaskSizes {
    pub(crate) fn new(config: &Config, shape: &Shape, group: &Group, training: bool) -> Self {
        let geometry = &shape.geometry;
        let chunk_rows = shape.chunk_rows(group.rows, group.all_rows());
        Self {
            chunk_rows,
            state: group.rows * geometry.state_pitch,
            input: chunk_rows * widest_gathered(config, training),
            pre: chunk_rows * geometry.gate_pitch,
            out: chunk_rows * geometry.state_pitch,
            gates: if shape.is_fused { 0 } else { group.rows * geometry.gate_pitch },
            sequence: group.all_rows() * geometry.state_pitch,
            saved_gates: if training { chunk_rows * geometry.gate_pitch } else { 0 },
            saved_cells: if training { chunk_rows * geometry.state_pitch } else { 0 },
            sequences: (config.num_layers - 1).min(2),
        }
    }

    /// Floats of all buffers.
    pub(crate) fn total(&self) -> usize {
        let sequences = self.sequences * self.sequence;
        let saved = self.saved_gates + self.saved_cells;
        2 * self.state + self.input + self.pre + self.out + self.gates + saved + sequences
    }
}
