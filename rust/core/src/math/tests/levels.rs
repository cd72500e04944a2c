//! The SIMD levels of the machine, and how a test runs a function at one of them.

use super::super::activation::{Activation, apply_slice};
use super::super::differentiable::Differentiable;
use fearless_simd::{Level, Simd, SimdBase, dispatch};

/// A function of one vector.
pub(super) trait Elementwise {
    /// The value in each lane.
    fn at<S: Simd>(simd: S, x: S::f32s) -> S::f32s;
}

impl<F: Differentiable<Parameters = ()>> Elementwise for F {
    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        <F as Differentiable>::at(simd, x, ())
    }
}

/// Replace each vector of a slice.
#[inline(always)]
fn each<F: Elementwise, S: Simd>(simd: S, values: &mut [f32]) {
    for lanes in values.chunks_exact_mut(S::f32s::LEN) {
        let x = S::f32s::from_slice(simd, lanes);
        F::at(simd, x).store_slice(lanes);
    }
}

/// All levels, slowest first, each with its name. `Level::new` is the best of the machine; its `as_…`
/// methods give the tokens of the levels that it includes.
pub(super) fn levels() -> Vec<(&'static str, Level)> {
    let mut levels = vec![("fallback", Level::fallback())];
    let best = Level::new();
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        levels.extend(best.as_sse2().map(|token| ("sse2", Level::Sse2(token))));
        levels.extend(best.as_sse4_2().map(|token| ("sse4.2", Level::Sse4_2(token))));
        levels.extend(best.as_avx2().map(|token| ("avx2", Level::Avx2(token))));
        levels.extend(best.as_avx512().map(|token| ("avx512", Level::Avx512(token))));
    }
    #[cfg(target_arch = "aarch64")]
    levels.extend(best.as_neon().map(|token| ("neon", Level::Neon(token))));
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    levels.push(("best", best));
    levels
}

/// The most lanes of any level; slices of tests are a multiple of it.
pub(super) const MOST_LANES: usize = 16;

/// Replace each value by the function's, at a level.
pub(super) fn replace<F: Elementwise>(level: Level, values: &mut [f32]) {
    assert_eq!(values.len() % MOST_LANES, 0);
    dispatch!(level, simd => each::<F, _>(simd, values));
}

/// The value of a function at one point.
pub(super) fn value<F: Elementwise>(level: Level, x: f32) -> f32 {
    let mut values = [x; MOST_LANES];
    replace::<F>(level, &mut values);
    values[0]
}

/// The values of an activation at some points.
pub(super) fn activate(level: Level, activation: Activation, inputs: &[f32]) -> Vec<f32> {
    let mut values = inputs.to_vec();
    values.resize(inputs.len().next_multiple_of(MOST_LANES), 0.0);
    dispatch!(level, simd => apply_slice(simd, activation, &mut values));
    values.truncate(inputs.len());
    values
}
