//! Logarithms of 1 + e^x.
//!
//! In: any vector. Out: [`softplus`] and [`log_sigmoid`].
//!
//! Identity: log(1 + e^x) = max(x, 0) + log(1 + t) with t = e^-|x|, which is at most 1. With
//! s = 2t / (2 + t) the logarithm is 2 artanh(s / 2) = s + s³ p(s²), relatively accurate down to the
//! smallest t. p is the minimax polynomial of degree 3 on s <= 2/3 for the relative error of the
//! logarithm: Remez exchange, then one coefficient after the other rounded to `f32` with the rest fitted
//! again. The error of the polynomial is 4.5e-9.

use super::bounds::{at_least, at_most};
use super::exp::exp;
use fearless_simd::{Simd, SimdBase, SimdFloat};

/// Coefficients of p, constant first.
const P: [f32; 4] = [0.083_333_02, 0.012_506_7, 0.002_187_736_3, 5.470_075_4e-4];

/// log(1 + e^x), at most 2.9 ULP off for all inputs.
#[inline(always)]
pub(super) fn softplus<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    at_least(simd, x, 0.0) + log1p_exp(simd, x)
}

/// log(1 / (1 + e^-x)), at most 2.9 ULP off for all inputs.
#[inline(always)]
pub(super) fn log_sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    at_most(simd, x, 0.0) - log1p_exp(simd, x)
}

/// log(1 + e^-|x|).
#[inline(always)]
fn log1p_exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let t = exp(simd, -x.abs());
    let s = (t + t) / (t + 2.0);
    let w = s * s;
    let low = w.mul_add(P[1], P[0]);
    let high = w.mul_add(P[3], P[2]);
    let p = (w * w).mul_add(high, low);
    (s * w).mul_add(p, s)
}
