//! Functions made of straight lines that are held at a bound, or pass nothing below one.
//!
//! In: one vector and the function's parameters. Out: value and derivative. Rounding is that of `linear`.

use super::super::bounds::{at_most, clamp, times_or_zero};
use super::super::differentiable::{Differentiable, between, outside, splat};
use super::linear::LeakyRectifiedLinear;
use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// min(max(x, alpha), beta)
pub(in crate::math) struct Clamp;

impl Differentiable for Clamp {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        clamp(simd, x, alpha, beta)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        between(simd, splat(simd, 1.0), x, (alpha, beta))
    }
}

/// max(0, min(1, alpha x + beta))
pub(in crate::math) struct HardSigmoid;

impl Differentiable for HardSigmoid {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        clamp(simd, x * alpha + beta, 0.0, 1.0)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        between(simd, splat(simd, alpha), x * alpha + beta, (0.0, 1.0))
    }
}

/// x min(max(x + 3, 0), 6) / 6
pub(in crate::math) struct HardSwish;

impl Differentiable for HardSwish {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        times_or_zero(simd, x, clamp(simd, x + 3.0, 0.0, 6.0) / 6.0)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        let held = x.simd_ge(3.0).select(splat(simd, 1.0), splat(simd, 0.0));
        x.abs().simd_lt(3.0).select((x + x + 3.0) / 6.0, held)
    }
}

/// min(alpha x, beta) below 0, else min(x, beta)
pub(in crate::math) struct ClampedLeakyRectifiedLinear;

impl Differentiable for ClampedLeakyRectifiedLinear {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        at_most(simd, LeakyRectifiedLinear::at(simd, x, alpha), beta)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        let slope = LeakyRectifiedLinear::slope(simd, x, x, alpha);
        (slope * x).simd_lt(beta).select(slope, splat(simd, 0.0))
    }
}

/// 0 where |x| < |alpha|, else x
pub(in crate::math) struct HardShrink;

impl Differentiable for HardShrink {
    type Parameters = f32;

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, alpha: f32) -> S::f32s {
        x.abs().simd_lt(alpha.abs()).select(splat(simd, 0.0), x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, alpha: f32) -> S::f32s {
        outside(simd, x, alpha)
    }
}

/// 0 where |x| < |alpha|, else x - copysign(alpha, x)
pub(in crate::math) struct SoftShrink;

impl Differentiable for SoftShrink {
    type Parameters = f32;

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, alpha: f32) -> S::f32s {
        let nearer = x - splat(simd, alpha).copysign(x);
        x.abs().simd_lt(alpha.abs()).select(splat(simd, 0.0), nearer)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, alpha: f32) -> S::f32s {
        outside(simd, x, alpha)
    }
}

/// beta where x <= alpha, else x
pub(in crate::math) struct Threshold;

impl Differentiable for Threshold {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        x.simd_le(alpha).select(splat(simd, beta), x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (alpha, _): (f32, f32)) -> S::f32s {
        x.simd_gt(alpha).select(splat(simd, 1.0), splat(simd, 0.0))
    }
}

#[cfg(test)]
pub(in crate::math) mod tests {
    use super::super::super::activation::Function;
    use super::super::super::tests::cases::{At, Case, near, sum};

    const INF: f32 = f32::INFINITY;

    /// What is known of each function.
    pub(in crate::math) fn cases() -> Vec<Case> {
        vec![
            Case {
                function: Function::Clamp,
                value: |At { a, b, x, .. }| near(x.max(a).min(b)),
                limits: (0.5, 2.0),
                slope_limits: (0.0, 0.0),
                kinks: &[(-0.5, 0.5, -0.5, 0.0), (-0.5, 0.5, 0.5, 0.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::HardSigmoid,
                value: |At { a, b, x, .. }| {
                    sum((a * x + b).clamp(0.0, 1.0), (a * x).abs().max(b.abs()))
                },
                limits: (0.0, 1.0),
                slope_limits: (0.0, 0.0),
                kinks: &[(0.25, 0.5, -2.0, 0.0), (0.25, 0.5, 2.0, 0.0)],
                is_of_lines: true,
                multiplies_before_it_compares: true,
            },
            Case {
                function: Function::HardSwish,
                value: |At { x, .. }| near(x * ((x + 3.0).clamp(0.0, 6.0) / 6.0)),
                limits: (0.0, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[(0.0, 0.0, -3.0, 0.0), (0.0, 0.0, 3.0, 1.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::ClampedLeakyRectifiedLinear,
                value: |At { a, b, x, .. }| near((if x < 0.0 { a * x } else { x }).min(b)),
                limits: (-INF, 2.0),
                slope_limits: (0.5, 0.0),
                kinks: &[(0.25, 0.5, 0.0, 1.0), (0.25, 0.5, 0.5, 0.0), (0.25, -0.5, -2.0, 0.0)],
                is_of_lines: true,
                multiplies_before_it_compares: true,
            },
            Case {
                function: Function::HardShrink,
                value: |At { a, x, .. }| near(if x.abs() < a.abs() { 0.0 } else { x }),
                limits: (-INF, INF),
                slope_limits: (1.0, 1.0),
                kinks: &[(0.5, 0.0, -0.5, 1.0), (0.5, 0.0, 0.499, 0.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::SoftShrink,
                value: |At { a, x, .. }| {
                    sum(if x.abs() < a.abs() { 0.0 } else { x - a.copysign(x) }, x)
                },
                limits: (-INF, INF),
                slope_limits: (1.0, 1.0),
                kinks: &[(-0.5, 0.0, 0.5, 1.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::Threshold,
                value: |At { a, b, x, .. }| near(if x <= a { b } else { x }),
                limits: (2.0, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[(0.5, 0.25, 0.5, 0.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
        ]
    }
}
