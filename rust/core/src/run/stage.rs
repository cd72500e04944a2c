//! Bringing a chunk of steps back from the training cache.
//!
//! In: the cache, the caller's inputs and incoming gradients. Out: rows of a chunk at the pitches of the
//! kernels: what was saved, what each step read, and which gradient reaches its output. It computes nothing
//! but sums of incoming gradients.

use super::backward_layer::LayerPass;
use super::copy::read_row;
use super::saved::{CELL, HIDDEN, STATE_CELL, STATE_HIDDEN, SavedRows};
use crate::plan::Group;
use ndarray::{ArrayView4, Axis};
use std::ops::Range;

/// What the forward pass left of one direction of a layer over a span of steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct SavedLayer<'a> {
    /// Gates and states of the span's steps.
    pub(super) own: SavedRows<'a>,
    /// The outputs of the layer below, for each of its directions, and which vector of a row they are;
    /// `None` for the lowest layer.
    pub(super) below: Option<([SavedRows<'a>; 2], usize)>,
    /// The states before each segment; `None` where the span is the whole sequence and starts from the
    /// initial states.
    pub(super) entering: Option<SavedRows<'a>>,
}

/// The buffers of a chunk for one group, or for all.
#[derive(Debug)]
pub(super) struct ChunkBuffers<'a> {
    /// `[row][gate][unit]`
    pub(super) gates: &'a mut [f32],
    /// `[row][unit]`
    pub(super) cells: &'a mut [f32],
    /// `[row][unit]`
    pub(super) previous_cells: &'a mut [f32],
    /// `[row][unit]`
    pub(super) previous_hidden: &'a mut [f32],
    /// `[row][input]`
    pub(super) inputs: &'a mut [f32],
    /// `[row][unit]`
    pub(super) incoming: &'a mut [f32],
}

impl ChunkBuffers<'_> {
    /// The first `rows` rows, and the others.
    pub(super) fn split_rows(
        self,
        rows: usize,
        (gate_pitch, state_pitch, inputs): (usize, usize, usize),
    ) -> (Self, Self) {
        let (gates, other_gates) = self.gates.split_at_mut(rows * gate_pitch);
        let (cells, other_cells) = self.cells.split_at_mut(rows * state_pitch);
        let (previous_cells, other_previous_cells) =
            self.previous_cells.split_at_mut(rows * state_pitch);
        let (previous_hidden, other_previous_hidden) =
            self.previous_hidden.split_at_mut(rows * state_pitch);
        let (own_inputs, other_inputs) = self.inputs.split_at_mut(rows * inputs);
        let (incoming, other_incoming) = self.incoming.split_at_mut(rows * state_pitch);
        (
            Self { gates, cells, previous_cells, previous_hidden, inputs: own_inputs, incoming },
            ChunkBuffers {
                gates: other_gates,
                cells: other_cells,
                previous_cells: other_previous_cells,
                previous_hidden: other_previous_hidden,
                inputs: other_inputs,
                incoming: other_incoming,
            },
        )
    }
}

/// Fill the buffers with the steps of a chunk, for one group.
pub(super) fn stage(
    pass: &LayerPass<'_, '_>,
    group: &Group,
    steps: Range<usize>,
    to: &mut ChunkBuffers<'_>,
) {
    let offsets = &group.order.offsets;
    for step in steps.clone() {
        for row in 0..group.active_at(step) {
            let at = offsets[step] - offsets[steps.start] + row;
            stage_saved(pass, (group.first + row, step), at, to);
            stage_previous(pass, (group.first + row, step), at, to);
            stage_input(pass, (group.first + row, step), at, to);
            stage_incoming(pass, group, (row, step), at, to);
        }
    }
}

/// Gates and cell state of the step.
fn stage_saved(
    pass: &LayerPass<'_, '_>,
    (row, step): (usize, usize),
    at: usize,
    to: &mut ChunkBuffers<'_>,
) {
    let geometry = &pass.plan.shape.geometry;
    let (hidden, units) = (geometry.hidden, pass.plan.shape.units());
    let gates = &mut to.gates[at * geometry.gate_pitch..][..4 * units];
    for (gate, to) in gates.chunks_exact_mut(units).enumerate() {
        let (real, padding) = to.split_at_mut(hidden);
        pass.saved.own.read((row, step, gate), real);
        padding.fill(0.0);
    }
    let cells = &mut to.cells[at * geometry.state_pitch..][..hidden];
    pass.saved.own.read((row, step, CELL), cells);
}

