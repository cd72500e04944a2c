//! The recurrence with default activations: the four gates of a block of hidden units stay in registers
//! from the first product to the new states.
//!
//! In: pre-activations of a chunk of steps or what they are made of, hidden weights, states. Out: the output
//! of each step and the states after the chunk. Peepholes may be absent or diagonal; everything else takes
//! [`super::generic`]. Variants of the layer are a kernel of their own, which differs in the cell alone.

use super::cell::{default_cell, variant_cell};
use super::geometry::{BlockOrder, Geometry, Rows, Steps, gates_of_panel};
use super::project::Projection;
use super::projection::StepProjection;
use super::tile::{GateAccumulators, accumulate, block_panels, load_sums};
use super::tiles::{TileOperation, TilePlace, for_each_tile};
use super::vector::{load, load_gates, store};
use crate::gate::Gate;
use crate::level::Kernel;
use crate::variant::Variant;
use fearless_simd::{Simd, SimdBase};

/// Run the recurrence over a chunk of steps.
pub(crate) struct FusedChunk<'a> {
    pub(crate) geometry: &'a Geometry,
    /// For the first step; each step reverses it.
    pub(crate) blocks: BlockOrder,
    pub(crate) steps: Steps<'a>,
    /// Looked at by the kernel of variants only, as the projection is.
    pub(crate) variant: &'a Variant,
    pub(crate) projection: Option<StepProjection<'a>>,
    /// `[block][output][gate][lane]`; not looked at where sums begin complete.
    pub(crate) hidden_weights: &'a [f32],
    /// `[block][gate][lane]`; empty without peepholes.
    pub(crate) diagonal: &'a [f32],
    /// `[row][output]` for all rows of the chunk.
    pub(crate) out: &'a mut [f32],
    /// `[row][output]` for the rows of the batch: before and after.
    pub(crate) hidden: &'a mut [f32],
    /// `[row][unit]` for the rows of the batch: before and after.
    pub(crate) cell: &'a mut [f32],
    /// What the backward pass needs, for all rows of the chunk.
    pub(crate) saved: Option<Saved<'a>>,
}

/// Where the sums of all rows of a chunk begin; each way is a kernel of its own.
///
/// The first two give the same sums to the last bit. Projecting first reads the input weights once for all steps of
/// the chunk; projecting with each step keeps the pre-activations in registers, which else are written and read again.
pub(crate) trait Begin: Copy {
    /// Whether the sums have the hidden states' part already.
    const IS_COMPLETE: bool = false;

    /// The same for the rows from `first` on.
    fn rows_from(self, first: usize, geometry: &Geometry) -> Self;

    /// The sums of `ROWS` rows and `BLOCKS` unit blocks without the hidden states' part.
    fn sums<S: Simd, const ROWS: usize, const BLOCKS: usize>(
        &self,
        simd: S,
        geometry: &Geometry,
        place: TilePlace,
    ) -> GateAccumulators<S, ROWS, BLOCKS>;
}

/// Pre-activations that were projected before, `[row][block][gate][lane]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projected<'a>(pub(crate) &'a [f32]);

impl Begin for Projected<'_> {
    #[inline(always)]
    fn rows_from(self, first: usize, geometry: &Geometry) -> Self {
        Self(&self.0[first * geometry.gate_pitch..])
    }

    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize, const BLOCKS: usize>(
        &self,
        simd: S,
        geometry: &Geometry,
        place: TilePlace,
    ) -> GateAccumulators<S, ROWS, BLOCKS> {
        let start = place.row * geometry.gate_pitch + place.block * Gate::COUNT * S::f32s::LEN;
        load_sums(simd, self.0, start, geometry.gate_pitch)
    }
}

/// Sums of everything, `[row][block][gate][lane]`: a library has multiplied the hidden states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summed<'a>(pub(crate) Projected<'a>);

impl Begin for Summed<'_> {
    const IS_COMPLETE: bool = true;

    #[inline(always)]
    fn rows_from(self, first: usize, geometry: &Geometry) -> Self {
        Self(self.0.rows_from(first, geometry))
    }

    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize, const BLOCKS: usize>(
        &self,
        simd: S,
        geometry: &Geometry,
        place: TilePlace,
    ) -> GateAccumulators<S, ROWS, BLOCKS> {
        self.0.sums(simd, geometry, place)
    }
}

impl Begin for Projection<'_> {
    #[inline(always)]
    fn rows_from(self, first: usize, _: &Geometry) -> Self {
        self.rows_from(first)
    }

    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize, const BLOCKS: usize>(
        &self,
        simd: S,
        _: &Geometry,
        place: TilePlace,
    ) -> GateAccumulators<S, ROWS, BLOCKS> {
        self.tile(simd, place)
    }
}

