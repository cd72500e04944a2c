//! Weight gradients: sums over steps and batch rows of gate gradients times what the gates read.
//!
//! In: arranged gate gradients and inputs of a chunk. Out: panels of sums `[block][input][gate][lane]`,
//! overwritten or increased. It is the forward pass' register tile with other operands: inputs take the
//! place of rows, and rows that of inputs.

use super::arrange::ChunkRows;
use super::geometry::{BlockOrder, Geometry};
use super::tile::{Accumulators, accumulate, block_panels};
use super::tiles::{TileOperation, TilePlace, for_each_tile, for_each_wide_tile};
use super::vector::{load, store};
use crate::gate::Gate;
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase, SimdFloat};

/// Add gate gradients times inputs to a panel of weight gradients.
pub(crate) struct OuterProducts<'a, const GATES: usize> {
    pub(crate) geometry: &'a Geometry,
    /// How many of the layer's blocks.
    pub(crate) blocks: usize,
    /// How many rows are summed.
    pub(crate) rows: usize,
    /// `[block][row][gate][lane]`
    pub(crate) gates: &'a [f32],
    /// What the gates read, `[input][row]`.
    pub(crate) inputs: &'a [f32],
    /// `[block][input][gate][lane]`
    pub(crate) sums: &'a mut [f32],
    /// Add to what is there.
    pub(crate) add: bool,
}

impl<const GATES: usize> Kernel for OuterProducts<'_, GATES> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let inputs = self.inputs.len() / self.rows.max(1);
        let (geometry, blocks) = (self.geometry, self.blocks);
        if GATES == 1 {
            for_each_wide_tile(simd, geometry, blocks, inputs, &mut self);
        } else {
            for_each_tile(simd, geometry, BlockOrder::ascending(blocks), inputs, &mut self);
        }
    }
}

impl<S: Simd, const GATES: usize> TileOperation<S> for OuterProducts<'_, GATES> {
    #[inline(always)]
    fn tile<const INPUTS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        TilePlace { row: first_input, block: first_block, .. }: TilePlace,
    ) {
        let lanes = S::f32s::LEN;
        let panel = self.inputs.len() / self.rows * GATES * lanes;
        let place = |input: usize, block: usize, gate: usize| {
            (first_block + block) * panel + ((first_input + input) * GATES + gate) * lanes
        };
        let mut sums: Accumulators<S, INPUTS, BLOCKS, GATES> =
            [[[S::f32s::splat(simd, 0.0); GATES]; BLOCKS]; INPUTS];
        if self.add {
            for (input, of_blocks) in sums.iter_mut().enumerate() {
                for (block, of_gates) in of_blocks.iter_mut().enumerate() {
                    for (gate, sum) in of_gates.iter_mut().enumerate() {
                        *sum = load(simd, self.sums, place(input, block, gate));
                    }
                }
            }
        }
        let mut inputs: [&[f32]; INPUTS] = [&[]; INPUTS];
        for (index, input) in inputs.iter_mut().enumerate() {
            *input = &self.inputs[(first_input + index) * self.rows..][..self.rows];
        }
        let gates = block_panels::<BLOCKS>(self.gates, self.rows * GATES * lanes, first_block);
        // Where weights do not stay in L2, their sums do not either: those behind the last ones, of a single block the
        // next tile's, are brought closer meanwhile. EPYC (Zen 4), 32 rows, 256 and 512 units: 1 and 3 % of a backward call.
        let next = if self.add && self.geometry.prefetches {
            let end = place(INPUTS - 1, BLOCKS - 1, GATES - 1) + lanes;
            &self.sums[end..self.sums.len().min(end + INPUTS * GATES * lanes)]
        } else {
            &[]
        };
        sums = accumulate(simd, sums, inputs, gates, next);
        for (input, of_blocks) in sums.iter().enumerate() {
            for (block, of_gates) in of_blocks.iter().enumerate() {
                for (gate, sum) in of_gates.iter().enumerate() {
                    store::<S>(*sum, self.sums, place(input, block, gate));
                }
            }
        }
    }
}

