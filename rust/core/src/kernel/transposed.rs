//! Products with transposed weights: from gradients of gates to gradients of what the gates read.
//!
//! In: rows of gate gradients, panels `[block of four vectors][gate input][four vectors]`. Out: rows of sums,
//! overwritten or increased. It is the forward pass' register tile with other operands.

use super::cell::{load, store};
use super::cover::{TileOperation, cover};
use super::geometry::{BlockOrder, Geometry, Rows};
use super::tile::{Accumulators, accumulate, block_panels};
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase};
use std::ops::Range;

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

/// Gate inputs that are summed over at a time. For 16 lanes their panel has 32 KiB, which stays in the
/// nearest cache while all rows pass.
const DEPTH: usize = 128;

impl TransposedProduct<'_> {
    /// Compute all rows, within another kernel.
    #[inline(always)]
    pub(super) fn compute<S: Simd>(&mut self, simd: S) {
        let (all, blocks) = (self.rows.width, self.blocks);
        let tile_rows = self.geometry.tile_rows;
        if self.count <= tile_rows {
            let add = self.add;
            return Part { product: self, blocks: 0..blocks, inputs: 0..all, add }.cover(simd);
        }
        for block in 0..blocks {
            for first in (0..all).step_by(DEPTH) {
                let add = self.add || first > 0;
                let inputs = first..(first + DEPTH).min(all);
                Part { product: self, blocks: block..block + 1, inputs, add }.cover(simd);
            }
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

/// Some blocks of outputs, and the part of their sums over some gate inputs.
struct Part<'p, 'a> {
    product: &'p mut TransposedProduct<'a>,
    blocks: Range<usize>,
    inputs: Range<usize>,
    /// Add to what is there.
    add: bool,
}

impl Part<'_, '_> {
    #[inline(always)]
    fn cover<S: Simd>(mut self, simd: S) {
        let order = BlockOrder::ascending(self.blocks.len());
        let geometry = self.product.geometry;
        let count = self.product.count;
        if count > 0 {
            cover(simd, geometry, order, count, &mut self);
        }
    }
}

impl<S: Simd> TileOperation<S> for Part<'_, '_> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_row: usize,
        first_block: usize,
    ) {
        let Self { product, blocks, inputs, add } = self;
        let lanes = S::f32s::LEN;
        let width = VECTORS * lanes;
        let first_block = blocks.start + first_block;
        let place = |row: usize| (first_row + row) * product.pitch + first_block * width;
        let mut sums: Accumulators<S, ROWS, BLOCKS, VECTORS> =
            [[[S::f32s::splat(simd, 0.0); VECTORS]; BLOCKS]; ROWS];
        if *add {
            for (row, blocks) in sums.iter_mut().enumerate() {
                for (index, sum) in blocks.iter_mut().flatten().enumerate() {
                    *sum = load(simd, product.out, place(row) + index * lanes);
                }
            }
        }
        let Rows { floats, pitch, width: all } = product.rows;
        let mut panels = block_panels::<BLOCKS>(product.weights, all * width, first_block);
        for panel in &mut panels {
            *panel = &panel[inputs.start * width..inputs.end * width];
        }
        let part = Rows { floats: &floats[inputs.start..], pitch, width: inputs.len() };
        sums = accumulate(simd, sums, part.tile::<ROWS>(first_row), panels);
        for (row, blocks) in sums.iter().enumerate() {
            for (index, sum) in blocks.iter().flatten().enumerate() {
                store::<S>(*sum, product.out, place(row) + index * lanes);
            }
        }
    }
}