/// Cell and hidden state before the step: those of the step that the direction read before, of the
/// checkpoint, or the initial ones.
fn stage_previous(
    pass: &LayerPass<'_, '_>,
    (row, step): (usize, usize),
    at: usize,
    to: &mut ChunkBuffers<'_>,
) {
    let geometry = &pass.plan.shape.geometry;
    let place = at * geometry.state_pitch..at * geometry.state_pitch + geometry.hidden;
    let (cells, hidden) = (&mut to.previous_cells[place.clone()], &mut to.previous_hidden[place]);
    let previous = if pass.direction == 0 {
        step.checked_sub(1)
    } else {
        Some(step + 1)
            .filter(|&next| next < pass.span.end && pass.plan.config().active_at(next) > row)
    };
    if let Some(previous) = previous.filter(|previous| pass.span.contains(previous)) {
        pass.saved.own.read((row, previous, CELL), cells);
        pass.saved.own.read((row, previous, HIDDEN), hidden);
    } else if let Some(entering) = &pass.saved.entering {
        let segment = step / pass.plan.config().segment_steps();
        entering.read((row, segment, STATE_CELL), cells);
        entering.read((row, segment, STATE_HIDDEN), hidden);
    } else {
        initial(pass.arrays.initial_cell.as_ref(), pass, row, cells);
        initial(pass.arrays.initial_hidden.as_ref(), pass, row, hidden);
    }
}

fn initial(
    states: Option<&ArrayView4<'_, f32>>,
    pass: &LayerPass<'_, '_>,
    row: usize,
    to: &mut [f32],
) {
    let Some(states) = states else { return to.fill(0.0) };
    let of_layer = states.index_axis(Axis(0), pass.layer);
    let of_direction = of_layer.index_axis_move(Axis(0), pass.direction);
    read_row(of_direction.index_axis_move(Axis(0), row), to);
}

/// What the step read: the caller's input, or the outputs of the layer below.
fn stage_input(
    pass: &LayerPass<'_, '_>,
    (row, step): (usize, usize),
    at: usize,
    to: &mut ChunkBuffers<'_>,
) {
    let config = pass.plan.config();
    let width = config.layer_input(pass.layer);
    let inputs = &mut to.inputs[at * width..][..width];
    match pass.layer.checked_sub(1) {
        None => {
            let at_step = pass.arrays.input.index_axis(Axis(0), step);
            read_row(at_step.index_axis_move(Axis(0), row), inputs);
        }
        Some(below) => {
            let Some((saved, vector)) = &pass.saved.below else { return };
            for (saved, part) in saved.iter().zip(inputs.chunks_exact_mut(config.hidden_size)) {
                saved.read((row, step, *vector), part);
            }
            config.dropout.apply([below, step, row], 0, inputs);
        }
    }
}

/// The gradient that reaches the step's output: the caller's, or that of all directions above.
fn stage_incoming(
    pass: &LayerPass<'_, '_>,
    group: &Group,
    (row, step): (usize, usize),
    at: usize,
    to: &mut ChunkBuffers<'_>,
) {
    let geometry = &pass.plan.shape.geometry;
    let hidden = geometry.hidden;
    let first = pass.direction * hidden;
    let incoming = &mut to.incoming[at * geometry.state_pitch..][..hidden];
    let Some(above) = pass.above else {
        let Some(gradient) = &pass.arrays.output else { return incoming.fill(0.0) };
        let at_step = gradient.index_axis(Axis(0), step);
        let of_row = at_step.index_axis_move(Axis(0), group.first + row);
        return read_row(of_row.split_at(Axis(0), first).1.split_at(Axis(0), hidden).0, incoming);
    };
    let pitch = pass.plan.shape.wide_pitch(pass.plan.config().directions * hidden);
    let place = pass.place_of(group, step, row) * pitch + first;
    incoming.fill(0.0);
    for of_direction in above {
        for (sum, &gradient) in incoming.iter_mut().zip(&of_direction[place..place + hidden]) {
            *sum += gradient;
        }
    }
    let config = pass.plan.config();
    config.dropout.apply([pass.layer, step, group.first + row], first, incoming);
}
