//! The input projection: bias + x · W for all rows of a chunk at once.
//!
//! In: rows of inputs, in one or two parts (a layer above a bidirectional one reads both directions).
//! Out: pre-activations `[row][block][gate][lane]`. It does not know time.

use super::cell::{load, store};
use super::cover::{TileOperation, cover};
use super::geometry::{BlockOrder, Geometry, Rows};
use super::tile::{Accumulators, accumulate, block_panels};
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase};

/// Project all rows of a chunk.
pub(crate) struct Project<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) blocks: BlockOrder,
    /// The inputs of a row: one part, or the forward and then the backward direction's.
    pub(crate) inputs: &'a [Rows<'a>],
    /// `[block][input][gate][lane]`, inputs of all parts.
    pub(crate) weights: &'a [f32],
    /// `[block][gate][lane]`
    pub(crate) bias: &'a [f32],
    /// How many rows.
    pub(crate) rows: usize,
    /// `[row][block][gate][lane]`, at the geometry's pitch.
    pub(crate) pre: &'a mut [f32],
}

impl Kernel for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let geometry = self.geometry;
        if self.rows > 0 {
            cover(simd, geometry, self.blocks, self.rows, &mut self);
        }
    }
}

impl<S: Simd> TileOperation<S> for Project<'_> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_row: usize,
        first_block: usize,
    ) {
        let lanes = S::f32s::LEN;
        let group = 4 * lanes;
        let mut sums: Accumulators<S, ROWS, BLOCKS, 4> =
            [[[S::f32s::splat(simd, 0.0); 4]; BLOCKS]; ROWS];
        for row in &mut sums {
            for (block, gates) in row.iter_mut().enumerate() {
                for (gate, sum) in gates.iter_mut().enumerate() {
                    *sum = load(simd, self.bias, (first_block + block) * group + gate * lanes);
                }
            }
        }
        let width: usize = self.inputs.iter().map(|part| part.width).sum();
        let panels: [&[f32]; BLOCKS] = block_panels(self.weights, width * group, first_block);
        let mut done = 0;
        for part in self.inputs {
            let mut of_part = panels;
            for panel in &mut of_part {
                *panel = &panel[done * group..][..part.width * group];
            }
            sums = accumulate(simd, sums, part.tile::<ROWS>(first_row), of_part);
            done += part.width;
        }
        for (row, blocks) in sums.iter().enumerate() {
            let start = (first_row + row) * self.geometry.gate_pitch + first_block * group;
            for (index, sum) in blocks.iter().flatten().enumerate() {
                store::<S>(*sum, self.pre, start + index * lanes);
            }
        }
    }
}
