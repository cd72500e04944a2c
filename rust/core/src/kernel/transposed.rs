//! Products whose outputs stand in blocks of four vectors: with transposed weights, from gradients of gates to
//! gradients of what the gates read, and with those of a projection.
//!
//! In: rows of gate gradients or of other inputs, panels `[block of four vectors][input][vector][lane]`, where the last
//! block may have fewer vectors. Out: rows of sums, overwritten or increased. It is the forward pass'
//! register tile with other operands.

use super::geometry::{BlockOrder, Geometry, Rows};
use super::tile::{Accumulators, accumulate, block_panels, load_sums, store_sums};
use super::tiles::{TileOperation, TilePlace, for_each_tile};
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase};

/// Vectors of a whole block: as many as there are gates, so that tiles are as in the forward pass.
pub(crate) const BLOCK_VECTORS: usize = 4;

/// Vectors of a row of `outputs` that is computed. The last block has one, two or four of them: three would
/// be computed as two and one, and take no less time than four.
pub(crate) fn vectors(outputs: usize, lanes: usize) -> usize {
    let vectors = outputs.div_ceil(lanes);
    if vectors % BLOCK_VECTORS == 3 { vectors + 1 } else { vectors }
}

/// Rows of what a transposed product computes.
pub(crate) struct WideRows<'a> {
    pub(crate) floats: &'a mut [f32],
    /// From one row to the next.
    pub(crate) pitch: usize,
    /// Vectors of a row that are computed, see [`vectors`].
    pub(crate) vectors: usize,
}

impl WideRows<'_> {
    #[inline(always)]
    pub(super) fn reborrow(&mut self) -> WideRows<'_> {
        let Self { floats, pitch, vectors } = self;
        WideRows { floats, pitch: *pitch, vectors: *vectors }
    }
}

/// Multiply rows with weights in blocks of four vectors of outputs.
pub(crate) struct TransposedProduct<'a> {
    pub(crate) geometry: &'a Geometry,
    /// Gate gradients, or other inputs.
    pub(crate) rows: Rows<'a>,
    pub(crate) count: usize,
    /// `[block][input][vector][lane]`
    pub(crate) weights: &'a [f32],
    pub(crate) out: WideRows<'a>,
    /// Add to what is there.
    pub(crate) add: bool,
}

impl TransposedProduct<'_> {
    /// Compute all rows, within another kernel: a function of its own, since the tiles take long to compile.
    pub(super) fn compute<S: Simd>(self, simd: S) {
        simd.vectorize(
            #[inline(always)]
            || self.compute_blocks(simd),
        );
    }

    #[inline(always)]
    fn compute_blocks<S: Simd>(mut self, simd: S) {
        let blocks = self.out.vectors / BLOCK_VECTORS;
        let first_vector = blocks * BLOCK_VECTORS;
        WideBlocks::<BLOCK_VECTORS> { product: &mut self, first_vector: 0 }.compute(simd, blocks);
        // The last block has one, two or four vectors.
        let left = self.out.vectors % BLOCK_VECTORS;
        if left == 2 {
            WideBlocks::<2> { product: &mut self, first_vector }.compute(simd, 1);
        } else if left == 1 {
            WideBlocks::<1> { product: &mut self, first_vector }.compute(simd, 1);
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

/// Blocks of `WIDTH` vectors of outputs.
struct WideBlocks<'p, 'a, const WIDTH: usize> {
    product: &'p mut TransposedProduct<'a>,
    /// The first block's first vector.
    first_vector: usize,
}

impl<const WIDTH: usize> WideBlocks<'_, '_, WIDTH> {
    #[inline(always)]
    fn compute<S: Simd>(mut self, simd: S, blocks: usize) {
        let (geometry, count) = (self.product.geometry, self.product.count);
        if count > 0 {
            for_each_tile(simd, geometry, BlockOrder::ascending(blocks), count, &mut self);
        }
    }
}

impl<S: Simd, const WIDTH: usize> TileOperation<S> for WideBlocks<'_, '_, WIDTH> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(&mut self, simd: S, place: TilePlace) {
        let lanes = S::f32s::LEN;
        let Self { product, first_vector } = self;
        let TransposedProduct { rows, add, .. } = **product;
        let WideRows { floats, pitch, .. } = product.out.reborrow();
        let block_floats = rows.width * WIDTH * lanes;
        let weights = &product.weights[*first_vector * rows.width * lanes..];
        let start = place.row * pitch + (*first_vector + place.block * WIDTH) * lanes;
        let mut sums: Accumulators<S, ROWS, BLOCKS, WIDTH> = if add {
            load_sums(simd, floats, start, pitch)
        } else {
            [[[S::f32s::splat(simd, 0.0); WIDTH]; BLOCKS]; ROWS]
        };
        let panels = block_panels::<BLOCKS>(weights, block_floats, place.block);
        let prefetch = place.prefetched(weights, block_floats, ROWS);
        sums = accumulate(simd, sums, rows.tile::<ROWS>(place.row), panels, prefetch);
        store_sums::<S, ROWS, BLOCKS, WIDTH>(&sums, floats, start, pitch);
    }
}
