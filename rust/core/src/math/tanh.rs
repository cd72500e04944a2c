//! The hyperbolic tangent.
//!
//! In: any vector. Out: [`tanh`], and its difference from x.
//!
//! Identity: tanh |x| = t / (t + 1) with t = (e^(2|x|) - 1) / 2, which keeps its relative accuracy near
//! 0 without a case of its own. The sign of x is put back at the end.

use super::exp::half_expm1_twice;
use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// Coefficients of (x - tanh x) / x³ as a polynomial in x², constant first.
const SHRINK: [f32; 7] = [
    0.333_333_3,
    -0.133_331_31,
    0.053_935_03,
    -0.021_660_965,
    0.008_220_371,
    -0.002_511_638_2,
    4.210_629e-4,
];

/// tanh x, at most 2.7 ULP off for all inputs.
///
/// tanh(-x) is -tanh(x) bit for bit, also for 0; beyond 9.02 the result is 1 or -1, and before that it may
/// fall by two units where x rises.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let magnitude = x.abs();
    let t = half_expm1_twice(simd, magnitude);
    let one = S::f32s::splat(simd, 1.0);
    magnitude.simd_gt(10.0).select(one, t / (t + 1.0)).copysign(x)
}

/// x - tanh x, at most 5.4 ULP off for all inputs.
///
/// Where |x| < 1 the difference would cancel; there it is x³ p(x²). p is the minimax polynomial of degree
/// 6 for the relative error: Remez exchange, then one coefficient after the other rounded to `f32` with the
/// rest fitted again. The error of the polynomial is 6.3e-8.
#[inline(always)]
pub(super) fn tanh_shrink<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let w = x * x;
    let w2 = w * w;
    let low = w.mul_add(SHRINK[1], SHRINK[0]);
    let middle = w.mul_add(SHRINK[3], SHRINK[2]);
    let high = w2.mul_add(SHRINK[6], w.mul_add(SHRINK[5], SHRINK[4]));
    let p = w2.mul_add(w2.mul_add(high, middle), low);
    x.abs().simd_lt(1.0).select(x * w * p, x - tanh(simd, x))
}
