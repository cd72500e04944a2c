//! The recurrence with any activations and any peepholes, step by step over whole rows.
//!
//! In: as for the fused recurrence, and full peephole panels, the five functions, a variant. Out: the same. The
//! sums run in the same tiles; what differs is that gates pass through a buffer `[row][gate][unit]`.

use super::fused::Saved;
use super::geometry::{BlockOrder, Geometry, Rows, Steps};
use super::projection::StepProjection;
use super::tile::{
    Accumulators, GateAccumulators, accumulate, block_panels, load_sums, store_sums,
};
use super::tiles::{TileOperation, TilePlace, for_each_tile};
use super::variant::{derive_row, limit_row, limited};
use super::vector::{load, load_gate, store};
use crate::gate::{Gate, Gates};
use crate::level::Kernel;
use crate::math::{Activation, apply_slice};
use crate::variant::Variant;
use fearless_simd::{Simd, SimdBase, SimdFloat};

/// Peephole panels; each is empty where no gate has that kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeepholePanels<'a> {
    /// Diagonals, `[block][gate][lane]`.
    pub(crate) diagonal: &'a [f32],
    /// Full matrices of input, forget and candidate gate, `[block][unit][gate][lane]`.
    pub(crate) cell: &'a [f32],
    /// Full matrix of the output gate, `[block][unit][lane]`.
    pub(crate) cell_output: &'a [f32],
}

/// The five activations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GenericFunctions {
    pub(crate) gates: Gates<Activation>,
    pub(crate) hidden: Activation,
}

/// Which half of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// Both.
    Whole,
    /// To the new cell states.
    Cells,
    /// From the new cell states of all units, others' among them, to the outputs.
    Outputs,
}

/// Run the recurrence over a chunk of steps.
pub(crate) struct GenericChunk<'a> {
    pub(crate) geometry: &'a Geometry,
    /// For the first step; each step reverses it. Nothing but these blocks is computed.
    pub(crate) blocks: BlockOrder,
    pub(crate) half: Half,
    pub(crate) steps: Steps<'a>,
    pub(crate) functions: &'a GenericFunctions,
    pub(crate) variant: &'a Variant,
    pub(crate) projection: Option<StepProjection<'a>>,
    /// `[block][output][gate][lane]`; empty where `pre` has the hidden states' part already.
    pub(crate) hidden_weights: &'a [f32],
    pub(crate) peepholes: PeepholePanels<'a>,
    /// `[row][block][gate][lane]` for all rows of the chunk.
    pub(crate) pre: &'a [f32],
    /// `[row][output]` for all rows of the chunk.
    pub(crate) out: &'a mut [f32],
    /// `[row][output]` for the rows of the batch: before and after.
    pub(crate) hidden: &'a mut [f32],
    /// `[row][unit]` for the rows of the batch: before and after.
    pub(crate) cell: &'a mut [f32],
    /// Room for the gates of one step, `[row][gate][unit]`.
    pub(crate) gates: &'a mut [f32],
    /// What the backward pass needs, for all rows of the chunk.
    pub(crate) saved: Option<Saved<'a>>,
}

impl Kernel for GenericChunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let pitch = self.geometry.output_pitch;
        let steps = self.steps;
        for (first, rows) in steps.each() {
            if self.half != Half::Outputs {
                self.sums(simd, first, rows);
                self.new_cells(simd, first, rows);
            }
            if self.half == Half::Cells {
                continue;
            }
            self.output_peephole(simd, rows);
            self.new_hidden(simd, first, rows);
            self.blocks = self.blocks.reversed();
            let out = &self.out[first * pitch..(first + rows) * pitch];
            self.hidden[..rows * pitch].copy_from_slice(out);
        }
    }
}

