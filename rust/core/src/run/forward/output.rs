//! Where the results of a task go.
//!
//! In: a chunk of steps that a task has computed. Out: its outputs in the caller's array or in the buffer for
//! the layer above, and what training keeps in the cache. It does not know how they were computed.

use super::super::cache::ChunkRows;
use super::super::chunk::Chunk;
use super::super::rows::write_row;
use super::copy::scatter_output;
use super::task::{Target, Task};
use super::workspace::StateMemory;
use crate::error::Broken;
use crate::place::Direction;
use crate::plan::Plan;
use ndarray::{ArrayViewMut2, Axis};

impl Target<'_> {
    /// For each part of the units.
    pub(super) fn divide(self, plan: &Plan) -> Result<Vec<Self>, Broken> {
        let pitch = plan.layer.shape.geometry.output_pitch;
        let mut rest = match self {
            Self::Above(sequence) => {
                let shape = (sequence.len() / pitch, pitch);
                let units = ArrayViewMut2::from_shape(shape, sequence);
                Self::Part(units.map_err(|_| Broken("outputs that are no whole rows"))?)
            }
            other => other,
        };
        let split = |part| {
            let count = plan.layer.real_outputs(&plan.part_blocks(part)).len();
            let own;
            (own, rest) = match std::mem::replace(&mut rest, Self::Nowhere) {
                Self::Output(output) => {
                    let (own, rest) = output.split_at(Axis(2), count);
                    (Self::Output(own), Self::Output(rest))
                }
                Self::Part(units) => {
                    let (own, rest) = units.split_at(Axis(1), count);
                    (Self::Part(own), Self::Part(rest))
                }
                Self::Above(_) | Self::Nowhere => (Self::Nowhere, Self::Nowhere),
            };
            own
        };
        Ok((0..plan.parts).map(split).collect())
    }
}

impl Task<'_> {
    /// Save the states before a chunk that begins a segment, in training.
    pub(super) fn checkpoint(&mut self, chunk: &Chunk) -> Result<(), Broken> {
        let (segment, all) = (self.segment_steps(), self.plan.config().seq_len);
        let reading = self.reading();
        let Some(cache) = &mut self.cache else { return Ok(()) };
        let begins = match reading {
            Direction::Forward => chunk.steps.start.is_multiple_of(segment),
            Direction::Backward => {
                chunk.steps.end == all || chunk.steps.end.is_multiple_of(segment)
            }
        };
        if !begins {
            return Ok(());
        }
        let StateMemory { hidden, cell } = self.state;
        let layer = &self.plan.layer;
        cache.save_states(&layer.config, &layer.shape, chunk.steps.start / segment, (cell, hidden))
    }

    /// The outputs of a chunk to where they belong, and what training keeps of it.
    pub(super) fn deliver(&mut self, chunk: &Chunk) -> Result<(), Broken> {
        let first_row = self.first_row(chunk);
        // A group whose samples are all empty has no buffers.
        let first_unit = self.plan.layer.units_of(&self.memory.blocks).start;
        let Self { plan, group, memory, target, .. } = self;
        let layer = &plan.layer;
        let pitch = layer.shape.geometry.output_pitch;
        if let Some(cache) = &mut self.cache {
            let hidden = match target {
                Target::Above(sequence) => &sequence[first_row * pitch..],
                Target::Output(_) | Target::Part(_) | Target::Nowhere => &memory.out,
            };
            let rows = ChunkRows { gates: &memory.saved_gates, cells: &memory.saved_cells, hidden };
            let steps = (group.order.offsets.as_slice(), chunk.steps.clone());
            cache.save(&layer.config, &layer.shape, steps, &rows)?;
        }
        match target {
            Target::Output(output) => {
                let from = memory.out.get(first_unit..).unwrap_or_default();
                scatter_output(output, group, chunk.steps.clone(), from, pitch)
            }
            Target::Part(units) => {
                let from = memory.out.get(first_unit..).unwrap_or_default().chunks(pitch);
                let to = units.outer_iter_mut().skip(first_row);
                from.zip(to).take(chunk.rows.len()).for_each(|(from, to)| write_row(from, to));
                Ok(())
            }
            // The recurrence has written them there, or nobody wants them.
            Target::Above(_) | Target::Nowhere => Ok(()),
        }
    }
}
