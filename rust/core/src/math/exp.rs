//! e^x and e^x - 1.
//!
//! In: any vector. Out: [`exp`], [`expm1`], and the reduction on which sigmoid and tanh are built.
//!
//! Identity: e^x = 2^n (1 + q) with n = round(x / ln 2), r = x - n ln 2 and q = e^r - 1. The sum
//! e^x - 1 = 2^n q + (2^n - 1) loses nothing near 0, because there n = 0.
//!
//! ln 2 is split in two parts (Cody and Waite); n times the first is exact, so the reduction needs no
//! fused multiply-add. q = r + r² p(r), where p is the minimax polynomial of degree 4 on |r| <= 0.34665
//! for the relative error of q: Remez exchange, then one coefficient after the other rounded to `f32`
//! with the rest fitted again. The error of the polynomial is 1.5e-8.

use super::bounds::clamp;
use fearless_simd::{Bytes, Select, Simd, SimdBase, SimdFloat};
use std::f32::consts::LOG2_E;

/// Adding this rounds to an integer and leaves the integer in the low bits.
const ROUND: f32 = 12_582_912.0;
/// First part of ln 2; it has 9 bits.
const LN2_HIGH: f32 = 0.693_359_4;
/// Second part of ln 2.
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Coefficients of p, constant first.
const P: [f32; 5] = [0.5, 0.166_665_32, 0.041_666_165, 0.008_368_035, 0.001_397_370_2];
/// What the exponent field of a float holds for 2^0.
const BIAS: f32 = 127.0;
/// Bits right of the exponent field.
const EXPONENT_SHIFT: u32 = 23;

/// e^x, at most 1.1 ULP off for all inputs.
///
/// Subnormal results are rounded, not flushed. 2^n is applied in two steps, as neither 2^-150 nor 2^128
/// is a normal number.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (n, q) = reduce(simd, clamp(simd, x, -150.0, 150.0), 2.0 * BIAS);
    let half = n >> 1;
    let first = power_of_two(simd, half);
    let second = power_of_two(simd, n - half);
    q.mul_add(first, first) * second
}

/// e^x - 1, at most 1.8 ULP off for all inputs.
///
/// Where |x| is tiny the result is x itself: half of a subnormal number may not exist.
#[inline(always)]
pub(crate) fn expm1<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let half = half_expm1(simd, clamp(simd, x, -30.0, 89.0));
    x.abs().simd_lt(1.0e-30).select(x, half + half)
}

/// (e^x - 1) / 2 for -30 <= x <= 89, which never overflows. A NaN stays one.
#[inline(always)]
fn half_expm1<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    half_of(simd, reduce(simd, x, BIAS - 1.0))
}

/// (e^2x - 1) / 2 for 0 <= x <= 44; anything beyond. A NaN stays one.
#[inline(always)]
pub(super) fn half_expm1_twice<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Rounding does not have to wait for the sum.
    let shifted = x.mul_add(2.0 * LOG2_E, ROUND + (BIAS - 1.0));
    half_of(simd, reduce_by(simd, x + x, shifted, BIAS - 1.0))
}

/// (e^x - 1) / 2 from n, with `BIAS - 1` added, and q.
#[inline(always)]
fn half_of<S: Simd>(simd: S, (n, q): (S::u32s, S::f32s)) -> S::f32s {
    let scale = power_of_two(simd, n);
    q.mul_add(scale, scale - 0.5)
}

/// n with `bias` added, in the low nine bits of each lane, and q; for |x| <= 150, anything beyond. A NaN
/// stays one in q.
#[inline(always)]
pub(super) fn reduce<S: Simd>(simd: S, x: S::f32s, bias: f32) -> (S::u32s, S::f32s) {
    reduce_by(simd, x, x.mul_add(LOG2_E, ROUND + bias), bias)
}

/// As [`reduce`], for x / ln 2 with `ROUND` and `bias` added.
#[inline(always)]
fn reduce_by<S: Simd>(_: S, x: S::f32s, shifted: S::f32s, bias: f32) -> (S::u32s, S::f32s) {
    let n = shifted - (ROUND + bias);
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let r2 = r * r;
    let low = r.mul_add(P[1], P[0]);
    let high = r2.mul_add(P[4], r.mul_add(P[3], P[2]));
    let q = r2.mul_add(r2.mul_add(high, low), r);
    (shifted.bitcast(), q)
}

/// 2^(n - 127) for n in the low nine bits of each lane, 1 to 254.
#[inline(always)]
pub(super) fn power_of_two<S: Simd>(_: S, n: S::u32s) -> S::f32s {
    (n << EXPONENT_SHIFT).bitcast()
}