/// What a training step keeps.
pub(crate) struct Saved<'a> {
    /// `[row][gate][unit]`: gates activated by the fused recurrence, unless their arguments are limited;
    /// pre-activations then, as those of the generic one.
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
            cells: &mut self.cells[first * geometry.cell_pitch..],
        }
    }
}

/// A chunk, and where its sums begin; of a variant of the layer if it `VARIES`.
pub(crate) struct FusedFrom<'a, B, const VARIES: bool> {
    pub(crate) chunk: FusedChunk<'a>,
    pub(crate) begin: B,
}

impl<B: Begin, const VARIES: bool> Kernel for FusedFrom<'_, B, VARIES> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { mut chunk, begin } = self;
        let geometry = chunk.geometry;
        let pitch = geometry.output_pitch;
        for (first, rows) in chunk.steps.each() {
            let out = &mut chunk.out[first * pitch..(first + rows) * pitch];
            let values = match &mut chunk.projection {
                Some(projection) if VARIES => &mut *projection.values,
                _ => &mut *out,
            };
            let mut step = FusedStep::<'_, B, VARIES> {
                geometry,
                variant: chunk.variant,
                hidden_weights: chunk.hidden_weights,
                diagonal: chunk.diagonal,
                begin: begin.rows_from(first, geometry),
                hidden: chunk.hidden,
                cell: chunk.cell,
                out: values,
                saved: chunk.saved.as_mut().map(|saved| saved.rows_from(first, geometry)),
            };
            for_each_tile(simd, geometry, chunk.blocks, rows, &mut step);
            chunk.blocks = chunk.blocks.reversed();
            if let Some(projection) = chunk.projection.as_ref().filter(|_| VARIES) {
                projection.compute(simd, geometry, rows, out);
            }
            chunk.hidden[..rows * pitch].copy_from_slice(out);
        }
    }
}

/// One step of all active rows.
struct FusedStep<'a, B, const VARIES: bool> {
    geometry: &'a Geometry,
    variant: &'a Variant,
    hidden_weights: &'a [f32],
    diagonal: &'a [f32],
    begin: B,
    hidden: &'a [f32],
    cell: &'a mut [f32],
    /// `[row][output]`; where outputs are projected, the values of the units, `[row][unit]`.
    out: &'a mut [f32],
    saved: Option<Saved<'a>>,
}

impl<S: Simd, B: Begin, const VARIES: bool> TileOperation<S> for FusedStep<'_, B, VARIES> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(&mut self, simd: S, place: TilePlace) {
        let Geometry { outputs, output_pitch, .. } = *self.geometry;
        let block_floats = Gate::COUNT * S::f32s::LEN * outputs;
        let sums: GateAccumulators<S, ROWS, BLOCKS> = self.begin.sums(simd, self.geometry, place);
        let sums = if B::IS_COMPLETE {
            sums
        } else {
            let rows = Rows { floats: self.hidden, pitch: output_pitch, width: outputs };
            let panels = block_panels::<BLOCKS>(self.hidden_weights, block_floats, place.block);
            let prefetch = place.prefetched(self.hidden_weights, block_floats, ROWS);
            accumulate(simd, sums, rows.tile::<ROWS>(place.row), panels, prefetch)
        };
        for (row, blocks) in sums.iter().enumerate() {
            for (block, gates) in blocks.iter().enumerate() {
                self.finish(simd, *gates, place.row + row, place.block + block);
            }
        }
    }
}

impl<B, const VARIES: bool> FusedStep<'_, B, VARIES> {
    /// From the four sums of one vector of units to its new states.
    #[inline(always)]
    fn finish<S: Simd>(
        &mut self,
        simd: S,
        gates: [S::f32s; Gate::COUNT],
        row: usize,
        block: usize,
    ) {
        let Geometry { cell_pitch, output_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let at = row * cell_pitch + block * lanes;
        let peepholes = if self.diagonal.is_empty() {
            None
        } else {
            Some(load_gates(simd, self.diagonal, block * lanes))
        };
        let cell = load(simd, self.cell, at);
        let gates = gates_of_panel(gates);
        let new = if VARIES {
            variant_cell(simd, gates, cell, peepholes, self.variant)
        } else {
            default_cell(simd, gates, cell, peepholes)
        };
        store::<S>(new.cell, self.cell, at);
        let pitch = if VARIES && self.variant.projects { cell_pitch } else { output_pitch };
        store::<S>(new.hidden, self.out, row * pitch + block * lanes);
        if let Some(saved) = &mut self.saved {
            store::<S>(new.cell, saved.cells, at);
            let gates = self.geometry.gates_mut(saved.gates, row, lanes);
            store::<S>(new.gates.input, gates.input, block * lanes);
            store::<S>(new.gates.forget, gates.forget, block * lanes);
            store::<S>(new.gates.candidate, gates.candidate, block * lanes);
            store::<S>(new.gates.output, gates.output, block * lanes);
        }
    }
}