impl<'a> GenericChunk<'a> {
    /// The diagonals of the blocks that are computed; empty without any.
    #[inline(always)]
    fn own_diagonal(&self, lanes: usize) -> &'a [f32] {
        let diagonal = self.peepholes.diagonal;
        let (first, count) = (self.blocks.first, self.blocks.count);
        let group = Gate::COUNT * lanes;
        if diagonal.is_empty() { diagonal } else { &diagonal[first * group..][..count * group] }
    }

    /// All products that need only the old states.
    #[inline(always)]
    fn sums<S: Simd>(&mut self, simd: S, first: usize, rows: usize) {
        let Geometry { units, outputs, cell_pitch, output_pitch, gate_pitch, .. } = *self.geometry;
        let mut sums = GateSums {
            geometry: self.geometry,
            pre: &self.pre[first * gate_pitch..],
            hidden: Rows { floats: self.hidden, pitch: output_pitch, width: outputs },
            hidden_weights: self.hidden_weights,
            cell: Rows { floats: self.cell, pitch: cell_pitch, width: units },
            cell_weights: self.peepholes.cell,
            gates: self.gates,
        };
        for_each_tile(simd, self.geometry, self.blocks, rows, &mut sums);
    }

    /// c' = forget * c + input * candidate, limited where the variant says so.
    #[inline(always)]
    fn new_cells<S: Simd>(&mut self, simd: S, first: usize, rows: usize) {
        let lanes = S::f32s::LEN;
        let own = self.blocks.units(lanes);
        let diagonal = self.own_diagonal(lanes);
        let functions = self.functions.gates;
        let Variant { cell_clip, gate_clip, .. } = *self.variant;
        for row in 0..rows {
            let gates = self.geometry.gates_mut(self.gates, row, lanes);
            let mut gates = gates.map(|_, units| &mut units[own.clone()]);
            let cells = &mut self.cell[row * self.geometry.cell_pitch..][own.clone()];
            for gate in Gate::EARLY {
                add_diagonal(simd, diagonal, gate, cells, gates.get_mut(gate));
            }
            if let Some(saved) = &mut self.saved {
                let mut saved = self.geometry.gates_mut(saved.gates, first + row, lanes);
                for gate in Gate::EARLY {
                    saved.get_mut(gate)[own.clone()].copy_from_slice(gates.get(gate));
                }
            }
            for gate in Gate::EARLY {
                limit_row(simd, gates.get_mut(gate), gate_clip);
                apply_slice(simd, *functions.get(gate), gates.get_mut(gate));
            }
            derive_row(simd, &mut gates, self.variant);
            let Gates { input, forget, candidate, .. } = gates;
            for at in (0..own.len()).step_by(lanes) {
                let kept = load(simd, forget, at) * load(simd, cells, at);
                let cell = load(simd, input, at).mul_add(load(simd, candidate, at), kept);
                store::<S>(limited(simd, cell, cell_clip), cells, at);
            }
        }
    }

    /// The full peephole of the output gate sees the new cell state of all units.
    #[inline(always)]
    fn output_peephole<S: Simd>(&mut self, simd: S, rows: usize) {
        if self.peepholes.cell_output.is_empty() {
            return;
        }
        let Geometry { units: width, cell_pitch: pitch, .. } = *self.geometry;
        let mut sums = OutputSums {
            geometry: self.geometry,
            cell: Rows { floats: self.cell, pitch, width },
            weights: self.peepholes.cell_output,
            gates: self.gates,
        };
        for_each_tile(simd, self.geometry, self.blocks, rows, &mut sums);
    }

    /// h' = output * hidden activation(c'), or the projection of these values.
    #[inline(always)]
    fn new_hidden<S: Simd>(&mut self, simd: S, first: usize, rows: usize) {
        let Geometry { cell_pitch, output_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let own = self.blocks.units(lanes);
        let diagonal = self.own_diagonal(lanes);
        let outputs = &mut self.out[first * output_pitch..(first + rows) * output_pitch];
        let (values, pitch) = match &mut self.projection {
            Some(projection) => (&mut *projection.values, cell_pitch),
            None => (&mut *outputs, output_pitch),
        };
        for row in 0..rows {
            let Gates { output, .. } = self.geometry.gates_mut(self.gates, row, lanes);
            let output = &mut output[own.clone()];
            let cells = &self.cell[row * cell_pitch..][own.clone()];
            let out = &mut values[row * pitch..][own.clone()];
            add_diagonal(simd, diagonal, Gate::Output, cells, output);
            if let Some(saved) = &mut self.saved {
                let saved = saved.rows_from(first + row, self.geometry);
                let gates = self.geometry.gates_mut(saved.gates, 0, lanes);
                gates.output[own.clone()].copy_from_slice(output);
                saved.cells[own.clone()].copy_from_slice(cells);
            }
            limit_row(simd, output, self.variant.gate_clip);
            apply_slice(simd, self.functions.gates.output, output);
            out.copy_from_slice(cells);
            limit_row(simd, out, self.variant.hidden_clip);
            apply_slice(simd, self.functions.hidden, out);
            for at in (0..own.len()).step_by(lanes) {
                store::<S>(load(simd, output, at) * load(simd, out, at), out, at);
            }
        }
        if let Some(projection) = &self.projection {
            projection.compute(simd, self.geometry, rows, outputs);
        }
    }
}

