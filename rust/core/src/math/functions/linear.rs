//! Functions made of straight lines without ends.
//!
//! In: one vector and the function's parameters. Out: value and derivative. Products and sums are rounded one
//! by one, never fused, so that every level gives the same bits. Selections keep NaN, which `min` and `max`
//! may drop.

use super::super::bounds::at_least;
use super::super::differentiable::{Differentiable, Parameters, splat};
use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// x
#[derive(Clone, Copy)]
pub(in crate::math) struct Identity;

impl Differentiable for Identity {
    const PARAMETERS: Parameters = Parameters::Neither;

    #[inline(always)]
    fn new(_: f32, _: f32) -> Self {
        Self
    }

    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x
    }

    #[inline(always)]
    fn slope<S: Simd>(self, simd: S, _: S::f32s, _: S::f32s) -> S::f32s {
        splat(simd, 1.0)
    }
}

/// alpha x
#[derive(Clone, Copy)]
pub(in crate::math) struct Linear {
    alpha: f32,
}

impl Differentiable for Linear {
    const PARAMETERS: Parameters = Parameters::Alpha;

    #[inline(always)]
    fn new(alpha: f32, _: f32) -> Self {
        Self { alpha }
    }

    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x * self.alpha
    }

    #[inline(always)]
    fn slope<S: Simd>(self, simd: S, _: S::f32s, _: S::f32s) -> S::f32s {
        splat(simd, self.alpha)
    }
}

/// alpha x + beta
#[derive(Clone, Copy)]
pub(in crate::math) struct LinearWithBias {
    alpha: f32,
    beta: f32,
}

impl Differentiable for LinearWithBias {
    const PARAMETERS: Parameters = Parameters::AlphaAndBeta;

    #[inline(always)]
    fn new(alpha: f32, beta: f32) -> Self {
        Self { alpha, beta }
    }

    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x * self.alpha + self.beta
    }

    #[inline(always)]
    fn slope<S: Simd>(self, simd: S, _: S::f32s, _: S::f32s) -> S::f32s {
        splat(simd, self.alpha)
    }
}

/// max(x, 0)
#[derive(Clone, Copy)]
pub(in crate::math) struct RectifiedLinear;

impl Differentiable for RectifiedLinear {
    const PARAMETERS: Parameters = Parameters::Neither;

    #[inline(always)]
    fn new(_: f32, _: f32) -> Self {
        Self
    }

    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        at_least(simd, x, 0.0)
    }

    #[inline(always)]
    fn slope<S: Simd>(self, simd: S, x: S::f32s, _: S::f32s) -> S::f32s {
        x.simd_gt(0.0).select(splat(simd, 1.0), splat(simd, 0.0))
    }
}

/// alpha x below 0, else x
#[derive(Clone, Copy)]
pub(in crate::math) struct LeakyRectifiedLinear {
    alpha: f32,
}

impl Differentiable for LeakyRectifiedLinear {
    const PARAMETERS: Parameters = Parameters::Alpha;

    #[inline(always)]
    fn new(alpha: f32, _: f32) -> Self {
        Self { alpha }
    }

    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x.simd_lt(0.0).select(x * self.alpha, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(self, simd: S, x: S::f32s, _: S::f32s) -> S::f32s {
        x.simd_lt(0.0).select(splat(simd, self.alpha), splat(simd, 1.0))
    }
}

/// |x|
#[derive(Clone, Copy)]
pub(in crate::math) struct Abs;

impl Differentiable for Abs {
    const PARAMETERS: Parameters = Parameters::Neither;

    #[inline(always)]
    fn new(_: f32, _: f32) -> Self {
        Self
    }

    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x.abs()
    }

    #[inline(always)]
    fn slope<S: Simd>(self, simd: S, x: S::f32s, _: S::f32s) -> S::f32s {
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