/// Add gate gradients to the gradients of the biases, `[block][gate][lane]`.
pub(crate) struct BiasSums<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) rows: ChunkRows<'a>,
    /// `[row][gate][unit]`
    pub(crate) gates: &'a [f32],
    pub(crate) sums: &'a mut [f32],
    /// Add to what is there.
    pub(crate) add: bool,
}

impl Kernel for BiasSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Geometry { blocks, gate_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        if !self.add {
            self.sums.fill(0.0);
        }
        for row in self.rows.runs().flatten() {
            for block in 0..blocks {
                for gate in Gate::ALL {
                    let at = row * gate_pitch + (gate.index() * blocks + block) * lanes;
                    let place = (Gate::COUNT * block + gate.index()) * lanes;
                    let sum = load(simd, self.gates, at) + load(simd, self.sums, place);
                    store::<S>(sum, self.sums, place);
                }
            }
        }
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
    /// Add to what is there.
    pub(crate) add: bool,
}

impl Kernel for DiagonalProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Geometry { blocks, gate_pitch, cell_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        if !self.add {
            self.sums.fill(0.0);
        }
        for row in self.rows.runs().flatten() {
            for block in 0..blocks {
                for gate in Gate::ALL {
                    let seen = if gate == Gate::Output { self.cells } else { self.previous_cells };
                    let cell = load(simd, seen, row * cell_pitch + block * lanes);
                    let at = row * gate_pitch + (gate.index() * blocks + block) * lanes;
                    let gradient = load(simd, self.gates, at);
                    let place = (Gate::COUNT * block + gate.index()) * lanes;
                    let sum = gradient.mul_add(cell, load(simd, self.sums, place));
                    store::<S>(sum, self.sums, place);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OuterProducts;
    use crate::kernel::Geometry;
    use crate::level::{Level, vectorize};

    const ROWS: usize = 5;

    /// Whole numbers, whose products and sums are exact.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at * 37 % 101) as f32 - 50.0).collect()
    }

    fn geometry(level: Level, blocks: usize, prefetches: bool) -> Geometry {
        let tile = level.tile();
        let units = blocks * tile.lanes;
        Geometry {
            units,
            outputs: units,
            blocks,
            cell_pitch: units,
            output_pitch: units,
            gate_pitch: 4 * units,
            tile_rows: tile.rows,
            tile_blocks: tile.blocks,
            prefetches,
        }
    }

    /// All sizes of tiles, also those that prefetch, against the sums one by one.
    fn sums_are_those_of_all_rows<const GATES: usize>() {
        for level in Level::available() {
            let group = GATES * level.tile().lanes;
            for (blocks, inputs) in (1..=9).flat_map(|blocks| (1..=13).map(move |n| (blocks, n))) {
                let of_gates = numbers(blocks * ROWS * group);
                let of_inputs = numbers(inputs * ROWS);
                let before = numbers(blocks * inputs * group);
                for (add, prefetches) in [(false, true), (true, false), (true, true)] {
                    let geometry = &geometry(level, blocks, prefetches);
                    let (gates, inputs, mut sums) = (&of_gates, &of_inputs, before.clone());
                    let products = OuterProducts::<GATES> {
                        geometry,
                        blocks,
                        rows: ROWS,
                        gates,
                        inputs,
                        sums: &mut sums,
                        add,
                    };
                    vectorize(level, products);
                    let inputs = inputs.len() / ROWS;
                    let expected = |at: usize| {
                        let (block, input) = (at / group / inputs, at / group % inputs);
                        let product = |row: usize| {
                            of_gates[(block * ROWS + row) * group + at % group]
                                * of_inputs[input * ROWS + row]
                        };
                        let start = if add { before[at] } else { 0.0 };
                        start + (0..ROWS).map(product).sum::<f32>()
                    };
                    let expected: Vec<f32> = (0..sums.len()).map(expected).collect();
                    assert_eq!(sums, expected, "{level:?} {blocks} {inputs} {add}");
                }
            }
        }
    }

    #[test]
    fn sums_of_four_gates_are_those_of_all_rows() {
        sums_are_those_of_all_rows::<4>();
    }

    #[test]
    fn sums_of_one_gate_are_those_of_all_rows() {
        sums_are_those_of_all_rows::<1>();
    }
}
