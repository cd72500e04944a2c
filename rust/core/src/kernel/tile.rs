//! The register tile: multiply-add of a few rows with panels of weights.
//!
//! In: accumulators, rows of inputs, panels `[input][gate][lane]`, weights to prefetch. Out: the accumulators,
//! increased by the products. It does not know what is summed; of where sums come from and go to it knows
//! rows at a pitch only.
//!
//! Why tiles: a vector of weights that was loaded once serves all rows of the tile, and sums that do not
//! depend on each other hide how long a multiply-add takes. The sizes are constants, so that the compiler
//! unrolls all loops but those over inputs and keeps the sums in registers.

use super::vector::{load, store};
use crate::gate::Gate;
use crate::tuning::LINE_FLOATS;
use fearless_simd::{Simd, SimdBase, SimdFloat};
use std::hint::black_box;

/// Accumulators `[row][block][gate]`, each one vector of hidden units.
pub(super) type Accumulators<S, const ROWS: usize, const BLOCKS: usize, const GATES: usize> =
    [[[<S as Simd>::f32s; GATES]; BLOCKS]; ROWS];

/// The accumulators of all four gates.
pub(super) type GateAccumulators<S, const ROWS: usize, const BLOCKS: usize> =
    Accumulators<S, ROWS, BLOCKS, { Gate::COUNT }>;

/// Add `input · weights` for each row, block and gate, inputs in ascending order.
///
/// Each row holds as many inputs as each panel; should one hold fewer, the sum ends there. The sums come
/// and go by value, so that they stay in registers in between. `prefetch` is read meanwhile,
/// see [`Prefetch`](super::prefetch::Prefetch); several blocks at a time, those of a single row, read nothing.
#[inline(always)]
pub(super) fn accumulate<S: Simd, const ROWS: usize, const BLOCKS: usize, const GATES: usize>(
    simd: S,
    sums: Accumulators<S, ROWS, BLOCKS, GATES>,
    rows: [&[f32]; ROWS],
    panels: [&[f32]; BLOCKS],
    prefetch: &[f32],
) -> Accumulators<S, ROWS, BLOCKS, GATES> {
    let inputs = rows[0].len();
    // All of one length, which the compiler sees, so that it checks no index in the loops.
    let mut rows = rows;
    for row in &mut rows {
        *row = &row[..inputs];
    }
    if BLOCKS == 1 {
        return accumulate_block(simd, sums, rows, panels[0], prefetch);
    }
    let stride = GATES * S::f32s::LEN;
    let mut sums = sums;
    let mut panels = panels;
    for panel in &mut panels {
        *panel = &panel[..inputs * stride];
    }
    // Panels are cut from their fronts, so that no place in them is computed.
    for input in 0..inputs {
        let values = splat(simd, &rows, input);
        for (block, panel) in panels.iter_mut().enumerate() {
            let (weights, rest) = panel.split_at(stride);
            sums = add_products(simd, sums, values, (block, weights));
            *panel = rest;
        }
    }
    sums
}

/// As [`accumulate`], for one block. No loop ends before its last input: where one may, the compiler keeps
/// values that are needed after it in registers, sums are spilled, and the loop takes a third longer.
#[inline(always)]
fn accumulate_block<S: Simd, const ROWS: usize, const BLOCKS: usize, const GATES: usize>(
    simd: S,
    mut sums: Accumulators<S, ROWS, BLOCKS, GATES>,
    rows: [&[f32]; ROWS],
    panel: &[f32],
    prefetch: &[f32],
) -> Accumulators<S, ROWS, BLOCKS, GATES> {
    let stride = GATES * S::f32s::LEN;
    let inputs = rows[0].len();
    // One line with each of the first inputs; the loop over the others has nothing to read.
    let lines = prefetch.chunks_exact(LINE_FLOATS);
    let reading = lines.len().min(inputs);
    let (first, rest) = panel.split_at((reading * stride).min(panel.len()));
    let mut read = 0;
    for ((input, weights), line) in (0..reading).zip(first.chunks_exact(stride)).zip(lines) {
        read ^= line[0].to_bits();
        sums = add_products(simd, sums, splat(simd, &rows, input), (0, weights));
    }
    // Nobody needs the floats that were read; without this the compiler would not read them.
    black_box(read);
    for (input, weights) in (reading..inputs).zip(rest.chunks_exact(stride)) {
        sums = add_products(simd, sums, splat(simd, &rows, input), (0, weights));
    }
    sums
}

/// One input of each row, in all lanes.
#[inline(always)]
fn splat<S: Simd, const ROWS: usize>(
    simd: S,
    rows: &[&[f32]; ROWS],
    input: usize,
) -> [S::f32s; ROWS] {
    let mut values = [S::f32s::splat(simd, 0.0); ROWS];
    for (value, row) in values.iter_mut().zip(rows) {
        *value = S::f32s::splat(simd, row[input]);
    }
    values
}

/// Add an input of each row times its weights in one block, `[gate][lane]`.
#[inline(always)]
fn add_products<S: Simd, const ROWS: usize, const BLOCKS: usize, const GATES: usize>(
    simd: S,
    mut sums: Accumulators<S, ROWS, BLOCKS, GATES>,
    values: [S::f32s; ROWS],
    (block, weights): (usize, &[f32]),
) -> Accumulators<S, ROWS, BLOCKS, GATES> {
    for (gate, weights) in weights.chunks_exact(S::f32s::LEN).enumerate() {
        let weight = S::f32s::from_slice(simd, weights);
        for (value, sums) in values.iter().zip(sums.iter_mut()) {
            sums[block][gate] = weight.mul_add(*value, sums[block][gate]);
        }
    }
    sums
}

/// The sums of a tile from its rows, `pitch` floats apart, the first from `start` on.
#[inline(always)]
pub(super) fn load_sums<S: Simd, const ROWS: usize, const BLOCKS: usize, const GATES: usize>(
    simd: S,
    floats: &[f32],
    start: usize,
    pitch: usize,
) -> Accumulators<S, ROWS, BLOCKS, GATES> {
    let lanes = S::f32s::LEN;
    let mut sums = [[[S::f32s::splat(simd, 0.0); GATES]; BLOCKS]; ROWS];
    for (row, blocks) in sums.iter_mut().enumerate() {
        for (index, sum) in blocks.iter_mut().flatten().enumerate() {
            *sum = load(simd, floats, start + row * pitch + index * lanes);
        }
    }
    sums
}

/// The sums of a tile to its rows, `pitch` floats apart, the first from `start` on.
#[inline(always)]
pub(super) fn store_sums<S: Simd, const ROWS: usize, const BLOCKS: usize, const GATES: usize>(
    sums: &Accumulators<S, ROWS, BLOCKS, GATES>,
    floats: &mut [f32],
    start: usize,
    pitch: usize,
) {
    for (row, blocks) in sums.iter().enumerate() {
        for (index, sum) in blocks.iter().flatten().enumerate() {
            store::<S>(*sum, floats, start + row * pitch + index * S::f32s::LEN);
        }
    }
}

/// The panels of `BLOCKS` blocks of `block_floats` floats each, from block `first` on.
#[inline(always)]
pub(super) fn block_panels<const BLOCKS: usize>(
    weights: &[f32],
    block_floats: usize,
    first: usize,
) -> [&[f32]; BLOCKS] {
    let mut panels: [&[f32]; BLOCKS] = [&[]; BLOCKS];
    for (index, panel) in panels.iter_mut().enumerate() {
        *panel = &weights[(first + index) * block_floats..][..block_floats];
    }
    panels
}
