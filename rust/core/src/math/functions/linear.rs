//! Functions made of straight lines without ends.
//!
//! In: one vector and the function's parameters. Out: value and derivative. Products and sums are rounded one
//! by one, never fused, so that every level gives the same bits. Selections keep NaN, which `min` and `max`
//! may drop.

use super::super::bounds::at_least;
use super::super::differentiable::{Differentiable, splat};
use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// x
pub(in crate::math) struct Identity;

impl Differentiable for Identity {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(_: S, x: S::f32s, (): ()) -> S::f32s {
        x
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, _: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        splat(simd, 1.0)
    }
}

/// alpha x
pub(in crate::math) struct Linear;

impl Differentiable for Linear {
    type Parameters = f32;

    #[inline(always)]
    fn at<S: Simd>(_: S, x: S::f32s, alpha: f32) -> S::f32s {
        x * alpha
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, _: S::f32s, _: S::f32s, alpha: f32) -> S::f32s {
        splat(simd, alpha)
    }
}

/// alpha x + beta
pub(in crate::math) struct LinearWithBias;

impl Differentiable for LinearWithBias {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(_: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        x * alpha + beta
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, _: S::f32s, _: S::f32s, (alpha, _): (f32, f32)) -> S::f32s {
        splat(simd, alpha)
    }
}

/// max(x, 0)
pub(in crate::math) struct RectifiedLinear;

impl Differentiable for RectifiedLinear {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        at_least(simd, x, 0.0)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        x.simd_gt(0.0).select(splat(simd, 1.0), splat(simd, 0.0))
    }
}

/// alpha x below 0, else x
pub(in crate::math) struct LeakyRectifiedLinear;

impl Differentiable for LeakyRectifiedLinear {
    type Parameters = f32;

    #[inline(always)]
    fn at<S: Simd>(_: S, x: S::f32s, alpha: f32) -> S::f32s {
        x.simd_lt(0.0).select(x * alpha, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, alpha: f32) -> S::f32s {
        x.simd_lt(0.0).select(splat(simd, alpha), splat(simd, 1.0))
    }
}

/// |x|
pub(in crate::math) struct Abs;

impl Differentiable for Abs {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(_: S, x: S::f32s, (): ()) -> S::f32s {
        x.abs()
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        x.simd_eq(0.0).select(splat(simd, 0.0), splat(simd, 1.0).copysign(x))
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
                function: Function::Identity,
                value: |At { x, .. }| near(x),
                limits: (-INF, INF),
                slope_limits: (1.0, 1.0),
                kinks: &[],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::Linear,
                value: |At { a, x, .. }| near(a * x),
                limits: (-INF, INF),
                slope_limits: (0.5, 0.5),
                kinks: &[],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::LinearWithBias,
                value: |At { a, b, x, .. }| sum(a * x + b, (a * x).abs().max(b.abs())),
                limits: (-INF, INF),
                slope_limits: (0.5, 0.5),
                kinks: &[],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::RectifiedLinear,
                value: |At { x, .. }| near(x.max(0.0)),
                limits: (0.0, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[(0.5, 2.0, 0.0, 0.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::LeakyRectifiedLinear,
                value: |At { a, x, .. }| near(if x < 0.0 { a * x } else { x }),
                limits: (-INF, INF),
                slope_limits: (0.5, 1.0),
                kinks: &[(0.5, 2.0, 0.0, 1.0), (0.5, 2.0, -0.0, 1.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::Abs,
                value: |At { x, .. }| near(x.abs()),
                limits: (INF, INF),
                slope_limits: (-1.0, 1.0),
                kinks: &[(0.5, 2.0, 0.0, 0.0), (0.5, 2.0, -0.0, 0.0)],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
        ]
    }
}
