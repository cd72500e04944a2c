//! Derivatives of the activations.
//!
//! In: whole vectors of pre-activations. Out: the functions' values, as [`apply_slice`] gives them, and their
//! derivatives.
//!
//! At a kink the derivative is that of the branch which the formula takes: `x < 0 ... else` counts 0 to the
//! else branch; a bound that is reached counts as held, so the derivative is 0 there; |x| has 0 at 0. NaN
//! gives NaN.

use super::activation::{Activation, Elementwise, Function, apply_slice, each};
use super::exp::exp;
use super::sigmoid::sigmoid;
use super::tanh::tanh;
use fearless_simd::{Select, Simd, SimdBase};

/// First constant of SELU, as in Klambauer et al., arXiv 1706.02515.
const SELU_SCALE: f32 = 1.050_701;
/// Second constant of SELU.
const SELU_ALPHA: f32 = 1.673_263_2;

/// Replace pre-activations by activations, and set `derivatives` to the functions' derivatives there. Both
/// slices have the same length, a multiple of the lanes.
pub(crate) fn apply_with_derivative_slice<S: Simd>(
    simd: S,
    activation: Activation,
    values: &mut [f32],
    derivatives: &mut [f32],
) {
    derivatives.copy_from_slice(values);
    simd.vectorize(
        #[inline(always)]
        || each(simd, derivatives, Derivative(activation)),
    );
    apply_slice(simd, activation, values);
}

/// The derivative of an activation.
#[derive(Clone, Copy)]
struct Derivative(Activation);

impl Elementwise for Derivative {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let slope = match self.0.function {
            Function::Sigmoid
            | Function::Tanh
            | Function::ScaledTanh
            | Function::GELUApproximation
            | Function::Softplus
            | Function::Softsign
            | Function::LogSigmoid
            | Function::TanhShrink
            | Function::SiLU => smooth(simd, self.0, x),
            Function::ELU | Function::SELU | Function::CELU => exponential(simd, self.0, x),
            _ => piecewise(simd, self.0, x),
        };
        x.simd_eq(x).select(slope, x)
    }
}

/// Functions without a kink.
#[inline(always)]
fn smooth<S: Simd>(simd: S, activation: Activation, x: S::f32s) -> S::f32s {
    let Activation { function, alpha, beta } = activation;
    let one = S::f32s::splat(simd, 1.0);
    match function {
        Function::Sigmoid => sigmoid(simd, x) * sigmoid(simd, -x),
        Function::Tanh => sech_squared(simd, x),
        Function::ScaledTanh => sech_squared(simd, x * beta) * alpha * beta,
        Function::GELUApproximation => {
            let square = x * x;
            let inner = (x + x * square * beta) * alpha;
            let slope = (one + square * (3.0 * beta)) * alpha;
            let through = x * sech_squared(simd, inner) * slope;
            let steep = (one + tanh(simd, inner) + through) * 0.5;
            // Far out the tanh is saturated, and infinity times 0 would be no number.
            let is_far = (x.abs()).simd_gt(1e6);
            let flat = x.simd_gt(0.0).select(one, S::f32s::splat(simd, 0.0));
            is_far.select(flat, steep)
        }
        Function::Softplus => sigmoid(simd, x * beta) * alpha * beta,
        Function::Softsign => {
            let base = one / (one + x.abs());
            base * base
        }
        Function::LogSigmoid => sigmoid(simd, -x),
        Function::TanhShrink => {
            let t = tanh(simd, x);
            t * t
        }
        _ => {
            // x sigmoid(x): s (1 + x s(-x)), where x s(-x) goes to 0 for large x.
            let bounded = x.abs().simd_gt(1e4).select(S::f32s::splat(simd, 0.0), x);
            sigmoid(simd, x) * (one + bounded * sigmoid(simd, -x))
        }
    }
}

/// Functions with an exponential below 0.
#[inline(always)]
fn exponential<S: Simd>(simd: S, activation: Activation, x: S::f32s) -> S::f32s {
    let Activation { function, alpha, .. } = activation;
    let one = S::f32s::splat(simd, 1.0);
    let is_below = x.simd_lt(0.0);
    match function {
        Function::ELU => is_below.select(exp(simd, x) * alpha, one),
        Function::CELU => is_below.select(exp(simd, x / S::f32s::splat(simd, alpha)), one),
        _ => is_below.select(exp(simd, x) * SELU_ALPHA, one) * SELU_SCALE,
    }
}

/// Functions made of straight lines.
#[inline(always)]
fn piecewise<S: Simd>(simd: S, activation: Activation, x: S::f32s) -> S::f32s {
    let Activation { function, alpha, beta } = activation;
    let splat = |value: f32| S::f32s::splat(simd, value);
    let (zero, one) = (splat(0.0), splat(1.0));
    match function {
        Function::RectifiedLinear => x.simd_gt(0.0).select(one, zero),
        Function::LeakyRectifiedLinear => x.simd_lt(0.0).select(splat(alpha), one),
        Function::Abs => x.simd_gt(0.0).select(one, x.simd_lt(0.0).select(splat(-1.0), zero)),
        Function::Linear | Function::LinearWithBias => splat(alpha),
        Function::Clamp => {
            let above = x.simd_gt(alpha).select(one, zero);
            x.simd_lt(beta).select(above, zero)
        }
        Function::HardSigmoid => {
            let t = x * alpha + beta;
            let above = t.simd_gt(0.0).select(splat(alpha), zero);
            t.simd_lt(1.0).select(above, zero)
        }
        Function::ClampedLeakyRectifiedLinear => {
            let slope = x.simd_lt(0.0).select(splat(alpha), one);
            (slope * x).simd_lt(beta).select(slope, zero)
        }
        Function::HardShrink | Function::SoftShrink => {
            x.abs().simd_ge(alpha.abs()).select(one, zero)
        }
        Function::Threshold => x.simd_gt(alpha).select(one, zero),
        Function::HardSwish => {
            let between = (x + x + 3.0) / splat(6.0);
            let from_below = x.simd_gt(-3.0).select(between, zero);
            x.simd_lt(3.0).select(from_below, one)
        }
        _ => one,
    }
}

/// 1 - tanh², without cancellation: 4 s(2x) s(-2x).
#[inline(always)]
fn sech_squared<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let twice = x + x;
    sigmoid(simd, twice) * sigmoid(simd, -twice) * 4.0
}
