//! What a task reads.
//!
//! In: the source of a task and a chunk of its steps. Out: bias + x · W for all rows of the chunk in the
//! task's buffer, or what a step needs to project its own rows. It does not know the recurrence.

use super::copy::gather_input;
use super::saved::SavedRows;
use super::task::{Source, Task};
use crate::aligned::Aligned;
use crate::kernel::{Project, Projection, Rows};
use crate::level::vectorize;
use crate::pack::Panels;
use crate::plan::Plan;
use std::ops::Range;

/// Where the inputs of a chunk are.
#[derive(Clone, Copy)]
pub(super) struct TaskInputs<'a> {
    plan: &'a Plan,
    panels: Panels<'a>,
    layer: usize,
    /// The outputs of the layer below that are read in place, from the chunk's first row on; `None` where
    /// they were gathered.
    below: Option<(&'a [Aligned], usize)>,
}

impl<'a> TaskInputs<'a> {
    /// What is projected; `gathered` is the task's buffer.
    pub(super) fn projection<'v>(&self, gathered: &'v [f32]) -> Projection<'v>
    where
        'a: 'v,
    {
        let geometry = &self.plan.shape.geometry;
        let mut inputs = [Rows::NONE; 2];
        if let Some((directions, first)) = self.below {
            for (part, below) in inputs.iter_mut().zip(directions) {
                let floats = &below[first * geometry.state_pitch..];
                *part = Rows { floats, pitch: geometry.state_pitch, width: geometry.hidden };
            }
        } else {
            let width = self.plan.config().layer_input(self.layer);
            inputs[0] = Rows { floats: gathered, pitch: width, width };
        }
        Projection { inputs, weights: self.panels.input, bias: self.panels.bias }
    }
}

impl<'a> Task<'a> {
    /// Take the inputs of a chunk: gather them where they do not lie row by row, and project all of them
    /// unless each step does that.
    pub(super) fn take_inputs(&mut self, steps: &Range<usize>) {
        match self.source {
            Source::Input(input) => {
                gather_input(&input, self.group, steps.clone(), &mut self.memory.input);
            }
            Source::Below(directions) if self.is_dropping() => {
                self.gather_dropped(directions, steps.clone());
            }
            Source::Saved(directions) => {
                let directions = &directions[..self.plan.config().directions];
                self.gather_saved(directions, steps.clone());
            }
            Source::Below(_) => {}
        }
        if !self.projects_with_steps(steps) {
            self.project(steps);
        }
    }

    /// bias + x · W for all rows of the chunk.
    fn project(&mut self, steps: &Range<usize>) {
        let inputs = self.inputs(steps);
        let rows = self.rows_of(steps).len();
        let project = Project {
            geometry: &self.plan.shape.geometry,
            blocks: self.memory.projection,
            projection: inputs.projection(&self.memory.input),
            rows,
            pre: &mut self.memory.pre,
        };
        vectorize(self.plan.level, project);
        self.memory.projection = self.memory.projection.turned();
    }

    /// Whether each step of the chunk projects its own rows.
    pub(super) fn projects_with_steps(&self, steps: &Range<usize>) -> bool {
        self.plan.projects_with_steps(self.rows_of(steps).len(), steps.len())
    }

    /// Where the inputs of the chunk are.
    pub(super) fn inputs(&self, steps: &Range<usize>) -> TaskInputs<'a> {
        let below = match self.source {
            Source::Below(directions) if !self.is_dropping() => {
                Some((directions, self.rows_of(steps).start - self.base()))
            }
            _ => None,
        };
        TaskInputs { plan: self.plan, panels: self.panels, layer: self.layer, below }
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
