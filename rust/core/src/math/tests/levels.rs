//! The SIMD levels of the machine, and how a test runs a function at one of them.

use super::super::activation::{Activation, Elementwise, apply_slice, each};
use fearless_simd::{Level, dispatch};

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
pub(super) fn replace(level: Level, function: impl Elementwise, values: &mut [f32]) {
    assert_eq!(values.len() % MOST_LANES, 0);
    dispatch!(level, simd => each(simd, values, function));
}

/// The value of a function at one point.
pub(super) fn value(level: Level, function: impl Elementwise, x: f32) -> f32 {
    let mut values = [x; MOST_LANES];
    replace(level, function, &mut values);
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
