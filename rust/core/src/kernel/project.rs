//! The input projection: bias + x · W for all rows of a chunk at once.
//!
//! In: rows of inputs, in one or two parts (a layer above a bidirectional one reads both directions).
//! Out: pre-activations `[row][block][gate][lane]`. It does not know time.

use super::geometry::{BlockOrder, Geometry, Rows};
use super::tile::{GateAccumulators, accumulate, block_panels, store_sums};
use super::tiles::{TileOperation, TilePlace, for_each_tile};
use super::vector::load;
use crate::gate::Gate;
use crate::level::Kernel;
use crate::tuning::LINE_FLOATS;
use fearless_simd::{Simd, SimdBase};

/// bias + x · W of some rows, tile by tile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projection<'a> {
    /// The inputs of a row: one part, or the forward and then the backward direction's; a part of no
    /// width where there is only one.
    pub(crate) inputs: [Rows<'a>; 2],
    /// `[block][input][gate][lane]`, inputs of all parts.
    pub(crate) weights: &'a [f32],
    /// `[block][gate][lane]`
    pub(crate) bias: &'a [f32],
}

impl Projection<'_> {
    /// That of the rows from `first` on.
    #[inline(always)]
    pub(crate) fn rows_from(self, first: usize) -> Self {
        Self { inputs: self.inputs.map(|part| part.rows_from(first)), ..self }
    }

    /// The sums of `ROWS` rows and `BLOCKS` unit blocks.
    #[inline(always)]
    pub(super) fn tile<S: Simd, const ROWS: usize, const BLOCKS: usize>(
        &self,
        simd: S,
        place: TilePlace,
    ) -> GateAccumulators<S, ROWS, BLOCKS> {
        let lanes = S::f32s::LEN;
        let group = Gate::COUNT * lanes;
        let mut sums: GateAccumulators<S, ROWS, BLOCKS> =
            [[[S::f32s::splat(simd, 0.0); Gate::COUNT]; BLOCKS]; ROWS];
        for row in &mut sums {
            for (block, gates) in row.iter_mut().enumerate() {
                for (gate, sum) in gates.iter_mut().enumerate() {
                    *sum = load(simd, self.bias, (place.block + block) * group + gate * lanes);
                }
            }
        }
        let width: usize = self.inputs.iter().map(|part| part.width).sum();
        let panels: [&[f32]; BLOCKS] = block_panels(self.weights, width * group, place.block);
        let mut prefetch = place.prefetched(self.weights, width * group, ROWS);
        let mut done = 0;
        for part in self.inputs.iter().filter(|part| part.width > 0) {
            let mut of_part = panels;
            for panel in &mut of_part {
                *panel = &panel[done * group..][..part.width * group];
            }
            sums = accumulate(simd, sums, part.tile::<ROWS>(place.row), of_part, prefetch);
            prefetch = prefetch.get(part.width * LINE_FLOATS..).unwrap_or_default();
            done += part.width;
        }
        sums
    }
}

/// Project all rows of a chunk.
pub(crate) struct Project<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) blocks: BlockOrder,
    pub(crate) projection: Projection<'a>,
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
            for_each_tile(simd, geometry, self.blocks, self.rows, &mut self);
        }
    }
}

impl<S: Simd> TileOperation<S> for Project<'_> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(&mut self, simd: S, place: TilePlace) {
        let lanes = S::f32s::LEN;
        let sums: GateAccumulators<S, ROWS, BLOCKS> = self.projection.tile(simd, place);
        let pitch = self.geometry.gate_pitch;
        store_sums::<S, ROWS, BLOCKS, { Gate::COUNT }>(
            &sums,
            self.pre,
            place.row * pitch + place.block * Gate::COUNT * lanes,
            pitch,
        );
    }
}
