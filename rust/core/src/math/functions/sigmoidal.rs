//! Functions that go from one limit to another, and what is left of x without one.
//!
//! In: one vector and the function's parameters. Out: value and derivative. Results are as near as those of
//! sigmoid and tanh, with one more rounding for a product with alpha; beta x is rounded first, and is then a
//! float like any other x.

use super::super::bounds::at_most;
use super::super::differentiable::{Differentiable, sigmoid_slope, splat, tanh_slope};
use super::super::sigmoid::sigmoid;
use super::super::tanh::{tanh, tanh_shrink};
use fearless_simd::{Simd, SimdBase, SimdFloat};

/// 1 / (1 + e^-x)
pub(in crate::math) struct Sigmoid;

impl Differentiable for Sigmoid {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        sigmoid(simd, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, _: S::f32s, value: S::f32s, (): ()) -> S::f32s {
        sigmoid_slope(simd, value)
    }
}

/// tanh x
pub(in crate::math) struct Tanh;

impl Differentiable for Tanh {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        tanh(simd, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, _: S::f32s, value: S::f32s, (): ()) -> S::f32s {
        tanh_slope(simd, value)
    }
}

/// alpha tanh(beta x)
pub(in crate::math) struct ScaledTanh;

impl Differentiable for ScaledTanh {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        tanh(simd, x * beta) * alpha
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        tanh_slope(simd, tanh(simd, x * beta)) * (alpha * beta)
    }
}

/// x - tanh x
pub(in crate::math) struct TanhShrink;

impl Differentiable for TanhShrink {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        tanh_shrink(simd, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        let t = tanh(simd, x);
        t * t
    }
}

/// x / (1 + |x|)
pub(in crate::math) struct Softsign;

impl Differentiable for Softsign {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        let magnitude = at_most(simd, x.abs(), f32::MAX);
        (magnitude / (magnitude + 1.0)).copysign(x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        let root = splat(simd, 1.0) / (x.abs() + 1.0);
        root * root
    }
}

#[cfg(test)]
pub(in crate::math) mod tests {
    use super::super::super::activation::Function;
    use super::super::super::tests::cases::{At, Case, exact_sigmoid, near, sum};

    const INF: f32 = f32::INFINITY;

    /// What is known of each function.
    pub(in crate::math) fn cases() -> Vec<Case> {
        vec![
            Case {
                function: Function::Sigmoid,
                value: |At { x, .. }| near(exact_sigmoid(x)),
                limits: (0.0, 1.0),
                slope_limits: (0.0, 0.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::Tanh,
                value: |At { x, .. }| near(x.tanh()),
                limits: (-1.0, 1.0),
                slope_limits: (0.0, 0.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::ScaledTanh,
                value: |at| {
                    let At { a, .. } = at;
                    near(a * at.scaled().tanh())
                },
                limits: (-0.5, 0.5),
                slope_limits: (0.0, 0.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::TanhShrink,
                value: |At { x, .. }| sum(x - x.tanh(), x),
                limits: (-INF, INF),
                slope_limits: (1.0, 1.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::Softsign,
                value: |At { x, .. }| near(x / (1.0 + x.abs())),
                limits: (-1.0, 1.0),
                slope_limits: (0.0, 0.0),
                kinks: &[],
                is_of_lines: true,
                multiplies_before_it_compares: false,
            },
        ]
    }
}