/// values += diagonal of `gate` * cells.
#[inline(always)]
fn add_diagonal<S: Simd>(simd: S, diagonal: &[f32], gate: Gate, cells: &[f32], values: &mut [f32]) {
    let lanes = S::f32s::LEN;
    for (block, weights) in diagonal.chunks_exact(Gate::COUNT * lanes).enumerate() {
        let at = block * lanes;
        let weight = load_gate(simd, weights, 0, gate);
        let sum = weight.mul_add(load(simd, cells, at), load(simd, values, at));
        store::<S>(sum, values, at);
    }
}

/// Sums of all four gates from the old states.
struct GateSums<'a> {
    geometry: &'a Geometry,
    pre: &'a [f32],
    hidden: Rows<'a>,
    hidden_weights: &'a [f32],
    cell: Rows<'a>,
    cell_weights: &'a [f32],
    gates: &'a mut [f32],
}

impl<S: Simd> TileOperation<S> for GateSums<'_> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(&mut self, simd: S, place: TilePlace) {
        let Geometry { blocks: all_blocks, gate_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let group = Gate::COUNT * lanes;
        let start = place.row * gate_pitch + place.block * group;
        let mut sums: GateAccumulators<S, ROWS, BLOCKS> =
            load_sums(simd, self.pre, start, gate_pitch);
        for (rows, weights) in [(self.hidden, self.hidden_weights), (self.cell, self.cell_weights)]
        {
            if !weights.is_empty() {
                let block_floats = rows.width * group;
                let panels = block_panels::<BLOCKS>(weights, block_floats, place.block);
                let prefetch = place.prefetched(weights, block_floats, ROWS);
                sums = accumulate(simd, sums, rows.tile::<ROWS>(place.row), panels, prefetch);
            }
        }
        for (row, blocks) in sums.iter().enumerate() {
            for (block, gates) in blocks.iter().enumerate() {
                let start = (place.row + row) * gate_pitch + (place.block + block) * lanes;
                for (gate, sum) in gates.iter().enumerate() {
                    store::<S>(*sum, self.gates, start + gate * all_blocks * lanes);
                }
            }
        }
    }
}

/// The output gate's sums, increased by its full peephole.
struct OutputSums<'a> {
    geometry: &'a Geometry,
    cell: Rows<'a>,
    weights: &'a [f32],
    gates: &'a mut [f32],
}

impl<S: Simd> TileOperation<S> for OutputSums<'_> {
    #[inline(always)]
    fn tile<const ROWS: usize, const BLOCKS: usize>(&mut self, simd: S, place: TilePlace) {
        let Geometry { units, blocks: all_blocks, gate_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let block = Gate::Output.index() * all_blocks + place.block;
        let start = place.row * gate_pitch + block * lanes;
        let sums: Accumulators<S, ROWS, BLOCKS, 1> = load_sums(simd, self.gates, start, gate_pitch);
        let panels = block_panels::<BLOCKS>(self.weights, units * lanes, place.block);
        let prefetch = place.prefetched(self.weights, units * lanes, ROWS);
        let sums = accumulate(simd, sums, self.cell.tile::<ROWS>(place.row), panels, prefetch);
        store_sums::<S, ROWS, BLOCKS, 1>(&sums, self.gates, start, gate_pitch);
    }
}
