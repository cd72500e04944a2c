//! What a task reads, projected.
//!
//! In: the source of a task and a chunk of its steps. Out: bias + x · W for all rows of the chunk, in the
//! task's buffer. It does not know the recurrence.

use super::copy::gather_input;
use super::saved::SavedRows;
use super::task::{Source, Task};
use crate::aligned::Aligned;
use crate::kernel::{Project, Rows};
use crate::level::vectorize;
use std::ops::Range;

impl Task<'_> {
    /// bias + x · W for all rows of the chunk.
    pub(super) fn project(&mut self, steps: Range<usize>) {
        let rows = self.rows_of(&steps);
        let base = self.base();
        let geometry = &self.plan.shape.geometry;
        let none = Rows { floats: &[], pitch: 0, width: 0 };
        let (inputs, parts) = match self.source {
            Source::Input(input) => {
                gather_input(&input, self.group, steps, &mut self.memory.input);
                let width = self.plan.config().input_size;
                ([Rows { floats: &self.memory.input, pitch: width, width }, none], 1)
            }
            Source::Below(directions) if self.is_dropping() => {
                self.gather_dropped(directions, steps);
                let width = self.plan.config().layer_input(self.layer);
                ([Rows { floats: &self.memory.input, pitch: width, width }, none], 1)
            }
            Source::Saved(directions) => {
                let directions = &directions[..self.plan.config().directions];
                self.gather_saved(directions, steps);
                let width = self.plan.config().layer_input(self.layer);
                ([Rows { floats: &self.memory.input, pitch: width, width }, none], 1)
            }
            Source::Below(directions) => {
                let mut inputs = [none; 2];
                for (part, below) in inputs.iter_mut().zip(directions) {
                    let floats = &below[(rows.start - base) * geometry.state_pitch..];
                    *part = Rows { floats, pitch: geometry.state_pitch, width: geometry.hidden };
                }
                (inputs, directions.len())
            }
        };
        let project = Project {
            geometry,
            blocks: self.memory.projection,
            inputs: &inputs[..parts],
            weights: self.panels.input,
            bias: self.panels.bias,
            rows: rows.len(),
            pre: &mut self.memory.pre,
        };
        vectorize(self.plan.level, project);
        self.memory.projection = self.memory.projection.turned();
    }

    /// Dropout acts in training, between layers.
    fn is_dropping(&self) -> bool {
        self.cache.is_some() && self.plan.config().dropout.is_active()
    }

    /// Outputs of the layer below times their factors, `[row][direction][unit]`.
    fn gather_dropped(&mut self, below: &[Aligned], steps: Range<usize>) {
        let (Self { plan, group, layer, .. }, base) = (&*self, self.base());
        let (plan, group, layer) = (*plan, *group, *layer);
        let (pitch, hidden) = (plan.shape.geometry.state_pitch, plan.shape.geometry.hidden);
        let mut rows = self.memory.input.chunks_exact_mut(plan.config().layer_input(layer));
        for step in steps {
            for row in 0..group.active_at(step) {
                let Some(to) = rows.next() else { return };
                let from = (group.order.offsets[step] - base + row) * pitch;
                for (to, below) in to.chunks_exact_mut(hidden).zip(below) {
                    to.copy_from_slice(&below[from..][..hidden]);
                }
                plan.config().dropout.apply([layer - 1, step, group.first + row], 0, to);
            }
        }
    }

    /// The same from the cache.
    fn gather_saved(&mut self, below: &[SavedRows<'_>], steps: Range<usize>) {
        let Self { plan, group, layer, .. } = &*self;
        let (plan, group, layer) = (*plan, *group, *layer);
        let hidden = plan.shape.geometry.hidden;
        let mut rows = self.memory.input.chunks_exact_mut(plan.config().layer_input(layer));
        for step in steps {
            for row in 0..group.active_at(step) {
                let Some(to) = rows.next() else { return };
                for (to, below) in to.chunks_exact_mut(hidden).zip(below) {
                    below.read((group.first + row, step, 0), to);
                }
                plan.config().dropout.apply([layer - 1, step, group.first + row], 0, to);
            }
        }
    }
}
