//! The order of a forward pass: groups of rows side by side, layers one after the other or as a pipeline, directions
//! side by side.
//!
//! In: bound arrays and the memory of each group. Out: a [`Task`] for each direction of each layer and group,
//! run. It does not know how a task computes.

use super::super::cache::{OwnUnits, TaskCache};
use super::super::ping_pong::Turn;
use super::super::threads::{Done, Threads};
use super::arrays::{Bound, TaskStates};
use super::copy::{load_state, store_state};
use super::groups::each_group;
use super::task::{Source, Target, Task};
use super::units::run_parts;
use super::workspace::{DirectionMemory, GroupMemory, PartMemory};
use crate::aligned::Aligned;
use crate::error::Broken;
use crate::kernel::Geometry;
use crate::pack::{LayerPanels, Weights};
use crate::place::{PerDirection, Place};
use crate::plan::{Group, Plan};
use ndarray::{ArrayViewMut3, Axis};
use std::ops::Range;

/// What all tasks of a call share.
#[derive(Clone, Copy)]
pub(super) struct ForwardCall<'a> {
    pub(super) plan: &'a Plan,
    pub(super) weights: &'a Weights,
    pub(super) threads: &'a Threads<'a>,
}

/// What one direction of a layer needs.
struct ForwardDirection<'w> {
    place: Place,
    memory: &'w mut DirectionMemory,
    target: Target<'w>,
    /// For each part of the units, in training.
    cache: Option<&'w mut [TaskCache<'w>]>,
}

impl<'a> ForwardCall<'a> {
    /// All groups.
    pub(super) fn run(self, memory: &mut [GroupMemory], mut arrays: Bound<'_>) -> Done {
        // The arrays of a single group stay where they are: moving them takes long beside a short step.
        if let ([group], [memory]) = (self.plan.groups.as_slice(), &mut *memory) {
            return self.layers(group, memory, &mut arrays);
        }
        each_group(self.threads, &self.plan.groups, memory, arrays, &|group, memory, mut arrays| {
            self.layers(group, memory, &mut arrays)
        })
    }

    /// All layers of one group, as many steps at a time as all of them may take.
    fn layers(self, group: &Group, memory: &mut GroupMemory, arrays: &mut Bound<'_>) -> Done {
        self.each_state(memory, arrays, |states, to, pitch, _| load_state(states, to, pitch));
        self.steps(group, memory, arrays)?;
        self.each_state(memory, arrays, |states, from, pitch, elements| {
            store_state(states, from, pitch, elements);
        });
        Ok(())
    }

    /// All steps of all layers, whose states have been loaded.
    fn steps(self, group: &Group, memory: &mut GroupMemory, arrays: &mut Bound<'_>) -> Done {
        if let (Some(pipeline), Some(own)) = (self.plan.pipeline, &mut memory.pipeline) {
            let memory = (&mut memory.directions.forward, own);
            return self.pipeline(group, pipeline, memory, arrays);
        }
        let config = self.plan.config();
        let (all, span) = (config.seq_len, self.plan.span_steps());
        let count = all.div_ceil(span);
        for number in 0..count {
            let number = if config.layer.variant.reverse { count - 1 - number } else { number };
            let first = number * span;
            let steps = first..(first + span).min(all);
            for layer in 0..config.layer.layers {
                // A single step, which may carry states in place, is taken to its end.
                if all > 1 {
                    self.threads.look()?;
                }
                self.layer(group, layer, &steps, memory, arrays)?;
            }
        }
        Ok(())
    }

