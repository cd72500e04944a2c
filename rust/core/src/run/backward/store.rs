//! The ends of a backward pass: gradients from the caller's arrays, and back into them.
//!
//! In: the workspace and the caller's arrays. Out: the same numbers on the other side, added to what is
//! there or written over it; those of the input are in `store_inputs`. It computes nothing but these sums.

use super::super::rows::read_row;
use super::super::threads::{Divide, Done, Threads};
use super::arrays::{BackwardArrays, Outgoing, WeightOutgoing};
use super::pass::GradientMemory;
use crate::check::Peephole;
use crate::fields::GateFields;
use crate::gate::{Gate, Gates};
use crate::pack::GradientSlot;
use crate::place::{PerPlace, Place};
use crate::plan::{Panels, Plan};
use crate::products::Route;
use ndarray::{ArrayView4, ArrayViewMut1, ArrayViewMut4};

impl BackwardArrays<'_> {
    /// The incoming gradients of the final states, or zeros, for each layer and direction; and no weight
    /// gradients yet.
    pub(super) fn load_states(&self, plan: &Plan, memory: &mut PerPlace<GradientMemory>) {
        let (config, shape) = (&plan.layer.config, &plan.layer.shape);
        for (place, memory) in memory.each_mut() {
            let pitch = shape.wide_pitch(config.outputs);
            load(self.final_hidden.as_ref(), place, pitch, &mut memory.d_hidden);
            let pitch = shape.wide_pitch(config.units);
            load(self.final_cell.as_ref(), place, pitch, &mut memory.d_cell);
            memory.weights.clear();
        }
    }

    /// The gradients of the initial states, those that anybody wants.
    pub(super) fn store_states(&mut self, plan: &Plan, memory: &mut PerPlace<GradientMemory>) {
        let (config, shape) = (&plan.layer.config, &plan.layer.shape);
        for (place, memory) in memory.each_mut() {
            let pitch = shape.wide_pitch(config.outputs);
            store(self.d_hidden.as_mut(), place, pitch, &memory.d_hidden);
            let pitch = shape.wide_pitch(config.units);
            store(self.d_cell.as_mut(), place, pitch, &memory.d_cell);
        }
    }

    /// The gradients of the weights, those that anybody wants, gates side by side.
    pub(super) fn store_weights(
        &mut self,
        plan: &Plan,
        threads: &Threads<'_>,
        memory: &mut PerPlace<GradientMemory>,
    ) -> Done {
        memory.each_mut().for_each(|(_, memory)| memory.weights.finish());
        let memory = &*memory;
        for (place, memory) in memory.each() {
            if let Some((matrix, accumulate)) = self.projection(place) {
                let (shape, level) = (&plan.layer.shape, plan.layer.level);
                let slot = GradientSlot { shape, index: 0, gates: 1, level, accumulate };
                slot.columns(memory.weights.panels().projection, matrix);
            }
        }
        let Gates { input, forget, candidate, output } = self.weights.gates.as_mut();
        let mut gates = [
            (Gate::Input, input),
            (Gate::Forget, forget),
            (Gate::Candidate, candidate),
            (Gate::Output, output),
        ];
        threads.divide(GateArrays(&mut gates), &|GateArrays(gates)| {
            for (gate, to) in gates {
                for (place, memory) in memory.each() {
                    store_gate(plan, place, *gate, &memory.weights.panels(), to);
                }
            }
            Ok(())
        })
    }
}

/// The arrays of some gates, which threads divide.
struct GateArrays<'s, 'v>(&'s mut [(Gate, &'s mut GateFields<WeightOutgoing<'v>>)]);

impl Divide for GateArrays<'_, '_> {
    fn is_whole(&self) -> bool {
        self.0.len() < 2
    }

    fn halve(self) -> (Self, Self) {
        let (one, other) = self.0.split_at_mut(self.0.len() / 2);
        (Self(one), Self(other))
    }
}

/// The gradients of a gate's weights in one direction of a layer.
fn store_gate(
    plan: &Plan,
    place: Place,
    gate: Gate,
    panels: &Panels<'_>,
    to: &mut GateFields<WeightOutgoing<'_>>,
) {
    let (config, shape) = (&plan.layer.config, &plan.layer.shape);
    let (index, gates, level) = (gate.index(), Gate::COUNT, plan.layer.level);
    let slot = |accumulate| GradientSlot { shape, index, gates, level, accumulate };
    let store_matrix = match plan.gradients {
        Route::Panels => GradientSlot::matrix,
        Route::Gemm => GradientSlot::rows,
    };
    let is_split = plan.checked.arrays().weights.gates.get(gate).iw_upper.is_some();
    if let Some((matrix, accumulate)) = to.input(place, is_split) {
        store_matrix(&slot(accumulate), panels.input, matrix);
    }
    if let Some((matrix, accumulate)) = to.hidden(place) {
        store_matrix(&slot(accumulate), panels.hidden, matrix);
    }
    if let Some((vector, accumulate)) = to.bias(place) {
        slot(accumulate).vector(panels.bias, vector);
    }
    let peephole = *config.peepholes.get(gate);
    let diagonal = to.diagonal(place).filter(|_| peephole == Peephole::Diagonal);
    if let Some((vector, accumulate)) = diagonal {
        slot(accumulate).vector(panels.diagonal, vector);
    }
    let full = to.full(place).filter(|_| peephole == Peephole::Full);
    if let Some((matrix, accumulate)) = full {
        if gate == Gate::Output {
            let slot = GradientSlot { index: 0, gates: 1, ..slot(accumulate) };
            slot.matrix(panels.cell_output, matrix);
        } else {
            slot(accumulate).matrix(panels.cell, matrix);
        }
    }
}

/// Write gradients to a row of the caller's, or add them to it.
pub(super) fn put(
    gradients: impl Iterator<Item = f32>,
    mut to: ArrayViewMut1<'_, f32>,
    accumulate: bool,
) {
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
fn load(states: Option<&ArrayView4<'_, f32>>, place: Place, pitch: usize, to: &mut [f32]) {
    to.fill(0.0);
    let of_place = states.map(|states| place.part_of(states.view()));
    for (row, to) in of_place.iter().flat_map(|of| of.outer_iter()).zip(to.chunks_exact_mut(pitch))
    {
        read_row(row, &mut to[..row.len()]);
    }
}

/// The gradient of an initial state, if anybody wants it.
fn store(
    states: Option<&mut Outgoing<ArrayViewMut4<'_, f32>>>,
    place: Place,
    pitch: usize,
    from: &[f32],
) {
    let Some(Outgoing { view, accumulate }) = states else { return };
    let mut of_place = place.part_of(view.view_mut());
    for (row, from) in of_place.outer_iter_mut().zip(from.chunks_exact(pitch)) {
        put(from.iter().copied(), row, *accumulate);
    }
}
