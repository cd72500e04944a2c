//! The register tile: multiply-add of a few rows with panels of weights.
//!
//! In: accumulators, rows of inputs, panels `[input][gate][lane]`. Out: the accumulators, increased by the
//! products. It knows neither what is summed nor where the accumulators come from.

use fearless_simd::{Simd, SimdBase, SimdFloat};

/// Accumulators `[row][block][gate]`, each one vector of hidden units.
pub(super) type Accumulators<S, const ROWS: usize, const BLOCKS: usize, const GATES: usize> =
    [[[<S as Simd>::f32s; GATES]; BLOCKS]; ROWS];

/// Add `input · weights` for each row, block and gate, inputs in ascending order.
///
/// Each row holds as many inputs as each panel; should one hold fewer, the sum ends there. The sums come
/// and go by value, so that they stay in registers in between.
#[inline(always)]
pub(super) fn accumulate<S: Simd, const ROWS: usize, const BLOCKS: usize, const GATES: usize>(
    simd: S,
    mut sums: Accumulators<S, ROWS, BLOCKS, GATES>,
    rows: [&[f32]; ROWS],
    panels: [&[f32]; BLOCKS],
) -> Accumulators<S, ROWS, BLOCKS, GATES> {
    let lanes = S::f32s::LEN;
    let inputs = rows[0].len();
    let mut rows = rows;
    for row in &mut rows {
        *row = &row[..inputs];
    }
    let mut weights = panels.map(|panel| panel.chunks_exact(GATES * lanes));
    for input in 0..inputs {
        let mut values = [S::f32s::splat(simd, 0.0); ROWS];
        for (value, row) in values.iter_mut().zip(&rows) {
            *value = S::f32s::splat(simd, row[input]);
        }
        for (block, weights) in weights.iter_mut().enumerate() {
            let Some(weights) = weights.next() else { return sums };
            for (gate, weights) in weights.chunks_exact(lanes).enumerate() {
                let weight = S::f32s::from_slice(simd, weights);
                for (value, sums) in values.iter().zip(sums.iter_mut()) {
                    sums[block][gate] = weight.mul_add(*value, sums[block][gate]);
                }
            }
        }
    }
    sums
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
