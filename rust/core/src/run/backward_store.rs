//! The ends of a backward pass: gradients from the caller's arrays, and back into them.
//!
//! In: the workspace and the caller's arrays. Out: the same numbers on the other side, added to what is
//! there or written over it. It computes nothing but these sums.

use super::backward_arrays::{BackwardArrays, Outgoing};
use super::backward_workspace::GradientMemory;
use super::copy::read_row;
use crate::aligned::Aligned;
use crate::check::Peephole;
use crate::gate::Gate;
use crate::pack::GradientSlot;
use crate::plan::{PanelSizes, Plan};
use ndarray::{ArrayView4, ArrayViewMut1, ArrayViewMut4, Axis};
use std::iter::repeat_n;
use std::ops::Range;

impl BackwardArrays<'_> {
    /// The incoming gradients of the final states, or zeros, for each layer and direction; and no weight
    /// gradients yet.
    pub(super) fn load_states(&self, plan: &Plan, memory: &mut [GradientMemory]) {
        let directions = plan.config().directions;
        for (index, memory) in memory.iter_mut().enumerate() {
            let place = (index / directions, index % directions);
            load(plan, self.final_hidden.as_ref(), place, &mut memory.d_hidden);
            load(plan, self.final_cell.as_ref(), place, &mut memory.d_cell);
            memory.clear_weights();
        }
    }

    /// The gradients of the initial states, those that anybody wants.
    pub(super) fn store_states(&mut self, plan: &Plan, memory: &[GradientMemory]) {
        let directions = plan.config().directions;
        for (index, memory) in memory.iter().enumerate() {
            let place = (index / directions, index % directions);
            store(plan, self.d_hidden.as_mut(), place, &memory.d_hidden);
            store(plan, self.d_cell.as_mut(), place, &memory.d_cell);
        }
    }

    /// The gradients of the weights, those that anybody wants.
    pub(super) fn store_weights(&mut self, plan: &Plan, memory: &mut [GradientMemory]) {
        let directions = plan.config().directions;
        for (index, memory) in memory.iter_mut().enumerate() {
            self.store_weights_of(plan, (index / directions, index % directions), memory);
        }
    }

    fn store_weights_of(
        &mut self,
        plan: &Plan,
        (layer, direction): (usize, usize),
        memory: &mut GradientMemory,
    ) {
        let (config, shape) = (plan.config(), &plan.shape);
        let sizes = PanelSizes::new(config, shape, layer);
        let panels = sizes.borrow(&memory.weights()[..sizes.total()]);
        for (index, gate) in Gate::ALL.into_iter().enumerate() {
            let to = self.gates.get_mut(gate);
            let level = plan.level;
            let slot = |accumulate| GradientSlot { shape, index, gates: 4, level, accumulate };
            let is_split = plan.checked.arrays().gates.get(gate).iw_upper.is_some();
            if let Some((matrix, accumulate)) = to.input(layer, direction, is_split) {
                slot(accumulate).matrix(panels.input, matrix);
            }
            if let Some((matrix, accumulate)) = to.hidden(layer, direction) {
                slot(accumulate).matrix(panels.hidden, matrix);
            }
            if let Some((vector, accumulate)) = to.bias(layer, direction) {
                slot(accumulate).vector(panels.bias, vector);
            }
            match config.peepholes.get(gate) {
                Peephole::None => {}
                Peephole::Diagonal => {
                    if let Some((vector, accumulate)) = to.diagonal(layer, direction) {
                        slot(accumulate).vector(panels.diagonal, vector);
                    }
                }
                Peephole::Full => {
                    let Some((matrix, accumulate)) = to.full(layer, direction) else { continue };
                    if gate == Gate::Output {
                        let slot = GradientSlot { index: 0, gates: 1, ..slot(accumulate) };
                        slot.matrix(panels.cell_output, matrix);
                    } else {
                        slot(accumulate).matrix(panels.cell, matrix);
                    }
                }
            }
        }
    }

    /// The gradient of the input at some steps: the sum of both directions', 0 where a sample was not
    /// active. `d_inputs` holds these steps.
    pub(super) fn store_inputs<'d>(
        &mut self,
        plan: &Plan,
        steps: Range<usize>,
        d_inputs: &'d [Aligned],
    ) {
        let Some(Outgoing { view, accumulate }) = &mut self.d_input else { return };
        let pitch = plan.shape.wide_pitch(plan.config().input_size);
        let mut start = 0;
        for group in &plan.groups {
            let offsets = &group.order.offsets;
            for step in steps.clone() {
                let mut at_step = view.index_axis_mut(Axis(0), step);
                let active = group.active_at(step);
                let rows = at_step.outer_iter_mut().skip(group.first).take(group.rows);
                for (row, to) in rows.enumerate() {
                    let place = (start + offsets[step] - offsets[steps.start] + row) * pitch;
                    let of_row = |of_direction: &'d Aligned| &of_direction[place..][..to.len()];
                    match d_inputs {
                        _ if row >= active => put(repeat_n(0.0, to.len()), to, *accumulate),
                        [one] => put(of_row(one).iter().copied(), to, *accumulate),
                        _ => {
                            let both = of_row(&d_inputs[0]).iter().zip(of_row(&d_inputs[1]));
                            put(both.map(|(one, other)| one + other), to, *accumulate);
                        }
                    }
                }
            }
            start += group.rows_of(&steps);
        }
    }
}

/// Write gradients to a row of the caller's, or add them to it.
fn put(gradients: impl Iterator<Item = f32>, mut to: ArrayViewMut1<'_, f32>, accumulate: bool) {
    match to.as_slice_mut() {
        Some(to) => put_each(gradients, to.iter_mut(), accumulate),
        None => put_each(gradients, to.iter_mut(), accumulate),
    }
}

fn put_each<'t>(
    gradients: impl Iterator<Item = f32>,
    to: impl Iterator<Item = &'t mut f32>,
    accumulate: bool,
) {
    to.zip(gradients).for_each(|(to, value)| *to = if accumulate { *to + value } else { value });
}

/// The incoming gradient of a final state, or zeros.
fn load(
    plan: &Plan,
    states: Option<&ArrayView4<'_, f32>>,
    (layer, direction): (usize, usize),
    to: &mut [f32],
) {
    to.fill(0.0);
    let Some(states) = states else { return };
    let pitch = plan.shape.wide_pitch(plan.config().hidden_size);
    let of_layer = states.index_axis(Axis(0), layer);
    let of_direction = of_layer.index_axis_move(Axis(0), direction);
    for (row, to) in of_direction.outer_iter().zip(to.chunks_exact_mut(pitch)) {
        read_row(row, &mut to[..row.len()]);
    }
}

/// The gradient of an initial state, if anybody wants it.
fn store(
    plan: &Plan,
    states: Option<&mut Outgoing<ArrayViewMut4<'_, f32>>>,
    (layer, direction): (usize, usize),
    from: &[f32],
) {
    let Some(Outgoing { view, accumulate }) = states else { return };
    let pitch = plan.shape.wide_pitch(plan.config().hidden_size);
    let mut of_layer = view.index_axis_mut(Axis(0), layer);
    let mut of_direction = of_layer.index_axis_mut(Axis(0), direction);
    for (row, from) in of_direction.outer_iter_mut().zip(from.chunks_exact(pitch)) {
        put(from.iter().copied(), row, *accumulate);
    }
}
