//! Products with transposed weights: from gradients of gates to gradients of what the gates read.
//!
//! In: rows of gate gradients, panels `[block of four vectors][gate input][four vectors]`. Out: rows of sums,
//! overwritten or increased. It is the forward pass' register tile with other operands.

use super::ahead::Ahead;
use super::cover::{TileOperation, cover};
use super::geometry::{BlockOrder, Geometry, Rows};
use super::tile::{Accumulators, accumulate, block_panels, load_sums, store_sums};
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase};

/// Vectors of a block: as many as there are gates, so that tiles are shared with the forward pass.
pub(crate) const VECTORS: usize = 4;

/// Multiply rows with transposed weights.
pub(crate) struct TransposedProduct<'a> {
    pub(crate) geometry: &'a Geometry,
    /// Gate gradients.
    pub(crate) rows: Rows<'a>,
    pub(crate) count: usize,
    /// `[block][gate input][vector][lane]`
    pub(crate) weights: &'a [f32],
    /// Blocks of outputs.
    pub(crate) blocks: usize,
    pub(crate) out: &'a mut [f32],
    pub(crate) pitch: usize,
    /// Add to what is there.
    pub(crate) add: bool,
}

impl TransposedProduct<'_> {
    /// Compute all rows, within another kernel: a function of its own, since the tiles take long to compile.
    pub(super) fn compute<S: Simd>(self, simd: S) {
        simd.vectorize(
            #[inline(always)]
            || self.cover(simd),
        );
    }

    #[inline(always)]
    fn cover<S: Simd>(mut self, simd: S) {
        if self.count > 0 {
            cover(simd, self.geometry, BlockOrder::ascending(self.blocks), self.count, &mut self);
        }
    }
}

impl Kernel for TransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.compute(simd);
    }
}

impl<S: Simd> TileOperation<S> for TransposedProduct<'_> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_row: usize,
        first_block: usize,
        ahead: Ahead,
    ) {
        let lanes = S::f32s::LEN;
        let width = VECTORS * lanes;
        let block_floats = self.rows.width * width;
        let start = first_row * self.pitch + first_block * width;
        let mut sums: Accumulators<S, ROWS, BLOCKS, VECTORS> = if self.add {
            load_sums(simd, self.out, start, self.pitch)
        } else {
            [[[S::f32s::splat(simd, 0.0); VECTORS]; BLOCKS]; ROWS]
        };
        let panels = block_panels::<BLOCKS>(self.weights, block_floats, first_block);
        let ahead = ahead.share(self.weights, block_floats, first_row, ROWS);
        sums = accumulate(simd, sums, self.rows.tile::<ROWS>(first_row), panels, ahead);
        store_sums::<S, ROWS, BLOCKS, VECTORS>(&sums, self.out, start, self.pitch);
    }
}
