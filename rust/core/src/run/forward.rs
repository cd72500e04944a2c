//! The forward pass: groups of rows side by side, layers one after the other, directions side by side.
//!
//! In: a plan, packed weights, a workspace, arrays. Out: the caller's outputs. No result depends on which
//! thread computes it.

use super::arrays::{Bound, Inputs, Outputs, TaskStates, unzip};
use super::cache;
use super::copy::{load_state, store_state};
use super::exchange::Exchange;
use super::pool::Crew;
use super::saved::{TaskCache, caches_of_layer};
use super::task::{Source, Target, Task};
use super::team::run_parts;
use super::workspace::{GroupMemory, StateMemory, TaskMemory, Workspace};
use crate::aligned::Aligned;
use crate::error::Error;
use crate::pack::Weights;
use crate::plan::{Group, Plan};
use ndarray::{ArrayViewMut3, Axis};
use std::ops::Range;

/// Compute the layer for the arrays that were checked. Elements in order are the quickest way into a short
/// computation.
///
/// # Errors
///
/// [`Error::WrongPlan`] and [`Error::ArrayMismatch`] for what belongs to another plan, and
/// [`Error::Threads`]. Nothing was written then.
pub fn forward<'a>(
    plan: &Plan,
    weights: &Weights,
    workspace: &mut Workspace,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
) -> Result<(), Error> {
    check_plan(plan, weights, workspace)?;
    let arrays = Bound::new(plan, inputs, outputs)?;
    let call = Call { plan, weights, crew: Crew::new(plan.threads)? };
    call.groups(&plan.groups, &mut workspace.groups, arrays);
    Ok(())
}

/// As [`forward`], and fill a training cache for [`backward`](super::backward()).
///
/// # Errors
///
/// As [`forward`]; [`Error::NotForTraining`], and [`Error::Cache`] for too few bytes.
pub fn forward_caching<'a>(
    plan: &Plan,
    weights: &Weights,
    workspace: &mut Workspace,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
    cache: &'a mut [u8],
) -> Result<(), Error> {
    check_plan(plan, weights, workspace)?;
    if !plan.training {
        return Err(Error::NotForTraining);
    }
    let mut arrays = Bound::new(plan, inputs, outputs)?;
    let (head, regions) = cache::to_fill(plan, cache)?;
    arrays.cache = Some(regions);
    let call = Call { plan, weights, crew: Crew::new(plan.threads)? };
    call.groups(&plan.groups, &mut workspace.groups, arrays);
    cache::mark_filled(head);
    Ok(())
}

fn check_plan(plan: &Plan, weights: &Weights, workspace: &Workspace) -> Result<(), Error> {
    if weights.plan_id != plan.id {
        return Err(Error::WrongPlan { what: "weights" });
    }
    if workspace.plan_id != plan.id {
        return Err(Error::WrongPlan { what: "workspace" });
    }
    Ok(())
}

/// What all tasks of a call share.
#[derive(Clone, Copy)]
struct Call<'a> {
    plan: &'a Plan,
    weights: &'a Weights,
    crew: Crew,
}

impl<'a> Call<'a> {
    /// All groups, halved until one is left.
    fn groups(self, groups: &[Group], memory: &mut [GroupMemory], arrays: Bound<'_>) {
        match (groups, memory) {
            ([group], [memory]) => self.layers(group, memory, arrays),
            (groups, memory) if groups.len() > 1 => {
                let half = groups.len() / 2;
                let (groups, other_groups) = groups.split_at(half);
                let (memory, other_memory) = memory.split_at_mut(half);
                let rows = groups.iter().map(|group| group.rows).sum();
                let (arrays, other_arrays) = arrays.split_rows(rows);
                self.crew.both(
                    || self.groups(groups, memory, arrays),
                    || self.groups(other_groups, other_memory, other_arrays),
                );
            }
            _ => {}
        }
    }

    /// All layers of one group, as many steps at a time as all of them may take.
    fn layers(self, group: &Group, memory: &mut GroupMemory, mut arrays: Bound<'_>) {
        let config = self.plan.config();
        let geometry = &self.plan.shape.geometry;
        self.each_state(&mut memory.states, &mut arrays, |states, to, _| {
            load_state(states, to, geometry);
        });
        let all = config.seq_len;
        let span = if arrays.cache.is_some() { config.span_steps() } else { all };
        for first in (0..all).step_by(span) {
            let steps = first..(first + span).min(all);
            for layer in 0..config.num_layers {
                self.layer(group, layer, &steps, memory, &mut arrays);
            }
        }
        self.each_state(&mut memory.states, &mut arrays, |states, from, units| {
            store_state(states, from, geometry, units);
        });
    }

