//! Rows of the training cache: floats to bytes and back.
//!
//! In: the cache's regions, rows of the workspace. Out: the same numbers on the other side. It computes
//! nothing.

use crate::check::LayerConfig;
use crate::error::Broken;
use crate::gate::Gate;
use crate::place::Place;
use crate::plan::{Shape, StateLayout, StepLayout};
use ndarray::{ArrayView3, ArrayView5, ArrayViewMut3, Axis};
use std::ops::Range;

/// Where one direction of one layer, or a part of its units, leaves what the backward pass needs.
#[derive(Debug)]
pub(in crate::run) struct TaskCache<'a> {
    /// What every step leaves, from `first_step` on.
    pub(in crate::run) steps: Option<RegionRows<'a>>,
    /// The states before each segment.
    pub(in crate::run) states: Option<RegionRows<'a>>,
    /// The outputs of all steps.
    pub(in crate::run) outputs: Option<RegionRows<'a>>,
    pub(in crate::run) first_step: usize,
    /// Whose vectors they are.
    pub(in crate::run) own: OwnUnits,
}

/// What one task computes of a row's vectors.
#[derive(Debug, Clone)]
pub(in crate::run) struct OwnUnits {
    /// Of gates and cell states.
    pub(in crate::run) units: Range<usize>,
    /// Of hidden states.
    pub(in crate::run) outputs: Range<usize>,
}

/// The rows of a region of the cache.
#[derive(Debug)]
pub(in crate::run) enum RegionRows<'a> {
    /// `[rows, steps, row bytes]`
    Whole(ArrayViewMut3<'a, u8>),
    /// A part of the units of each vector, `[rows, steps, bytes]` for each.
    Parts(Vec<ArrayViewMut3<'a, u8>>),
}

impl RegionRows<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Whole(rows) => rows.len_of(Axis(0)),
            Self::Parts(vectors) => vectors.first().map_or(0, |vector| vector.len_of(Axis(0))),
        }
    }

    /// Write all vectors of a row: where each is in a whole one, and its floats.
    fn write<const VECTORS: usize>(
        &mut self,
        RowStep { row, step }: RowStep,
        vectors: [(Range<usize>, &[f32]); VECTORS],
    ) -> Result<(), Broken> {
        match self {
            Self::Whole(rows) => {
                let to = row_mut(rows, row, step)?;
                for (floats, from) in vectors {
                    copy_to_bytes(from, vector_mut(to, floats));
                }
            }
            Self::Parts(parts) => {
                for (part, (_, from)) in parts.iter_mut().zip(vectors) {
                    copy_to_bytes(from, row_mut(part, row, step)?);
                }
            }
        }
        Ok(())
    }
}

/// What a chunk of one task computed, at the pitches of the workspace.
pub(in crate::run) struct ChunkRows<'a> {
    /// `[row][gate][unit]`
    pub(in crate::run) gates: &'a [f32],
    /// `[row][unit]`
    pub(in crate::run) cells: &'a [f32],
    /// `[row][output]`
    pub(in crate::run) hidden: &'a [f32],
}

