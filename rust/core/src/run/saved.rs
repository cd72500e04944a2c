//! Rows of the training cache: floats to bytes and back.
//!
//! In: the cache's regions for one layer and direction, rows of the workspace. Out: the same numbers on the
//! other side. It computes nothing.

use super::cache::Regions;
use crate::plan::Shape;
use ndarray::{ArrayView3, ArrayViewMut3, ArrayViewMut5, Axis};
use std::ops::Range;

/// Positions among the vectors of a cached step; the gates are 0 to 3.
pub(super) const CELL: usize = 4;
/// As [`CELL`].
pub(super) const HIDDEN: usize = 5;

/// Positions among the vectors of a checkpoint.
pub(super) const STATE_CELL: usize = 0;
/// As [`STATE_CELL`].
pub(super) const STATE_HIDDEN: usize = 1;

/// Where one direction of one layer leaves what the backward pass needs, `[rows, steps, row bytes]` each.
#[derive(Debug)]
pub(super) struct TaskCache<'a> {
    /// What every step leaves, from `first_step` on.
    pub(super) steps: Option<ArrayViewMut3<'a, u8>>,
    /// The states before each segment.
    pub(super) states: Option<ArrayViewMut3<'a, u8>>,
    /// The outputs of all steps.
    pub(super) outputs: Option<ArrayViewMut3<'a, u8>>,
    pub(super) first_step: usize,
}

/// What a chunk of one task computed, at the pitches of the workspace.
pub(super) struct ChunkRows<'a> {
    /// `[row][gate][unit]`
    pub(super) gates: &'a [f32],
    /// `[row][unit]`
    pub(super) cells: &'a [f32],
    /// `[row][unit]`
    pub(super) hidden: &'a [f32],
}

impl TaskCache<'_> {
    /// Save the rows of some steps.
    pub(super) fn save(
        &mut self,
        shape: &Shape,
        offsets: &[usize],
        steps: Range<usize>,
        rows: &ChunkRows<'_>,
    ) {
        let geometry = &shape.geometry;
        let (hidden, units) = (geometry.hidden, shape.units());
        let first = offsets[steps.start];
        for step in steps {
            for row in 0..offsets[step + 1] - offsets[step] {
                let at = offsets[step] - first + row;
                let output = &rows.hidden[at * geometry.state_pitch..];
                if let Some(outputs) = &mut self.outputs {
                    write_vectors([output], hidden, (outputs, row, step));
                }
                if let Some(steps) = &mut self.steps {
                    let gates = &rows.gates[at * geometry.gate_pitch..][..4 * units];
                    let states = [&rows.cells[at * geometry.state_pitch..], output];
                    let vectors = gates.chunks_exact(units).chain(states);
                    write_vectors(vectors, hidden, (steps, row, step - self.first_step));
                }
            }
        }
    }

    /// Save the states of all rows before a segment.
    pub(super) fn save_states(
        &mut self,
        shape: &Shape,
        segment: usize,
        cell: &[f32],
        hidden: &[f32],
    ) {
        let Some(states) = &mut self.states else { return };
        let geometry = &shape.geometry;
        for row in 0..states.len_of(Axis(0)) {
            let vectors = [cell, hidden].map(|state| &state[row * geometry.state_pitch..]);
            write_vectors(vectors, geometry.hidden, (states, row, segment));
        }
    }
}

/// Write the first `hidden` floats of some vectors to a row of bytes.
fn write_vectors<'v>(
    vectors: impl IntoIterator<Item = &'v [f32]>,
    hidden: usize,
    (to, row, step): (&mut ArrayViewMut3<'_, u8>, usize, usize),
) {
    let mut of_row = to.index_axis_mut(Axis(0), row);
    let mut place = of_row.index_axis_mut(Axis(0), step);
    let Some(bytes) = place.as_slice_mut() else { return };
    for (to, from) in bytes.chunks_exact_mut(hidden * size_of::<f32>()).zip(vectors) {
        copy_to_bytes(&from[..hidden], to);
    }
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

/// What a forward pass left of one direction of one layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct SavedRows<'a> {
    /// `[batch, steps, row bytes]`
    pub(super) rows: ArrayView3<'a, u8>,
    /// The first step that is there.
    pub(super) first_step: usize,
}

impl SavedRows<'_> {
    /// One vector of a row.
    pub(super) fn read(&self, (row, step, vector): (usize, usize, usize), to: &mut [f32]) {
        let of_row = self.rows.index_axis(Axis(0), row);
        let place = of_row.index_axis_move(Axis(0), step - self.first_step);
        let Some(bytes) = place.to_slice() else { return };
        let bytes_of_vector = size_of_val(to);
        copy_from_bytes(&bytes[vector * bytes_of_vector..][..bytes_of_vector], to);
    }
}

/// The regions of each direction of a layer; `None` for the second where there is only one.
pub(super) fn caches_of_layer<'v>(
    regions: &'v mut Regions<ArrayViewMut5<'_, u8>>,
    layer: usize,
    first_step: usize,
) -> (TaskCache<'v>, TaskCache<'v>) {
    let [steps, steps_back] = directions(regions.steps.as_mut(), layer);
    let [states, states_back] = directions(regions.states.as_mut(), layer);
    let [outputs, outputs_back] = directions(regions.outputs.as_mut(), layer);
    (
        TaskCache { steps, states, outputs, first_step },
        TaskCache { steps: steps_back, states: states_back, outputs: outputs_back, first_step },
    )
}

/// A region of each direction of a layer, where the layer has one.
fn directions<'v>(
    region: Option<&'v mut ArrayViewMut5<'_, u8>>,
    layer: usize,
) -> [Option<ArrayViewMut3<'v, u8>>; 2] {
    let Some(region) = region.filter(|region| layer < region.len_of(Axis(0))) else {
        return [None, None];
    };
    let (first, rest) = region.index_axis_mut(Axis(0), layer).split_at(Axis(0), 1);
    let second = (rest.len_of(Axis(0)) > 0).then(|| rest.index_axis_move(Axis(0), 0));
    [Some(first.index_axis_move(Axis(0), 0)), second]
}
