//! The forward pass: groups of rows side by side, layers one after the other, directions side by side.
//!
//! In: a plan, packed weights, a workspace, arrays. Out: the caller's outputs. No result depends on which
//! thread computes it.

use super::arrays::{Bound, Inputs, Outputs, TaskStates, unzip};
use super::cache;
use super::copy::{load_state, store_state};
use super::pool;
use super::saved::caches_of_layer;
use super::task::{Source, Target, Task};
use super::workspace::{GroupMemory, StateMemory, Workspace};
use crate::aligned::Aligned;
use crate::error::Error;
use crate::pack::Weights;
use crate::plan::{Group, Plan};
use ndarray::{ArrayViewMut3, Axis};
use std::ops::Range;

/// Compute the layer for the arrays that were checked.
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
    let call = Call { plan, weights };
    pool::run(plan.threads, || call.groups(&plan.groups, &mut workspace.groups, arrays))
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
    let call = Call { plan, weights };
    pool::run(plan.threads, || call.groups(&plan.groups, &mut workspace.groups, arrays))?;
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
}

impl Call<'_> {
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
                self.both(
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
        self.each_state(&mut memory.states, &mut arrays, |states, to| {
            load_state(states, to, &self.plan.shape.geometry);
        });
        let all = config.seq_len;
        let span = if arrays.cache.is_some() { config.span_steps() } else { all };
        for first in (0..all).step_by(span) {
            let steps = first..(first + span).min(all);
            for layer in 0..config.num_layers {
                self.layer(group, layer, &steps, memory, &mut arrays);
            }
        }
        self.each_state(&mut memory.states, &mut arrays, |states, from| {
            store_state(states, from, &self.plan.shape.geometry);
        });
    }

    /// Do something for the hidden and the cell state of each layer and direction.
    fn each_state(
        self,
        memory: &mut [StateMemory],
        arrays: &mut Bound<'_>,
        run: impl Fn(&mut TaskStates<'_>, &mut [f32]),
    ) {
        let directions = self.plan.config().directions;
        for (index, memory) in memory.iter_mut().enumerate() {
            let (layer, direction) = (index / directions, index % directions);
            run(&mut arrays.hidden.of_task(layer, direction), &mut memory.hidden);
            run(&mut arrays.cell.of_task(layer, direction), &mut memory.cell);
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
        let GroupMemory { tasks, states, even, odd } = memory;
        let is_last = layer + 1 == config.num_layers;
        let (above, below) =
            if layer.is_multiple_of(2) { (&mut *even, &*odd) } else { (&mut *odd, &*even) };
        let source = match layer {
            0 => Source::Input(arrays.input),
            _ => Source::Below(below),
        };
        let output = arrays.output.as_mut().filter(|_| is_last).map(|all| all.view_mut());
        let caches = arrays.cache.as_mut().map(|all| caches_of_layer(all, layer, 0));
        let (cache, cache_back) = unzip(caches);
        let make = |direction, target, state, cache, memory| Task {
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
        let states = &mut states[layer * config.directions..][..config.directions];
        match (tasks.as_mut_slice(), states, above.as_mut_slice()) {
            ([memory], [state], [above]) => {
                make(0, target(output, above, is_last), state, cache, memory).run();
            }
            ([memory, memory_back], [state, state_back], [above, above_back]) => {
                let (output, output_back) =
                    unzip(output.map(|all| all.split_at(Axis(2), config.hidden_size)));
                let target_back = target(output_back, above_back, is_last);
                let target = target(output, above, is_last);
                let forward = make(0, target, state, cache, memory);
                let backward = make(1, target_back, state_back, cache_back, memory_back);
                self.both(|| forward.run(), || backward.run());
            }
            _ => {}
        }
    }

    /// Run both, at the same time where there are threads.
    fn both(self, one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
        if self.plan.threads == 1 {
            one();
            other();
        } else {
            rayon::join(one, other);
        }
    }
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