impl TaskCache<'_> {
    /// Save the rows of some steps of a group; `offsets` says where the rows of each step begin.
    pub(in crate::run) fn save(
        &mut self,
        layer: &LayerConfig,
        shape: &Shape,
        (offsets, steps): (&[usize], Range<usize>),
        rows: &ChunkRows<'_>,
    ) -> Result<(), Broken> {
        let geometry = &shape.geometry;
        let (padded, step_row) = (shape.padded_units(), StepLayout::new(layer));
        let OwnUnits { units, outputs } = &self.own;
        let first = offsets[steps.start];
        for step in steps {
            for row in 0..offsets[step + 1] - offsets[step] {
                let at = offsets[step] - first + row;
                let output = &rows.hidden[at * geometry.output_pitch..][outputs.clone()];
                if let Some(region) = &mut self.outputs {
                    region.write(RowStep { row, step }, [(0..layer.outputs, output)])?;
                }
                if let Some(region) = &mut self.steps {
                    let gates = &rows.gates[at * geometry.gate_pitch..];
                    let gate = |gate: Gate| {
                        (step_row.gate(gate), &gates[gate.index() * padded..][units.clone()])
                    };
                    let [input, forget, candidate, of_output] = Gate::ALL.map(gate);
                    let cells = &rows.cells[at * geometry.cell_pitch..][units.clone()];
                    let step = step - self.first_step;
                    let cells = (step_row.cell(), cells);
                    let hidden = (step_row.hidden(), output);
                    let vectors = [input, forget, candidate, of_output, cells, hidden];
                    region.write(RowStep { row, step }, vectors)?;
                }
            }
        }
        Ok(())
    }

    /// Save the states of all rows before a segment.
    pub(in crate::run) fn save_states(
        &mut self,
        layer: &LayerConfig,
        shape: &Shape,
        segment: usize,
        (cell, hidden): (&[f32], &[f32]),
    ) -> Result<(), Broken> {
        let Some(states) = &mut self.states else { return Ok(()) };
        let (geometry, state_row) = (&shape.geometry, StateLayout::new(layer));
        let OwnUnits { units, outputs } = &self.own;
        for row in 0..states.rows() {
            let cell = &cell[row * geometry.cell_pitch..][units.clone()];
            let hidden = &hidden[row * geometry.output_pitch..][outputs.clone()];
            let vectors = [(state_row.cell(), cell), (state_row.hidden(), hidden)];
            states.write(RowStep { row, step: segment }, vectors)?;
        }
        Ok(())
    }
}

/// The bytes of one step of a row.
fn row_mut<'v>(
    region: &'v mut ArrayViewMut3<'_, u8>,
    row: usize,
    step: usize,
) -> Result<&'v mut [u8], Broken> {
    let of_row = region.index_axis_mut(Axis(0), row).index_axis_move(Axis(0), step);
    of_row.into_slice().ok_or(SCATTERED)
}

const SCATTERED: Broken = Broken("a row of the training cache in pieces");

/// The bytes of some floats of a row.
fn vector_mut(row: &mut [u8], floats: Range<usize>) -> &mut [u8] {
    &mut row[floats.start * size_of::<f32>()..floats.end * size_of::<f32>()]
}

/// A function of its own, whose arguments cannot overlap: only then it becomes one copy of memory.
#[inline(never)]
fn copy_to_bytes(from: &[f32], to: &mut [u8]) {
    let (to, _) = to.as_chunks_mut::<4>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.to_ne_bytes();
    }
}

/// As [`copy_to_bytes`], back.
#[inline(never)]
fn copy_from_bytes(from: &[u8], to: &mut [f32]) {
    let (from, _) = from.as_chunks::<4>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = f32::from_ne_bytes(*from);
    }
}

/// A row of the cache.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) struct RowStep {
    /// Of the whole batch.
    pub(in crate::run) row: usize,
    /// Or the segment, where there are checkpoints.
    pub(in crate::run) step: usize,
}

/// What a forward pass left of one direction of one layer.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) struct CachedRows<'a> {
    /// `[batch, steps, row bytes]`
    rows: ArrayView3<'a, u8>,
    /// The first step that is there.
    first_step: usize,
}

impl<'a> CachedRows<'a> {
    /// The rows of one place, `[batch, steps, row bytes]`, from a step on.
    pub(in crate::run) fn new(rows: ArrayView3<'a, u8>, first_step: usize) -> Self {
        Self { rows, first_step }
    }

    /// The rows of one place in a region `[layers, directions, batch, steps, row bytes]`.
    pub(in crate::run) fn of_place(region: ArrayView5<'a, u8>, place: Place) -> Self {
        Self::new(place.part_of(region), 0)
    }

    /// Some floats of one step, or segment, of a batch row.
    pub(in crate::run) fn read(
        &self,
        RowStep { row, step }: RowStep,
        floats: Range<usize>,
        to: &mut [f32],
    ) -> Result<(), Broken> {
        let of_row = self.rows.index_axis(Axis(0), row);
        let at_step = of_row.index_axis_move(Axis(0), step - self.first_step);
        let bytes = at_step.to_slice().ok_or(SCATTERED)?;
        let bytes = &bytes[floats.start * size_of::<f32>()..floats.end * size_of::<f32>()];
        copy_from_bytes(bytes, to);
        Ok(())
    }
}
