//! The logistic function.
//!
//! In: any vector. Out: [`sigmoid`], and its product with another vector.
//!
//! Identity: with e^-x = 2^n (1 + q) as in [`super::exp`] and k = floor(n / 2), the sigmoid
//! 1 / (1 + e^-x) is a / d for a = 2^-k and d = a + 2^(n - k) (1 + q). Neither power leaves the normal
//! numbers, so that the one division rounds subnormal results as well.

use super::exp::{power_of_two, reduce};
use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// Below this e^x is far less than any float; two powers of two still hold e^-x.
const LOWEST: f32 = -170.0;
/// Above this the sigmoid is 1.
const HIGHEST: f32 = 30.0;

/// 1 / (1 + e^-x), at most 2.5 ULP off for all inputs.
///
/// sigmoid(0) is exactly 0.5; subnormal results are rounded, not flushed.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (a, d) = fraction(simd, x);
    let one = S::f32s::splat(simd, 1.0);
    let within = x.simd_lt(LOWEST).select(S::f32s::splat(simd, 0.0), a / d);
    x.simd_gt(HIGHEST).select(one, within)
}

/// y / (1 + e^-x), which is 0 for any y, infinite or not, where the sigmoid of x is far below all floats.
#[inline(always)]
pub(super) fn times_sigmoid<S: Simd>(simd: S, y: S::f32s, x: S::f32s) -> S::f32s {
    let (a, d) = fraction(simd, x);
    let within = x.simd_lt(LOWEST).select(S::f32s::splat(simd, 0.0), y / d * a);
    x.simd_gt(HIGHEST).select(y, within)
}

/// a and d such that sigmoid(x) = a / d, where x lies between `LOWEST` and `HIGHEST`. Beyond, a / d may be
/// anything: callers replace their result there. Limiting x first would take one latency more.
#[inline(always)]
fn fraction<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let (n, q) = reduce(simd, -x, 254.0);
    let half = n >> 1;
    let a = power_of_two(simd, S::u32s::splat(simd, 254) - half);
    let b = power_of_two(simd, n - half);
    (a, a + q.mul_add(b, b))
}
