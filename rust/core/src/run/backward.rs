//! The backward pass: layers from the last to the first, directions side by side.
//!
//! In: a plan for training, packed and transposed weights, a filled cache, arrays. Out: gradients in the
//! caller's arrays. No result depends on which thread computes it.

use super::backward_arrays::{BackwardArrays, Outgoing};
use super::backward_workspace::{BackwardWorkspace, DirectionMemory};
use super::cache;
use super::pool;
use crate::aligned::Aligned;
use crate::check::Peephole;
use crate::error::Error;
use crate::gate::Gate;
use crate::kernel::GroupRows;
use crate::pack::{GradientSlot, Panels, TransposedPanels, TransposedWeights, Weights};
use crate::plan::{Group, PanelSizes, Plan};
use ndarray::{ArrayView3, ArrayView4, ArrayView5, ArrayViewMut4, Axis};

/// Compute the gradients of a layer from what a forward call left in `cache`.
///
/// # Errors
///
/// [`Error::WrongPlan`] for what belongs to another plan, [`Error::Cache`] for a cache that this layer has
/// not filled, [`Error::NotForTraining`], [`Error::ArrayMismatch`], [`Error::Threads`]. Nothing was written
/// then.
pub fn backward(
    plan: &Plan,
    weights: &Weights,
    transposed: &TransposedWeights,
    workspace: &mut BackwardWorkspace,
    cache: &[u8],
    mut arrays: BackwardArrays<'_>,
) -> Result<(), Error> {
    let owners = [
        ("weights", weights.plan_id),
        ("transposed weights", transposed.plan_id),
        ("workspace", workspace.plan_id),
    ];
    if let Some((what, _)) = owners.into_iter().find(|&(_, id)| id != plan.id) {
        return Err(Error::WrongPlan { what });
    }
    if !plan.training {
        return Err(Error::NotForTraining);
    }
    arrays.check(plan)?;
    let cache = cache::filled(plan, cache)?;
    let call = Call { plan, weights, transposed, cache };
    pool::run(plan.threads, || call.layers(workspace, &mut arrays))
}

/// What all layers of a call share.
#[derive(Clone, Copy)]
struct Call<'a> {
    plan: &'a Plan,
    weights: &'a Weights,
    transposed: &'a TransposedWeights,
    cache: ArrayView5<'a, u8>,
}

/// One direction of one layer.
pub(super) struct LayerPass<'a, 'b> {
    pub(super) plan: &'a Plan,
    pub(super) panels: Panels<'a>,
    pub(super) transposed: &'a TransposedPanels,
    cache: ArrayView5<'a, u8>,
    pub(super) rows: &'a [GroupRows],
    pub(super) arrays: &'a BackwardArrays<'b>,
    pub(super) layer: usize,
    pub(super) direction: usize,
    /// Gradients of the inputs of the layer above, for each direction; `None` for the last layer.
    pub(super) above: Option<&'a [Aligned]>,
    /// Whether anybody wants the gradients of this layer's inputs.
    pub(super) wants_d_inputs: bool,
}

impl LayerPass<'_, '_> {
    /// What a layer and direction saved, `[batch, seq_len, row bytes]`.
    pub(super) fn cache_of(&self, layer: usize, direction: usize) -> ArrayView3<'_, u8> {
        self.cache.index_axis(Axis(0), layer).index_axis_move(Axis(0), direction)
    }

    /// Rows of all groups before this one.
    pub(super) fn sequence_start(&self, group: &Group) -> usize {
        let before = self.plan.groups.iter().take_while(|other| other.first < group.first);
        before.map(Group::all_rows).sum()
    }

    /// Floats from one row of input gradients to the next.
    pub(super) fn d_input_pitch(&self) -> usize {
        self.plan.shape.wide_pitch(self.plan.config().layer_input(self.layer))
    }
}