    /// Do something for the hidden and the cell state of each layer, direction and part of the units.
    fn each_state(
        self,
        memory: &mut [StateMemory],
        arrays: &mut Bound<'_>,
        run: impl Fn(&mut TaskStates<'_>, &mut [f32], &Range<usize>),
    ) {
        let (directions, parts) = (self.plan.config().directions, self.plan.parts);
        for (index, memory) in memory.iter_mut().enumerate() {
            let (layer, direction) = (index / parts / directions, index / parts % directions);
            let units = self.plan.real_units(index % parts);
            run(&mut arrays.hidden.of_task(layer, direction), &mut memory.hidden, &units);
            run(&mut arrays.cell.of_task(layer, direction), &mut memory.cell, &units);
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
    ) {
        let config = self.plan.config();
        let parts = self.plan.parts;
        let GroupMemory { tasks, states, exchanges, even, odd } = memory;
        let is_last = layer + 1 == config.num_layers;
        let (above, below) =
            if layer.is_multiple_of(2) { (&mut *even, &*odd) } else { (&mut *odd, &*even) };
        let source = match layer {
            0 => Source::Input(arrays.input.view()),
            _ => Source::Below(below),
        };
        let output = arrays.output.as_mut().filter(|_| is_last).map(|all| all.view_mut());
        let caches = arrays.cache.as_mut().map(|all| caches_of_layer(all, layer, 0));
        let (cache, cache_back) = unzip(caches);
        let states = &mut states[layer * config.directions * parts..][..config.directions * parts];
        let ((states, states_back), (tasks, tasks_back)) =
            (states.split_at_mut(parts), tasks.split_at_mut(parts));
        let first = exchanges.len().min(1);
        let (exchange, exchange_back) = exchanges.split_at_mut(first);
        let place = |direction| Place { group, layer, direction, steps, source };
        match above.as_mut_slice() {
            [above] => {
                let memory = Memory { tasks, states, exchange };
                self.direction(place(0), target(output, above, is_last), cache, memory);
            }
            [above, above_back] => {
                let (output, output_back) =
                    unzip(output.map(|all| all.split_at(Axis(2), config.hidden_size)));
                let target_back = target(output_back, above_back, is_last);
                let target = target(output, above, is_last);
                let memory = Memory { tasks, states, exchange };
                let memory_back =
                    Memory { tasks: tasks_back, states: states_back, exchange: exchange_back };
                self.crew.both(
                    || self.direction(place(0), target, cache, memory),
                    || self.direction(place(1), target_back, cache_back, memory_back),
                );
            }
            _ => {}
        }
    }

    /// One direction of a layer, in one go or in parts of its units.
    fn direction<'t>(
        self,
        place: Place<'t>,
        target: Target<'t>,
        cache: Option<TaskCache<'t>>,
        memory: Memory<'t>,
    ) where
        'a: 't,
    {
        let Place { group, layer, direction, steps, source } = place;
        let make = |target, state, cache, memory| Task {
            plan: self.plan,
            group,
            panels: self.weights.of(layer, direction).panels(),
            layer,
            reverse: direction == 1,
            span: steps.clone(),
            source,
            target,
            state,
            cache,
            memory,
        };
        let Memory { tasks, states, exchange } = memory;
        match (tasks, states, exchange) {
            ([memory], [state], _) => make(target, state, cache, memory).run(),
            (tasks, states, [exchange]) => {
                exchange.begin(steps.len());
                let targets = target.divide(self.plan);
                let parts = targets.into_iter().zip(states).zip(tasks);
                let parts = parts.map(|((to, state), memory)| make(to, state, None, memory));
                run_parts(self.crew, exchange, parts.collect());
            }
            _ => {}
        }
    }
}

/// Which direction of which layer, and what it reads.
#[derive(Clone, Copy)]
struct Place<'a> {
    group: &'a Group,
    layer: usize,
    direction: usize,
    steps: &'a Range<usize>,
    source: Source<'a>,
}

/// The buffers of one direction of a layer.
struct Memory<'m> {
    /// For each part of the units.
    tasks: &'m mut [TaskMemory],
    /// For each part of the units.
    states: &'m mut [StateMemory],
    /// One, where there are parts.
    exchange: &'m mut [Exchange],
}

/// Where a layer's outputs go: up, or to the caller if it wants them.
fn target<'a>(
    output: Option<ArrayViewMut3<'a, f32>>,
    above: &'a mut Aligned,
    is_last: bool,
) -> Target<'a> {
    match output {
        Some(output) => Target::Output(output),
        None if is_last => Target::Nowhere,
        None => Target::Above(above),
    }
}
