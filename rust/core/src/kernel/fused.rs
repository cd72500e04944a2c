//! The recurrence with default activations: the four gates of a block of hidden units stay in registers
//! from the first product to the new states.
//!
//! In: pre-activations of a chunk of steps, hidden weights, states. Out: the output of each step and the
//! states after the chunk. Peepholes may be absent or diagonal; everything else takes [`super::general`].

use super::cell::{PreActivations, default_cell, load, store};
use super::cover::{TileOperation, cover};
use super::geometry::{BlockOrder, Geometry, Rows, Steps};
use super::tile::{Accumulators, accumulate, block_panels};
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase};

/// Run the recurrence over a chunk of steps.
pub(crate) struct FusedChunk<'a> {
    pub(crate) geometry: &'a Geometry,
    /// For the first step; each turns it.
    pub(crate) blocks: BlockOrder,
    pub(crate) steps: Steps<'a>,
    /// `[block][hidden][gate][lane]`
    pub(crate) hidden_weights: &'a [f32],
    /// `[block][gate][lane]`; empty without peepholes.
    pub(crate) diagonal: &'a [f32],
    /// `[row][block][gate][lane]` for all rows of the chunk.
    pub(crate) pre: &'a [f32],
    /// `[row][unit]` for all rows of the chunk.
    pub(crate) out: &'a mut [f32],
    /// `[row][unit]` for the rows of the batch: before and after.
    pub(crate) hidden: &'a mut [f32],
    /// `[row][unit]` for the rows of the batch: before and after.
    pub(crate) cell: &'a mut [f32],
    /// What the backward pass needs, for all rows of the chunk.
    pub(crate) saved: Option<Saved<'a>>,
}

/// What a training step keeps.
pub(crate) struct Saved<'a> {
    /// `[row][gate][unit]`: gates activated by the fused recurrence, pre-activations of the general one.
    pub(crate) gates: &'a mut [f32],
    /// The new cell state, `[row][unit]`.
    pub(crate) cells: &'a mut [f32],
}

impl Saved<'_> {
    /// The part that belongs to the rows from `first` on.
    #[inline(always)]
    pub(super) fn rows_from(&mut self, first: usize, geometry: &Geometry) -> Saved<'_> {
        Saved {
            gates: &mut self.gates[first * geometry.gate_pitch..],
            cells: &mut self.cells[first * geometry.state_pitch..],
        }
    }
}

impl Kernel for FusedChunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let Geometry { state_pitch, gate_pitch, .. } = *self.geometry;
        for (first, rows) in self.steps.each() {
            let out = &mut self.out[first * state_pitch..(first + rows) * state_pitch];
            let mut step = FusedStep {
                geometry: self.geometry,
                hidden_weights: self.hidden_weights,
                diagonal: self.diagonal,
                pre: &self.pre[first * gate_pitch..],
                hidden: self.hidden,
                cell: self.cell,
                out,
                saved: self.saved.as_mut().map(|saved| saved.rows_from(first, self.geometry)),
            };
            cover(simd, self.geometry, self.blocks, rows, &mut step);
            self.blocks = self.blocks.turned();
            self.hidden[..rows * state_pitch].copy_from_slice(out);
        }
    }
}

/// One step of all active rows.
struct FusedStep<'a> {
    geometry: &'a Geometry,
    hidden_weights: &'a [f32],
    diagonal: &'a [f32],
    pre: &'a [f32],
    hidden: &'a [f32],
    cell: &'a mut [f32],
    out: &'a mut [f32],
    saved: Option<Saved<'a>>,
}

impl<S: Simd> TileOperation<S> for FusedStep<'_> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_row: usize,
        first_block: usize,
    ) {
        let Geometry { hidden, state_pitch, gate_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let group = 4 * lanes;
        let mut sums: Accumulators<S, ROWS, BLOCKS, 4> =
            [[[S::f32s::splat(simd, 0.0); 4]; BLOCKS]; ROWS];
        for (row, blocks) in sums.iter_mut().enumerate() {
            let start = (first_row + row) * gate_pitch + first_block * group;
            for (index, sum) in blocks.iter_mut().flatten().enumerate() {
                *sum = load(simd, self.pre, start + index * lanes);
            }
        }
        let rows = Rows { floats: self.hidden, pitch: state_pitch, width: hidden };
        let panels = block_panels::<BLOCKS>(self.hidden_weights, hidden * group, first_block);
        sums = accumulate(simd, sums, rows.tile::<ROWS>(first_row), panels);
        for (row, blocks) in sums.iter().enumerate() {
            for (block, gates) in blocks.iter().enumerate() {
                self.finish(simd, *gates, first_row + row, first_block + block);
            }
        }
    }
}

impl FusedStep<'_> {
    /// From the four sums of one vector of units to its new states.
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, gates: [S::f32s; 4], row: usize, block: usize) {
        let Geometry { blocks, state_pitch, gate_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let at = row * state_pitch + block * lanes;
        let peepholes = if self.diagonal.is_empty() {
            None
        } else {
            let mut weights = [S::f32s::splat(simd, 0.0); 4];
            for (gate, weight) in weights.iter_mut().enumerate() {
                *weight = load(simd, self.diagonal, (4 * block + gate) * lanes);
            }
            Some(PreActivations::from_panel(weights))
        };
        let cell = load(simd, self.cell, at);
        let pre = PreActivations::from_panel(gates);
        let new = default_cell(simd, pre, cell, peepholes);
        store::<S>(new.cell, self.cell, at);
        store::<S>(new.hidden, self.out, at);
        if let Some(saved) = &mut self.saved {
            store::<S>(new.cell, saved.cells, at);
            for (gate, value) in new.gates.iter().enumerate() {
                let place = row * gate_pitch + (gate * blocks + block) * lanes;
                store::<S>(*value, saved.gates, place);
            }
        }
    }
}
