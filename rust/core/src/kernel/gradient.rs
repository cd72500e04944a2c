//! Weight gradients: sums over steps and batch rows of gate gradients times what the gates read.
//!
//! In: gate gradients and inputs of a chunk, row by row. Out: panels of sums `[block][input][gate][lane]`,
//! increased. Rows are added in one order, step by step and within a step by batch row, however they are
//! divided among groups and chunks, so that the sums do not depend on that division.

use super::cell::{load, store};
use super::cover::{TileOperation, cover};
use super::geometry::{Geometry, GroupRows, Rows};
use super::tile::Accumulators;
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase, SimdFloat};
use std::ops::Range;

/// The rows of a chunk of steps, in the order in which they are summed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkRows<'a> {
    /// Where each group's rows are.
    pub(crate) groups: &'a [GroupRows],
    pub(crate) first_step: usize,
    pub(crate) end_step: usize,
    /// Whether the first step comes first.
    pub(crate) ascending: bool,
}

impl ChunkRows<'_> {
    /// For each step and group, the range of its active rows in the chunk's buffers.
    #[inline(always)]
    fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let (first, end) = (self.first_step, self.end_step);
        (first..end)
            .map(move |step| if self.ascending { step } else { first + end - 1 - step })
            .flat_map(move |step| {
                self.groups.iter().map(move |group| {
                    let position = |step: usize| {
                        group.chunk_start + group.offsets[step] - group.offsets[first]
                    };
                    position(step)..position(step + 1)
                })
            })
    }
}

/// Add gate gradients times inputs to a panel of weight gradients, `GATES` gates from `first_gate` on.
pub(crate) struct OuterProducts<'a, const GATES: usize> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) rows: ChunkRows<'a>,
    /// `[row][gate][unit]`
    pub(crate) gates: &'a [f32],
    pub(crate) first_gate: usize,
    /// What the gates read; a pitch of 0 repeats one row.
    pub(crate) inputs: Rows<'a>,
    /// `[block][input][gate][lane]`
    pub(crate) sums: &'a mut [f32],
}

impl<const GATES: usize> Kernel for OuterProducts<'_, GATES> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        // Inputs take the place of rows.
        let (geometry, inputs) = (*self.geometry, self.inputs.width);
        cover(simd, &geometry, inputs, &mut self);
    }
}

impl<S: Simd, const GATES: usize> TileOperation<S> for OuterProducts<'_, GATES> {
    #[inline(always)]
    fn tile<const INPUTS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_input: usize,
        first_block: usize,
    ) {
        let lanes = S::f32s::LEN;
        let panel = self.inputs.width * GATES * lanes;
        let place = |input: usize, block: usize, gate: usize| {
            (first_block + block) * panel + ((first_input + input) * GATES + gate) * lanes
        };
        let mut sums: Accumulators<S, INPUTS, BLOCKS, GATES> =
            [[[S::f32s::splat(simd, 0.0); GATES]; BLOCKS]; INPUTS];
        for (input, of_blocks) in sums.iter_mut().enumerate() {
            for (block, of_gates) in of_blocks.iter_mut().enumerate() {
                for (gate, sum) in of_gates.iter_mut().enumerate() {
                    *sum = load(simd, self.sums, place(input, block, gate));
                }
            }
        }
        sums = self.add_rows(simd, sums, first_input, first_block);
        for (input, of_blocks) in sums.iter().enumerate() {
            for (block, of_gates) in of_blocks.iter().enumerate() {
                for (gate, sum) in of_gates.iter().enumerate() {
                    store::<S>(*sum, self.sums, place(input, block, gate));
                }
            }
        }
    }
}

impl<const GATES: usize> OuterProducts<'_, GATES> {
    /// Add the products of all rows. The sums come and go by value, so that they stay in registers.
    #[inline(always)]
    fn add_rows<S: Simd, const INPUTS: usize, const BLOCKS: usize>(
        &self,
        simd: S,
        mut sums: Accumulators<S, INPUTS, BLOCKS, GATES>,
        first_input: usize,
        first_block: usize,
    ) -> Accumulators<S, INPUTS, BLOCKS, GATES> {
        let Geometry { blocks, gate_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        for row in self.rows.runs().flatten() {
            let inputs = &self.inputs.floats[row * self.inputs.pitch + first_input..][..INPUTS];
            let gates = &self.gates[row * gate_pitch..][..4 * blocks * lanes];
            for block in 0..BLOCKS {
                for gate in 0..GATES {
                    let unit = (self.first_gate + gate) * blocks + first_block + block;
                    let gradient = load(simd, gates, unit * lanes);
                    for (sums, &input) in sums.iter_mut().zip(inputs) {
                        let input = S::f32s::splat(simd, input);
                        sums[block][gate] = gradient.mul_add(input, sums[block][gate]);
                    }
                }
            }
        }
        sums
    }
}

/// Add gate gradients times cell states to the gradients of diagonal peepholes, `[block][gate][lane]`.
pub(crate) struct DiagonalProducts<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) rows: ChunkRows<'a>,
    /// `[row][gate][unit]`
    pub(crate) gates: &'a [f32],
    /// What input, forget and candidate gate see, `[row][unit]`.
    pub(crate) previous_cells: &'a [f32],
    /// What the output gate sees, `[row][unit]`.
    pub(crate) cells: &'a [f32],
    pub(crate) sums: &'a mut [f32],
}

impl Kernel for DiagonalProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Geometry { blocks, gate_pitch, state_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        for row in self.rows.runs().flatten() {
            for block in 0..blocks {
                for gate in 0..4 {
                    let seen = if gate == 3 { self.cells } else { self.previous_cells };
                    let cell = load(simd, seen, row * state_pitch + block * lanes);
                    let at = row * gate_pitch + (gate * blocks + block) * lanes;
                    let gradient = load(simd, self.gates, at);
                    let place = (4 * block + gate) * lanes;
                    let sum = gradient.mul_add(cell, load(simd, self.sums, place));
                    store::<S>(sum, self.sums, place);
                }
            }
        }
    }
}