    /// Do something for the hidden and the cell state of each layer, direction and part of the units, with
    /// the pitch of its rows.
    fn each_state(
        self,
        memory: &mut GroupMemory,
        arrays: &mut Bound<'_>,
        run: impl Fn(&mut TaskStates<'_>, &mut [f32], usize, &Range<usize>),
    ) {
        let Geometry { cell_pitch, output_pitch, .. } = self.plan.layer.shape.geometry;
        for (direction, memory) in memory.directions.as_mut().each() {
            for PartMemory { states, task } in memory.parts() {
                let units = self.plan.layer.real_units(&task.blocks);
                let outputs = self.plan.layer.real_outputs(&task.blocks);
                for (layer, state) in states.iter_mut().enumerate() {
                    let place = Place { layer, direction };
                    run(
                        &mut arrays.hidden.of_task(place),
                        &mut state.hidden,
                        output_pitch,
                        &outputs,
                    );
                    run(&mut arrays.cell.of_task(place), &mut state.cell, cell_pitch, &units);
                }
            }
        }
    }

    /// Some steps of one layer of one group.
    fn layer(
        self,
        group: &Group,
        layer: usize,
        steps: &Range<usize>,
        memory: &mut GroupMemory,
        arrays: &mut Bound<'_>,
    ) -> Done {
        let config = &self.plan.layer.config;
        let GroupMemory { directions, outputs, .. } = memory;
        let Turn { own, neighbour } = outputs.turn_of(layer);
        let source = match layer {
            0 => Source::Input(arrays.input.view()),
            _ => Source::Below(neighbour),
        };
        let is_last = layer + 1 == config.layers;
        let output = arrays.output.as_mut().filter(|_| is_last).map(|all| all.view_mut());
        let targets = targets(output, own.as_mut(), is_last, config.outputs);
        let caches = arrays.cache.as_mut().map(|all| all.of_layer(layer, config));
        let mut caches = caches.map(|all| all.map(|_, cache| self.divide(cache)));
        let caches = match &mut caches {
            Some(caches) => caches.as_mut().map(|_, caches| Some(caches.each())),
            None => targets.as_ref().map(|_, _| None),
        };
        let work = directions.as_mut().zip(targets)?.zip(caches)?;
        let work = work.map(|direction, ((memory, target), cache)| ForwardDirection {
            place: Place { layer, direction },
            memory,
            target,
            cache,
        });
        self.threads.each_direction(work, |work| self.direction(group, steps, source, work))
    }

    /// The cache of one direction of a layer, for each part of its units.
    fn divide(self, cache: TaskCache<'_>) -> PartCaches<'_> {
        if self.plan.parts == 1 {
            return PartCaches { whole: Some(cache), parts: Vec::new() };
        }
        let own = |part| {
            let blocks = self.plan.part_blocks(part);
            let layer = &self.plan.layer;
            OwnUnits { units: layer.real_units(&blocks), outputs: layer.real_outputs(&blocks) }
        };
        let own: Vec<_> = (0..self.plan.parts).map(own).collect();
        PartCaches { whole: None, parts: cache.divide(&own) }
    }

    /// One direction of a layer, in one go or in parts of its units.
    fn direction<'t>(
        self,
        group: &'t Group,
        steps: &Range<usize>,
        source: Source<'t>,
        work: ForwardDirection<'t>,
    ) -> Done
    where
        'a: 't,
    {
        let ForwardDirection { place, memory, target, cache } = work;
        let panels = self.weights.of(place)?;
        let span = steps.clone();
        let direction = DirectionSteps { plan: self.plan, group, place, span, source, panels };
        match memory {
            DirectionMemory::Whole(all) => {
                let cache = cache.and_then(<[_]>::first_mut);
                direction.task(target, all, cache)?.run(self.threads)
            }
            DirectionMemory::Parts(parts, shared) => {
                shared.begin(steps.len());
                let caches = cache.into_iter().flatten().map(Some);
                let caches = caches.chain(std::iter::repeat_with(|| None));
                let parts = parts.iter_mut().zip(target.divide(self.plan)?).zip(caches);
                let tasks =
                    parts.map(|((part, target), cache)| direction.task(target, part, cache));
                run_parts(self.threads, shared, tasks.collect::<Result<_, Broken>>()?)
            }
        }
    }
}

/// What training keeps of one direction of a layer.
struct PartCaches<'w> {
    /// Where units are not divided.
    whole: Option<TaskCache<'w>>,
    /// Of each part, where they are.
    parts: Vec<TaskCache<'w>>,
}

impl<'w> PartCaches<'w> {
    /// Of each part, or of all units.
    fn each(&mut self) -> &mut [TaskCache<'w>] {
        match &mut self.whole {
            Some(whole) => std::slice::from_mut(whole),
            None => &mut self.parts,
        }
    }
}

/// What all parts of one direction of a layer have in common.
struct DirectionSteps<'t> {
    plan: &'t Plan,
    group: &'t Group,
    place: Place,
    span: Range<usize>,
    source: Source<'t>,
    panels: &'t LayerPanels,
}

impl<'t> DirectionSteps<'t> {
    /// The task of a part.
    fn task(
        &self,
        target: Target<'t>,
        PartMemory { states, task }: &'t mut PartMemory,
        cache: Option<&'t mut TaskCache<'t>>,
    ) -> Result<Task<'t>, Broken> {
        Ok(Task {
            plan: self.plan,
            group: self.group,
            panels: self.panels,
            place: self.place,
            span: self.span.clone(),
            source: self.source,
            target,
            state: states.get_mut(self.place.layer).ok_or(NO_STATES)?,
            cache,
            memory: task,
        })
    }
}

const NO_STATES: Broken = Broken("states of fewer layers than are computed");

/// Where the outputs of each direction of a layer go: up, or to the caller if it wants them; `outputs` are
/// those of one direction.
fn targets<'a>(
    output: Option<ArrayViewMut3<'a, f32>>,
    above: PerDirection<&'a mut Aligned>,
    is_last: bool,
    outputs: usize,
) -> PerDirection<Target<'a>> {
    if !is_last {
        return above.map(|_, above| Target::Above(above));
    }
    let mut rest = output;
    above.map(|_, _| {
        let own;
        (own, rest) = rest.take().map(|all| all.split_at(Axis(2), outputs)).unzip();
        own.map_or(Target::Nowhere, Target::Output)
    })
}
