//! Bounds that let NaN through.
//!
//! In: any vector. Out: the vector with large or small lanes replaced. `min` and `max` of the SIMD library drop
//! a NaN at some levels. A comparison and a selection keep it at every level.

use fearless_simd::{Select, Simd, SimdBase};

/// `limit` where x is greater, else x.
#[inline(always)]
pub(super) fn at_most<S: Simd>(simd: S, x: S::f32s, limit: f32) -> S::f32s {
    x.simd_gt(limit).select(S::f32s::splat(simd, limit), x)
}

/// `limit` where x is less, else x.
#[inline(always)]
pub(super) fn at_least<S: Simd>(simd: S, x: S::f32s, limit: f32) -> S::f32s {
    x.simd_lt(limit).select(S::f32s::splat(simd, limit), x)
}

/// x, at least `low` and at most `high`.
#[inline(always)]
pub(crate) fn clamp<S: Simd>(simd: S, x: S::f32s, low: f32, high: f32) -> S::f32s {
    at_most(simd, at_least(simd, x, low), high)
}

/// x times a factor, but 0 where the factor is 0, though x may be infinite.
#[inline(always)]
pub(super) fn times_or_zero<S: Simd>(simd: S, x: S::f32s, factor: S::f32s) -> S::f32s {
    factor.simd_eq(0.0).select(S::f32s::splat(simd, 0.0), x * factor)
}
