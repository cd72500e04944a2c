//! Functions made of exponentials that grow as x does.
//!
//! In: one vector and the function's parameters. Out: value and derivative. Results are as near as those of
//! the functions in use, with one more rounding for a product with alpha; an inner product is rounded first.

use super::super::differentiable::{Differentiable, splat};
use super::super::exp::{exp, expm1};
use super::super::log::{log_sigmoid, softplus};
use super::super::sigmoid::sigmoid;
use fearless_simd::{Select, Simd, SimdBase};

/// The factor of a SELU above 0.
const SELU_SCALE: f32 = 1.050_701;
/// Its factor below 0: the product of both published constants.
const SELU_SCALE_ALPHA: f32 = 1.758_099_3;

/// alpha log(1 + e^(beta x))
pub(in crate::math) struct Softplus;

impl Differentiable for Softplus {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        softplus(simd, x * beta) * alpha
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        sigmoid(simd, x * beta) * (alpha * beta)
    }
}

/// log(sigmoid(x))
pub(in crate::math) struct LogSigmoid;

impl Differentiable for LogSigmoid {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        log_sigmoid(simd, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        sigmoid(simd, -x)
    }
}

/// alpha (e^x - 1) below 0, else x
#[expect(clippy::upper_case_acronyms, reason = "Apple's name")]
pub(in crate::math) struct ELU;

impl Differentiable for ELU {
    type Parameters = f32;

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, alpha: f32) -> S::f32s {
        x.simd_lt(0.0).select(expm1(simd, x) * alpha, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, alpha: f32) -> S::f32s {
        x.simd_lt(0.0).select(exp(simd, x) * alpha, splat(simd, 1.0))
    }
}

/// The self-normalising ELU: alpha (e^x - 1) below 0, else x, times a scale, with two published constants
#[expect(clippy::upper_case_acronyms, reason = "Apple's name")]
pub(in crate::math) struct SELU;

impl Differentiable for SELU {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        x.simd_lt(0.0).select(expm1(simd, x) * SELU_SCALE_ALPHA, x * SELU_SCALE)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        x.simd_lt(0.0).select(exp(simd, x) * SELU_SCALE_ALPHA, splat(simd, SELU_SCALE))
    }
}

/// alpha (e^(x / alpha) - 1) below 0, else x
#[expect(clippy::upper_case_acronyms, reason = "Apple's name")]
pub(in crate::math) struct CELU;

impl Differentiable for CELU {
    type Parameters = f32;

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, alpha: f32) -> S::f32s {
        x.simd_lt(0.0).select(expm1(simd, x / alpha) * alpha, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, alpha: f32) -> S::f32s {
        x.simd_lt(0.0).select(exp(simd, x / alpha), splat(simd, 1.0))
    }
}

#[cfg(test)]
pub(in crate::math) mod tests {
    use super::super::super::activation::Function;
    use super::super::super::tests::cases::{At, Case, Expected, exact_softplus, near};
    use super::{SELU_SCALE, SELU_SCALE_ALPHA};

    const INF: f32 = f32::INFINITY;

    /// What is known of each function.
    pub(in crate::math) fn cases() -> Vec<Case> {
        vec![
            Case {
                function: Function::Softplus,
                value: |at| {
                    let At { a, .. } = at;
                    // Where the logarithm is subnormal, alpha multiplies its rounding.
                    let least = a.abs() * f64::from(f32::MIN_POSITIVE);
                    Expected { value: a * exact_softplus(at.scaled()), summand: least, bound: 6.0 }
                },
                limits: (0.0, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::LogSigmoid,
                value: |At { x, .. }| near(-exact_softplus(-x)),
                limits: (-INF, 0.0),
                slope_limits: (1.0, 0.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::ELU,
                value: |At { a, x, .. }| near(if x < 0.0 { a * x.exp_m1() } else { x }),
                limits: (-0.5, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[(0.7, 0.0, 0.0, 1.0)],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::SELU,
                value: |At { x, .. }| {
                    let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
                    near(scale * if x < 0.0 { alpha * x.exp_m1() } else { x })
                },
                limits: (-SELU_SCALE_ALPHA, INF),
                slope_limits: (0.0, SELU_SCALE),
                kinks: &[(0.0, 0.0, 0.0, SELU_SCALE)],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::CELU,
                value: |at| {
                    let At { a, x, .. } = at;
                    // Infinite where no float is as great.
                    let value = at.divided().exp_m1();
                    let value = if value > f64::from(f32::MAX) { f64::INFINITY } else { value };
                    near(if x < 0.0 { a * value } else { x })
                },
                limits: (-0.5, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[(0.7, 0.0, 0.0, 1.0)],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
        ]
    }
}
