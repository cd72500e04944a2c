//! The products of a task by a library.
//!
//! In: a task that has gathered the inputs of a chunk. Out: pre-activations `[row][block][gate][lane]` in its
//! buffer, where the kernels read them: bias + x · W of a chunk, or a step's, increased by h · R. A part of the
//! units multiplies its own columns. Full peepholes stay with the panels.

use super::super::chunk::Chunk;
use super::super::threads::Done;
use super::task::Task;
use crate::gate::Gate;
use crate::kernel::Rows;
use crate::products::{columns, multiply, rows, rows_mut};
use std::ops::Range;

impl Task<'_> {
    /// bias + x · W for all rows of the chunk.
    pub(super) fn project_by_library(&mut self, chunk: &Chunk) -> Done {
        let (own, count) = (self.own_columns(), chunk.rows.len());
        let (width, pitch) = (self.row_width(), self.plan.layer.shape.geometry.gate_pitch);
        let bias = &self.panels.get(|all| &all.bias)[own.clone()];
        let inputs = self.inputs(chunk).projection(&self.memory.input).inputs;
        let mut pre = rows_mut(&mut self.memory.pre[own.start..], count, own.len(), pitch)?;
        for mut row in pre.outer_iter_mut() {
            row.iter_mut().zip(bias).for_each(|(to, &bias)| *to = bias);
        }
        let mut weights = self.panels.get(|all| &all.input_matrix);
        for Rows { floats, pitch, width: inputs } in inputs {
            if inputs > 0 {
                let (of_part, rest) = weights.split_at(inputs * width);
                let (x, w) = (
                    rows(floats, count, inputs, pitch)?,
                    columns(of_part, inputs, width, own.clone())?,
                );
                multiply(x, w, true, pre.view_mut())?;
                weights = rest;
            }
        }
        Ok(())
    }

    /// Add h · R to the pre-activations of a step.
    pub(super) fn multiply_hidden(&mut self, chunk: &Chunk, step: usize) -> Done {
        let (own, outputs) = (self.own_columns(), self.plan.layer.config.outputs);
        let geometry = &self.plan.layer.shape.geometry;
        let offsets = &self.group.order.offsets;
        let first = (offsets[step] - chunk.rows.start) * geometry.gate_pitch + own.start;
        let count = offsets[step + 1] - offsets[step];
        let h = rows(&self.state.hidden, count, outputs, geometry.output_pitch)?;
        let weights = self.panels.get(|all| &all.hidden_matrix);
        let weights = columns(weights, outputs, self.row_width(), own.clone())?;
        let pre = &mut self.memory.pre[first..];
        multiply(h, weights, true, rows_mut(pre, count, own.len(), geometry.gate_pitch)?)
    }

    /// Floats of a row of weights: all gates of all blocks.
    fn row_width(&self) -> usize {
        Gate::COUNT * self.plan.layer.shape.padded_units()
    }

    /// Those of the task's own blocks.
    fn own_columns(&self) -> Range<usize> {
        let group = Gate::COUNT * self.plan.layer.shape.lanes;
        let blocks = self.plan.part_blocks(self.memory.part);
        blocks.start * group..blocks.end * group
    }
}