impl Call<'_> {
    fn layers(self, workspace: &mut BackwardWorkspace, arrays: &mut BackwardArrays<'_>) {
        let BackwardWorkspace { directions, even, odd, .. } = workspace;
        let last = self.plan.config().num_layers - 1;
        for layer in (0..=last).rev() {
            let (own, above) =
                if layer % 2 == 0 { (&mut *even, &*odd) } else { (&mut *odd, &*even) };
            let above = Some(above.as_slice()).filter(|_| layer < last);
            for (direction, memory) in directions.iter_mut().enumerate() {
                let states = [&arrays.final_hidden, &arrays.final_cell];
                let places = [&mut memory.d_hidden, &mut memory.d_cell];
                for (states, place) in states.into_iter().zip(places) {
                    self.load(states.as_ref(), (layer, direction), place);
                }
            }
            self.directions(layer, directions, own, above, arrays);
            for (direction, memory) in directions.iter().enumerate() {
                self.store(arrays.d_hidden.as_mut(), (layer, direction), &memory.d_hidden);
                self.store(arrays.d_cell.as_mut(), (layer, direction), &memory.d_cell);
                self.store_weights(arrays, (layer, direction), memory);
            }
        }
        self.store_inputs(arrays, even);
    }

    /// All directions of a layer.
    fn directions(
        self,
        layer: usize,
        memory: &mut [DirectionMemory],
        d_inputs: &mut [Aligned],
        above: Option<&[Aligned]>,
        arrays: &BackwardArrays<'_>,
    ) {
        let pass = |direction: usize| LayerPass {
            plan: self.plan,
            panels: self.weights.of(layer, direction).panels(),
            transposed: self.transposed.of(layer, direction),
            cache: self.cache,
            rows: &self.plan.orders,
            arrays,
            layer,
            direction,
            above,
            wants_d_inputs: layer > 0 || arrays.d_input.is_some(),
        };
        match (memory, d_inputs) {
            ([memory], [d_inputs]) => pass(0).run(memory, d_inputs),
            ([memory, memory_back], [d_inputs, d_inputs_back]) => {
                let (forward, backward) = (pass(0), pass(1));
                if self.plan.threads == 1 {
                    forward.run(memory, d_inputs);
                    backward.run(memory_back, d_inputs_back);
                } else {
                    rayon::join(
                        || forward.run(memory, d_inputs),
                        || backward.run(memory_back, d_inputs_back),
                    );
                }
            }
            _ => {}
        }
    }

    /// The incoming gradient of a final state, or zeros.
    fn load(
        self,
        states: Option<&ArrayView4<'_, f32>>,
        (layer, direction): (usize, usize),
        to: &mut [f32],
    ) {
        to.fill(0.0);
        let Some(states) = states else { return };
        let pitch = self.plan.shape.wide_pitch(self.plan.config().hidden_size);
        let of_layer = states.index_axis(Axis(0), layer);
        let of_direction = of_layer.index_axis_move(Axis(0), direction);
        for (row, to) in of_direction.outer_iter().zip(to.chunks_exact_mut(pitch)) {
            to.iter_mut().zip(row).for_each(|(to, &value)| *to = value);
        }
    }

    /// The gradient of an initial state, if anybody wants it.
    fn store(
        self,
        states: Option<&mut Outgoing<ArrayViewMut4<'_, f32>>>,
        (layer, direction): (usize, usize),
        from: &[f32],
    ) {
        let Some(Outgoing { view, accumulate }) = states else { return };
        let pitch = self.plan.shape.wide_pitch(self.plan.config().hidden_size);
        let mut of_layer = view.index_axis_mut(Axis(0), layer);
        let mut of_direction = of_layer.index_axis_mut(Axis(0), direction);
        for (mut row, from) in of_direction.outer_iter_mut().zip(from.chunks_exact(pitch)) {
            for (to, &gradient) in row.iter_mut().zip(from) {
                *to = if *accumulate { *to + gradient } else { gradient };
            }
        }
    }

    /// The gradients of the weights of one layer and direction, those that anybody wants.
    fn store_weights(
        self,
        arrays: &mut BackwardArrays<'_>,
        (layer, direction): (usize, usize),
        memory: &DirectionMemory,
    ) {
        let (config, shape) = (self.plan.config(), &self.plan.shape);
        let sizes = PanelSizes::new(config, shape, layer);
        let panels = sizes.borrow(&memory.sums[..sizes.total()]);
        for (index, gate) in Gate::ALL.into_iter().enumerate() {
            let to = arrays.gates.get_mut(gate);
            let slot = |accumulate| GradientSlot { shape, index, gates: 4, accumulate };
            let is_split = self.plan.checked.arrays().gates.get(gate).iw_upper.is_some();
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
                    if let Some((matrix, accumulate)) = to.full(layer, direction) {
                        let (slot, panel) = if gate == Gate::Output {
                            (
                                GradientSlot { index: 0, gates: 1, ..slot(accumulate) },
                                panels.cell_output,
                            )
                        } else {
                            (slot(accumulate), panels.cell)
                        };
                        slot.matrix(panel, matrix);
                    }
                }
            }
        }
    }

    /// The gradient of the input: the sum of both directions', 0 where a sample was not active.
    fn store_inputs(self, arrays: &mut BackwardArrays<'_>, d_inputs: &[Aligned]) {
        let Some(Outgoing { view, accumulate }) = &mut arrays.d_input else { return };
        let pitch = self.plan.shape.wide_pitch(self.plan.config().input_size);
        let mut start = 0;
        for group in &self.plan.groups {
            for (step, mut at_step) in view.outer_iter_mut().enumerate() {
                let active = group.active_at(step);
                let rows = at_step.outer_iter_mut().skip(group.first).take(group.rows);
                for (row, mut to) in rows.enumerate() {
                    let place = (start + group.order.offsets[step] + row) * pitch;
                    for (input, to) in to.iter_mut().enumerate() {
                        let gradient = if row < active {
                            d_inputs.iter().map(|of_direction| of_direction[place + input]).sum()
                        } else {
                            0.0
                        };
                        *to = if *accumulate { *to + gradient } else { gradient };
                    }
                }
            }
            start += group.all_rows();
        }
    }
}
