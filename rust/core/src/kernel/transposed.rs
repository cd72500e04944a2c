//! Products with transposed weights: from gradients of gates to gradients of what the gates read.
//!
//! In: rows of gate gradients, panels `[block of four vectors][gate input][vector]`, with fewer vectors in the
//! last block where there are not enough. Out: rows of sums,
//! overwritten or increased. It is the forward pass' register tile with other operands.

use super::ahead::Ahead;
use super::cell::{load, store};
use super::cover::{TileOperation, cover};
use super::geometry::{BlockOrder, Geometry, Rows};
use super::tile::{Accumulators, accumulate, block_panels};
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
    /// Vectors of outputs.
    pub(crate) vectors: usize,
    pub(crate) out: &'a mut [f32],
    pub(crate) pitch: usize,
    /// Add to what is there.
    pub(crate) add: bool,
}

impl TransposedProduct<'_> {
    /// Compute all rows, within another kernel.
    #[inline(always)]
    pub(super) fn compute<S: Simd>(&mut self, simd: S) {
        if self.count == 0 {
            return;
        }
        let blocks = self.vectors / VECTORS;
        Blocks::<VECTORS> { product: self, first_vector: 0 }.cover(simd, blocks);
        let first_vector = blocks * VECTORS;
        match self.vectors % VECTORS {
            3 => Blocks::<3> { product: self, first_vector }.cover(simd, 1),
            2 => Blocks::<2> { product: self, first_vector }.cover(simd, 1),
            1 => Blocks::<1> { product: self, first_vector }.cover(simd, 1),
            _ => {}
        }
    }
}

impl Kernel for TransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.compute(simd);
    }
}

/// Blocks of `WIDTH` vectors of outputs.
struct Blocks<'p, 'a, const WIDTH: usize> {
    product: &'p mut TransposedProduct<'a>,
    /// The first block's first vector.
    first_vector: usize,
}

impl<const WIDTH: usize> Blocks<'_, '_, WIDTH> {
    #[inline(always)]
    fn cover<S: Simd>(mut self, simd: S, blocks: usize) {
        let (geometry, count) = (self.product.geometry, self.product.count);
        cover(simd, geometry, BlockOrder::ascending(blocks), count, &mut self);
    }
}

impl<S: Simd, const WIDTH: usize> TileOperation<S> for Blocks<'_, '_, WIDTH> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_row: usize,
        first_block: usize,
        ahead: Ahead,
    ) {
        let Self { product, first_vector } = self;
        let lanes = S::f32s::LEN;
        let width = WIDTH * lanes;
        let inputs = product.rows.width;
        let weights = &product.weights[*first_vector * inputs * lanes..];
        let start = *first_vector * lanes + first_block * width;
        let place = |row: usize| (first_row + row) * product.pitch + start;
        let mut sums: Accumulators<S, ROWS, BLOCKS, WIDTH> =
            [[[S::f32s::splat(simd, 0.0); WIDTH]; BLOCKS]; ROWS];
        if product.add {
            for (row, blocks) in sums.iter_mut().enumerate() {
                for (index, sum) in blocks.iter_mut().flatten().enumerate() {
                    *sum = load(simd, product.out, place(row) + index * lanes);
                }
            }
        }
        let panels = block_panels::<BLOCKS>(weights, inputs * width, first_block);
        let ahead = ahead.share(weights, inputs * width, first_row, ROWS);
        sums = accumulate(simd, sums, product.rows.tile::<ROWS>(first_row), panels, ahead);
        for (row, blocks) in sums.iter().enumerate() {
            for (index, sum) in blocks.iter().flatten().enumerate() {
                store::<S>(*sum, product.out, place(row) + index * lanes);
            }
        }
    }
}
