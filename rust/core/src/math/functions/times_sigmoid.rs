//! Products of x and a sigmoid.
//!
//! In: one vector and the function's parameters. Out: value and derivative. Where a product of two factors goes
//! to 0, 1 - sigmoid(x) is computed as sigmoid(-x), which loses nothing for large x.

use super::super::bounds::times_or_zero;
use super::super::differentiable::{Differentiable, finite_square};
use super::super::sigmoid::{sigmoid, times_sigmoid};
use fearless_simd::Simd;

/// x sigmoid(x)
pub(in crate::math) struct SiLU;

impl Differentiable for SiLU {
    type Parameters = ();

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (): ()) -> S::f32s {
        times_sigmoid(simd, x, x)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (): ()) -> S::f32s {
        let s = sigmoid(simd, x);
        s + times_or_zero(simd, x, s * sigmoid(simd, -x))
    }
}

/// x/2 (1 + tanh(alpha (x + beta x³)))
///
/// Computed as x sigmoid(z) with z = 2 alpha x (1 + beta x²), which does not cancel for negative x. An error of z counts
/// as many times as z is great. The derivative is sigmoid(z) + x sigmoid(z) sigmoid(-z) z'.
pub(in crate::math) struct GELUApproximation;

impl Differentiable for GELUApproximation {
    type Parameters = (f32, f32);

    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        let inner = x * (finite_square(simd, x) * beta + 1.0);
        times_sigmoid(simd, x, inner * (2.0 * alpha))
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, x: S::f32s, _: S::f32s, (alpha, beta): (f32, f32)) -> S::f32s {
        let square = finite_square(simd, x);
        let z = x * (square * beta + 1.0) * (2.0 * alpha);
        let steepness = (square * (3.0 * beta) + 1.0) * (2.0 * alpha);
        let s = sigmoid(simd, z);
        s + times_or_zero(simd, x * steepness, s * sigmoid(simd, -z))
    }
}

#[cfg(test)]
pub(in crate::math) mod tests {
    use super::super::super::activation::Function;
    use super::super::super::tests::cases::{At, Case, Expected, exact_sigmoid, near};

    const INF: f32 = f32::INFINITY;

    /// What is known of each function.
    pub(in crate::math) fn cases() -> Vec<Case> {
        vec![
            Case {
                function: Function::SiLU,
                value: |At { x, .. }| near(x * exact_sigmoid(x)),
                limits: (0.0, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
            Case {
                function: Function::GELUApproximation,
                value: |At { a, b, x, .. }| {
                    // Rounding the summands of the argument changes the result the more, the greater they are
                    // and the farther the sigmoid is from 1.
                    let argument = a * (x + b * x.powi(3));
                    let cancelled = (a * x).abs().max((a * b * x.powi(3)).abs());
                    let slope = 1.0 - exact_sigmoid(2.0 * argument);
                    let bound = 6.0 + 8.0 * cancelled.min(1.0e9) * slope;
                    Expected { value: x * exact_sigmoid(2.0 * argument), summand: 0.0, bound }
                },
                limits: (0.0, INF),
                slope_limits: (0.0, 1.0),
                kinks: &[],
                is_of_lines: false,
                multiplies_before_it_compares: false,
            },
        ]
    }
}
