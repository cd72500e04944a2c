//! Bringing a chunk of steps back from the training cache.
//!
//! In: the cache, the caller's inputs and incoming gradients. Out: rows of a chunk at the pitches of the
//! kernels: what was saved, which gradient reaches the output of each step, and, for a library, what the step read;
//! `arranged` asks for that row by row otherwise. It computes nothing but sums of incoming gradients, and factors of
//! dropout.

use super::super::cache::{CachedRows, RowStep};
use super::super::rows::read_row;
use super::super::threads::Done;
use super::buffers::{ChunkBuffers, GroupChunk};
use super::pass::LayerPass;
use crate::dropout::DropoutRow;
use crate::error::Broken;
use crate::gate::Gate;
use crate::kernel::Geometry;
use crate::place::Direction;
use crate::plan::{StateLayout, StepLayout};
use ndarray::{ArrayView4, Axis};
use std::ops::Range;

/// Fill the buffers with some steps of a chunk.
pub(super) fn load_steps(
    pass: &LayerPass<'_, '_>,
    chunk: GroupChunk<'_>,
    steps: &Range<usize>,
    to: &mut ChunkBuffers<'_>,
) -> Done {
    let config = &pass.plan.layer.config;
    let Geometry { cell_pitch, output_pitch, .. } = pass.plan.layer.shape.geometry;
    let covered = pass.covered_row(chunk.group, chunk.start);
    each_row(pass, chunk, steps, |at, row| {
        row.load_gates_and_cell(at, to)?;
        row.load_previous_cell(&mut to.previous_cells[at * cell_pitch..][..config.units])?;
        row.load_incoming(covered + at, &mut to.incoming[at * output_pitch..][..config.outputs]);
        Ok(())
    })
}

/// What the steps read, for a library.
pub(super) fn load_inputs(
    pass: &LayerPass<'_, '_>,
    chunk: GroupChunk<'_>,
    steps: &Range<usize>,
    to: &mut ChunkBuffers<'_>,
) -> Done {
    let config = &pass.plan.layer.config;
    let output_pitch = pass.plan.layer.shape.geometry.output_pitch;
    let width = config.layer_inputs(pass.place.layer);
    each_row(pass, chunk, steps, |at, row| {
        row.load_inputs(&mut to.inputs[at * width..][..width])?;
        row.load_previous_hidden(&mut to.previous_hidden[at * output_pitch..][..config.outputs])
    })
}

/// Do something for each active row of some steps, with its place among those of the chunk.
fn each_row<'a, 'b>(
    pass: &LayerPass<'a, 'b>,
    chunk: GroupChunk<'_>,
    steps: &Range<usize>,
    mut load: impl FnMut(usize, RowLoad<'_, 'a, 'b>) -> Done,
) -> Done {
    let group = chunk.group;
    for step in steps.clone() {
        for row in 0..group.active_at(step) {
            let of_batch = RowLoad { pass, row: group.first + row, step };
            load(chunk.row_of(step) + row, of_batch)?;
        }
    }
    Ok(())
}

/// One row of a step.
pub(super) struct RowLoad<'r, 'a, 'b> {
    pub(super) pass: &'r LayerPass<'a, 'b>,
    /// Among those of the whole batch.
    pub(super) row: usize,
    pub(super) step: usize,
}

/// Where the states before a step are.
enum Previous<'c> {
    /// What another step left.
    Step(RowStep),
    /// A checkpoint.
    State(CachedRows<'c>, RowStep),
    /// The initial states.
    Initial,
}

impl<'a> RowLoad<'_, 'a, '_> {
    /// Gates and cell state of the step. Units beyond the layer's get gates of 0.
    fn load_gates_and_cell(&self, at: usize, to: &mut ChunkBuffers<'_>) -> Done {
        let layer = &self.pass.plan.layer;
        let (geometry, padded) = (&layer.shape.geometry, layer.shape.padded_units());
        let (units, step_row) = (layer.config.units, StepLayout::new(&layer.config));
        let own = &self.pass.cached.own;
        let place = RowStep { row: self.row, step: self.step };
        let gates = &mut to.gates[at * geometry.gate_pitch..][..Gate::COUNT * padded];
        for (gate, to) in Gate::ALL.into_iter().zip(gates.chunks_exact_mut(padded)) {
            let (real, padding) = to.split_at_mut(units);
            own.read(place, step_row.gate(gate), real)?;
            padding.fill(0.0);
        }
        let cells = &mut to.cells[at * geometry.cell_pitch..][..units];
        own.read(place, step_row.cell(), cells)
    }

    /// The states before the step: those of the step that the direction read before, of the checkpoint, or the
    /// initial ones.
    fn previous(&self) -> Previous<'a> {
        let Self { pass, row, step } = *self;
        let config = pass.plan.config();
        let span = &pass.span;
        let previous = match pass.reading() {
            Direction::Forward => step.checked_sub(1),
            Direction::Backward => {
                let is_active = |&next: &usize| next < span.end && config.active_at(next) > row;
                Some(step + 1).filter(is_active)
            }
        };
        if let Some(previous) = previous.filter(|previous| span.contains(previous)) {
            Previous::Step(RowStep { row, step: previous })
        } else if let Some(checkpoints) = pass.cached.checkpoints {
            Previous::State(checkpoints, RowStep { row, step: step / config.segment_steps() })
        } else {
            Previous::Initial
        }
    }

    /// The cell state before the step.
    fn load_previous_cell(&self, to: &mut [f32]) -> Done {
        let (arrays, config) = (&self.pass.arrays, &self.pass.plan.layer.config);
        let saved = (StepLayout::new(config).cell(), StateLayout::new(config).cell());
        self.load_previous(saved, arrays.initial_cell.as_ref(), to)
    }

    /// The hidden state before the step.
    pub(super) fn load_previous_hidden(&self, to: &mut [f32]) -> Done {
        let (arrays, config) = (&self.pass.arrays, &self.pass.plan.layer.config);
        let saved = (StepLayout::new(config).hidden(), StateLayout::new(config).hidden());
        self.load_previous(saved, arrays.initial_hidden.as_ref(), to)
    }

    /// A state before the step, which steps and checkpoints saved at these floats.
    fn load_previous(
        &self,
        (of_step, of_state): (Range<usize>, Range<usize>),
        initial: Option<&ArrayView4<'_, f32>>,
        to: &mut [f32],
    ) -> Done {
        match self.previous() {
            Previous::Step(at) => self.pass.cached.own.read(at, of_step, to),
            Previous::State(states, at) => states.read(at, of_state, to),
            Previous::Initial => {
                self.load_initial(initial, to);
                Ok(())
            }
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
    pub(super) fn load_inputs(&self, inputs: &mut [f32]) -> Done {
        let Self { pass, row, step } = *self;
        let config = &pass.plan.layer.config;
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
    /// `covered` says where the row stands in the buffers of input gradients.
    fn load_incoming(&self, covered: usize, incoming: &mut [f32]) {
        let Self { pass, row, step } = *self;
        let layer = &pass.plan.layer;
        let outputs = layer.config.outputs;
        let first = pass.place.direction.index() * outputs;
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
