//! Bringing a chunk of steps back from the training cache.
//!
//! In: the cache, the caller's inputs and incoming gradients. Out: rows of a chunk at the pitches of the
//! kernels: what was saved, what each step read, and which gradient reaches its output. It computes nothing
//! but sums of incoming gradients, and factors of dropout.

use super::super::cache::RowStep;
use super::super::rows::read_row;
use super::pass::{ChunkBuffers, LayerPass};
use crate::dropout::DropoutRow;
use crate::error::Broken;
use crate::gate::Gate;
use crate::kernel::Geometry;
use crate::place::Direction;
use crate::plan::{Group, StateLayout, StepLayout};
use ndarray::{ArrayView4, Axis};
use std::ops::Range;

/// Fill the buffers with the steps of a chunk, for one group.
pub(super) fn load_chunk(
    pass: &LayerPass<'_, '_>,
    group: &Group,
    steps: Range<usize>,
    to: &mut ChunkBuffers<'_>,
) -> Result<(), Broken> {
    let offsets = &group.order.offsets;
    let covered = pass.covered_row(group, steps.start);
    for step in steps.clone() {
        for row in 0..group.active_at(step) {
            let at = offsets[step] - offsets[steps.start] + row;
            let row = RowLoad { pass, row: group.first + row, step, at, covered: covered + at };
            row.load_gates_and_cell(to)?;
            row.load_previous_states(to)?;
            row.load_inputs(to)?;
            row.load_incoming(to);
        }
    }
    Ok(())
}

/// One row of a step.
struct RowLoad<'r, 'a, 'b> {
    pass: &'r LayerPass<'a, 'b>,
    /// Among those of the whole batch.
    row: usize,
    step: usize,
    /// Where the row stands in the buffers of the chunk.
    at: usize,
    /// Where it stands in the buffers of input gradients.
    covered: usize,
}

impl RowLoad<'_, '_, '_> {
    /// Gates and cell state of the step. Units beyond the layer's get gates of 0.
    fn load_gates_and_cell(&self, to: &mut ChunkBuffers<'_>) -> Result<(), Broken> {
        let layer = &self.pass.plan.layer;
        let (geometry, padded) = (&layer.shape.geometry, layer.shape.padded_units());
        let (units, step_row) = (layer.config.units, StepLayout::new(&layer.config));
        let own = &self.pass.cached.own;
        let place = RowStep { row: self.row, step: self.step };
        let gates = &mut to.gates[self.at * geometry.gate_pitch..][..Gate::COUNT * padded];
        for (gate, to) in Gate::ALL.into_iter().zip(gates.chunks_exact_mut(padded)) {
            let (real, padding) = to.split_at_mut(units);
            own.read(place, step_row.gate(gate), real)?;
            padding.fill(0.0);
        }
        let cells = &mut to.cells[self.at * geometry.cell_pitch..][..units];
        own.read(place, step_row.cell(), cells)
    }

    /// Cell and hidden state before the step: those of the step that the direction read before, of the
    /// checkpoint, or the initial ones.
    fn load_previous_states(&self, to: &mut ChunkBuffers<'_>) -> Result<(), Broken> {
        let Self { pass, row, step, at, .. } = *self;
        let (config, layer) = (pass.plan.config(), &pass.plan.layer);
        let Geometry { cell_pitch, output_pitch, .. } = layer.shape.geometry;
        let cells = &mut to.previous_cells[at * cell_pitch..][..layer.config.units];
        let hidden = &mut to.previous_hidden[at * output_pitch..][..layer.config.outputs];
        let span = &pass.span;
        let previous = match pass.reading() {
            Direction::Forward => step.checked_sub(1),
            Direction::Backward => {
                let is_active = |&next: &usize| next < span.end && config.active_at(next) > row;
                Some(step + 1).filter(is_active)
            }
        };
        if let Some(previous) = previous.filter(|previous| span.contains(previous)) {
            let (own, step_row) = (&pass.cached.own, StepLayout::new(&layer.config));
            let place = RowStep { row, step: previous };
            own.read(place, step_row.cell(), cells)?;
            own.read(place, step_row.hidden(), hidden)
        } else if let Some(checkpoints) = &pass.cached.checkpoints {
            let state_row = StateLayout::new(&layer.config);
            let place = RowStep { row, step: step / config.segment_steps() };
            checkpoints.read(place, state_row.cell(), cells)?;
            checkpoints.read(place, state_row.hidden(), hidden)
        } else {
            self.load_initial(pass.arrays.initial_cell.as_ref(), cells);
            self.load_initial(pass.arrays.initial_hidden.as_ref(), hidden);
            Ok(())
        }
    }

    fn load_initial(&self, states: Option<&ArrayView4<'_, f32>>, to: &mut [f32]) {
        match states {
            None => to.fill(0.0),
            Some(states) => {
                let of_place = self.pass.place.part_of(states.view());
                read_row(of_place.index_axis_move(Axis(0), self.row), to);
            }
        }
    }

    /// What the step read: the caller's input, or the outputs of the layer below.
    fn load_inputs(&self, to: &mut ChunkBuffers<'_>) -> Result<(), Broken> {
        let Self { pass, row, step, .. } = *self;
        let config = &pass.plan.layer.config;
        let width = config.layer_inputs(pass.place.layer);
        let inputs = &mut to.inputs[self.at * width..][..width];
        let Some(below) = pass.place.layer.checked_sub(1) else {
            let at_step = pass.arrays.input.index_axis(Axis(0), step);
            read_row(at_step.index_axis_move(Axis(0), row), inputs);
            return Ok(());
        };
        let outputs = pass.cached.below.as_ref();
        let outputs = outputs.ok_or(Broken("no outputs of the layer below"))?;
        let floats = outputs.start..outputs.start + config.outputs;
        let parts = inputs.chunks_exact_mut(config.outputs);
        for ((_, cached), part) in outputs.directions.each().zip(parts) {
            cached.read(RowStep { row, step }, floats.clone(), part)?;
        }
        let from = DropoutRow { layer: below, step, sample: row };
        pass.plan.config().dropout.apply(from, 0, inputs);
        Ok(())
    }

    /// The gradient that reaches the step's output: the caller's, or that of all directions above.
    fn load_incoming(&self, to: &mut ChunkBuffers<'_>) {
        let Self { pass, row, step, at, covered } = *self;
        let layer = &pass.plan.layer;
        let outputs = layer.config.outputs;
        let first = pass.place.direction.index() * outputs;
        let incoming = &mut to.incoming[at * layer.shape.geometry.output_pitch..][..outputs];
        let Some(above) = pass.above else {
            let Some(gradient) = &pass.arrays.output else { return incoming.fill(0.0) };
            let at_step = gradient.index_axis(Axis(0), step);
            let of_row = at_step.index_axis_move(Axis(0), row);
            let of_direction = of_row.split_at(Axis(0), first).1.split_at(Axis(0), outputs).0;
            return read_row(of_direction, incoming);
        };
        let pitch = layer.shape.wide_pitch(layer.config.all_outputs());
        let start = covered * pitch + first;
        incoming.fill(0.0);
        for (_, of_direction) in above.as_ref().each() {
            for (sum, &gradient) in incoming.iter_mut().zip(&of_direction[start..start + outputs]) {
                *sum += gradient;
            }
        }
        let dropout = &pass.plan.config().dropout;
        let to = DropoutRow { layer: pass.place.layer, step, sample: row };
        dropout.apply(to, first, incoming);
    }
}
