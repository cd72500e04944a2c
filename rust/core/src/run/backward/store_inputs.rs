//! The gradient of the input on its way to the caller.
//!
//! In: gradients of the inputs of the lowest layer, row by row. Out: the same numbers in the caller's array, added to
//! what is there or written over it, by threads that divide the steps.

use super::super::threads::{Divide, Done, Threads};
use super::arrays::{BackwardArrays, Outgoing};
use super::store::put;
use crate::aligned::Aligned;
use crate::place::PerDirection;
use crate::plan::Plan;
use ndarray::{ArrayViewMut3, Axis};
use std::iter::repeat_n;
use std::ops::Range;

/// Some steps of the caller's array, for so many threads.
struct InputSteps<'s> {
    threads: usize,
    steps: Range<usize>,
    /// `[step, batch row, input]`
    view: ArrayViewMut3<'s, f32>,
}

impl Divide for InputSteps<'_> {
    fn is_whole(&self) -> bool {
        self.threads < 2 || self.steps.len() < 2
    }

    fn halve(self) -> (Self, Self) {
        let Self { threads, steps, view } = self;
        let own_threads = threads / 2;
        let half = (steps.len() * own_threads / threads).max(1);
        let (view, others) = view.split_at(Axis(0), half);
        let middle = steps.start + half;
        (
            Self { threads: own_threads, steps: steps.start..middle, view },
            Self { threads: threads - own_threads, steps: middle..steps.end, view: others },
        )
    }
}

impl BackwardArrays<'_> {
    /// The gradient of the input at some steps: the sum of both directions', 0 where a sample was not
    /// active. `d_inputs` holds these steps.
    pub(super) fn store_inputs(
        &mut self,
        plan: &Plan,
        threads: &Threads<'_>,
        steps: Range<usize>,
        d_inputs: &PerDirection<Aligned>,
    ) -> Done {
        let Some(Outgoing { view, accumulate }) = &mut self.d_input else { return Ok(()) };
        let all = steps.clone();
        let view = view.slice_axis_mut(Axis(0), all.clone().into());
        let own = InputSteps { threads: plan.backward.threads, steps, view };
        threads.divide(own, &|own| {
            store_steps(plan, &all, own, d_inputs, *accumulate);
            Ok(())
        })
    }
}

/// Some of all steps that `d_inputs` holds.
fn store_steps<'d>(
    plan: &Plan,
    all: &Range<usize>,
    InputSteps { steps, mut view, .. }: InputSteps<'_>,
    d_inputs: &'d PerDirection<Aligned>,
    accumulate: bool,
) {
    let pitch = plan.layer.shape.wide_pitch(plan.layer.config.inputs);
    let mut start = 0;
    for group in &plan.backward_groups {
        let offsets = &group.order.offsets;
        for (mut at_step, step) in view.outer_iter_mut().zip(steps.clone()) {
            let active = group.active_at(step);
            let rows = at_step.outer_iter_mut().skip(group.first).take(group.rows);
            for (row, to) in rows.enumerate() {
                let place = (start + offsets[step] - offsets[all.start] + row) * pitch;
                let of_row = |of_direction: &'d Aligned| &of_direction[place..][..to.len()];
                match d_inputs {
                    _ if row >= active => put(repeat_n(0.0, to.len()), to, accumulate),
                    PerDirection { forward, backward: None } => {
                        put(of_row(forward).iter().copied(), to, accumulate);
                    }
                    PerDirection { forward, backward: Some(backward) } => {
                        let both = of_row(forward).iter().zip(of_row(backward));
                        put(both.map(|(one, other)| one + other), to, accumulate);
                    }
                }
            }
        }
        start += group.rows_of(all);
    }
}
