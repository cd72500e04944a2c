//! What a task reads.
//!
//! In: the source of a task and a chunk of its steps. Out: bias + x · W for all rows of the chunk in the
//! task's buffer, or what a step needs to project its own rows. It does not know the recurrence.

use super::super::cache::{LayerOutputs, RowStep};
use super::super::chunk::Chunk;
use super::copy::gather_input;
use super::task::{Source, Task};
use crate::aligned::Aligned;
use crate::dropout::DropoutRow;
use crate::error::Broken;
use crate::kernel::{Project, Projection, Rows};
use crate::level::vectorize;
use crate::pack::LayerPanels;
use crate::place::PerDirection;
use crate::plan::Plan;
use crate::products::Route;
use std::ops::Range;

/// Where the inputs of a chunk are.
#[derive(Clone, Copy)]
pub(super) struct TaskInputs<'a> {
    plan: &'a Plan,
    panels: &'a LayerPanels,
    layer: usize,
    /// The outputs of the layer below that are read in place, from the chunk's first row on; `None` where
    /// they were gathered.
    below: Option<(&'a PerDirection<Aligned>, usize)>,
}

impl<'a> TaskInputs<'a> {
    /// What is projected; `gathered` is the task's buffer.
    pub(super) fn projection<'v>(&self, gathered: &'v [f32]) -> Projection<'v>
    where
        'a: 'v,
    {
        let layer = &self.plan.layer;
        let mut inputs = [Rows::NONE; 2];
        if let Some((directions, first)) = self.below {
            let pitch = layer.shape.geometry.output_pitch;
            for (part, (_, below)) in inputs.iter_mut().zip(directions.as_ref().each()) {
                let floats = &below[first * pitch..];
                *part = Rows { floats, pitch, width: layer.config.outputs };
            }
        } else {
            let width = layer.config.layer_inputs(self.layer);
            inputs[0] = Rows { floats: gathered, pitch: width, width };
        }
        let weights = self.panels.get(|all| &all.input);
        Projection { inputs, weights, bias: self.panels.get(|all| &all.bias) }
    }
}

impl<'a> Task<'a> {
    /// Take the inputs of a chunk: gather them where they do not lie row by row, and project all of them
    /// unless each step does that.
    pub(super) fn take_inputs(&mut self, chunk: &Chunk) -> Result<(), Broken> {
        let steps = chunk.steps.clone();
        match self.source {
            Source::Input(input) => gather_input(&input, self.group, steps, &mut self.memory.input),
            Source::Below(directions) if self.is_dropping() => {
                self.gather_dropped(directions, steps)
            }
            // Read where they are.
            Source::Below(_) => Ok(()),
            Source::Cached(below) => self.gather_cached(below, steps),
        }?;
        match chunk.input {
            Route::Gemm => self.project_by_library(chunk),
            Route::Panels => {
                if !chunk.projects_with_steps {
                    self.project(chunk);
                }
                Ok(())
            }
        }
    }

    /// bias + x · W for all rows of the chunk.
    fn project(&mut self, chunk: &Chunk) {
        let project = Project {
            geometry: &self.plan.layer.shape.geometry,
            blocks: self.memory.projection,
            projection: self.inputs(chunk).projection(&self.memory.input),
            rows: chunk.rows.len(),
            pre: &mut self.memory.pre,
        };
        vectorize(self.plan.layer.level, project);
        self.memory.projection = self.memory.projection.reversed();
    }

    /// Where the inputs of the chunk are.
    pub(super) fn inputs(&self, chunk: &Chunk) -> TaskInputs<'a> {
        let below = match self.source {
            Source::Below(directions) if !self.is_dropping() => {
                Some((directions, self.first_row(chunk)))
            }
            _ => None,
        };
        TaskInputs { plan: self.plan, panels: self.panels, layer: self.place.layer, below }
    }

    /// Dropout acts in training, between layers.
    fn is_dropping(&self) -> bool {
        self.cache.is_some() && self.plan.config().dropout.is_active()
    }

    /// Outputs of the layer below times their factors, `[row][direction][output]`.
    fn gather_dropped(
        &mut self,
        below: &PerDirection<Aligned>,
        steps: Range<usize>,
    ) -> Result<(), Broken> {
        let pitch = self.plan.layer.shape.geometry.output_pitch;
        let offsets = &self.group.order.offsets;
        let base = offsets[self.span.start];
        self.gather(below.as_ref(), steps, |below, at, to| {
            let from = (offsets[at.step] - base + at.row) * pitch;
            to.copy_from_slice(&below[from..][..to.len()]);
            Ok(())
        })
    }

    /// The same from the cache.
    fn gather_cached(
        &mut self,
        LayerOutputs { directions, start }: LayerOutputs<'_>,
        steps: Range<usize>,
    ) -> Result<(), Broken> {
        let first = self.group.first;
        self.gather(directions, steps, |below, at, to| {
            let row = first + at.row;
            below.read(RowStep { row, step: at.step }, start..start + to.len(), to)
        })
    }

    /// Copy the outputs of each direction below for all active rows of some steps, and drop some of them.
    fn gather<S: Copy>(
        &mut self,
        below: PerDirection<S>,
        steps: Range<usize>,
        copy: impl Fn(S, At, &mut [f32]) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let (plan, group, layer) = (self.plan, self.group, self.place.layer);
        let config = &plan.layer.config;
        let mut rows = self.memory.input.chunks_exact_mut(config.layer_inputs(layer));
        for step in steps {
            for row in 0..group.active_at(step) {
                let to = rows.next().ok_or(Broken("fewer rows for inputs than a chunk has"))?;
                for (to, (_, below)) in to.chunks_exact_mut(config.outputs).zip(below.each()) {
                    copy(below, At { step, row }, to)?;
                }
                let sample = group.first + row;
                plan.config().dropout.apply(DropoutRow { layer: layer - 1, step, sample }, 0, to);
            }
        }
        Ok(())
    }
}

/// A row of a step.
#[derive(Clone, Copy)]
struct At {
    step: usize,
    /// Among the group's rows.
    row: usize,
}
