//! Values and derivatives of the activations.
//!
//! In: which function, its parameters, and a slice of pre-activations. Out: the function's values, bit for
//! bit those of [`super::apply_slice`], and its derivatives.
//!
//! At a kink the derivative is that of the branch into which the formula puts the point: "below 0, else"
//! counts 0 to the second branch. Where the formula says min or max, reaching the bound counts as being
//! held by it, so the derivative there is 0; that of |x| at 0 is 0. NaN gives NaN with every function;
//! infinity gives the limit, unless the formula multiplies it by a parameter that is zero.
//!
//! Where a product of two factors goes to 0, 1 - sigmoid(x) is computed as sigmoid(-x), which loses nothing
//! for large x. The gates' own sigmoid and tanh take their derivatives from their values.

use super::activation::{Activation, Elementwise, Visitor, select_function};
use super::bounds::{at_most, gated};
use super::exp::exp;
use super::piecewise::{
    Abs, Clamp, ClampedLeakyRectifiedLinear, HardShrink, HardSigmoid, HardSwish, Identity,
    LeakyRectifiedLinear, Linear, LinearWithBias, RectifiedLinear, SoftShrink, Softsign, Threshold,
};
use super::sigmoid::sigmoid;
use super::smooth::{
    Celu, Elu, GeluApproximation, LogSigmoid, SELU_SCALE, SELU_SCALE_ALPHA, ScaledTanh, Selu,
    Sigmoid, Silu, Softplus, Tanh, TanhShrink,
};
use super::tanh::tanh;
use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// A function whose derivative is known too. Implementations carry `#[inline(always)]`.
pub(super) trait Differentiable: Elementwise {
    /// The derivative in each lane, given x and the function's value there. What a NaN gives does not
    /// matter.
    fn slope<S: Simd>(self, simd: S, x: S::f32s, value: S::f32s) -> S::f32s;
}

/// Replace pre-activations by their activations, and fill `derivatives` with the derivatives there. Both
/// slices are of one length, a multiple of the lanes.
pub(crate) fn apply_with_derivative_slice<S: Simd>(
    simd: S,
    activation: Activation,
    values: &mut [f32],
    derivatives: &mut [f32],
) {
    debug_assert_eq!(values.len(), derivatives.len());
    simd.vectorize(
        #[inline(always)]
        || select_function(activation, ApplyWithDerivative { simd, values, derivatives }),
    );
}

/// Replace each vector of the values, and set the one of the derivatives.
struct ApplyWithDerivative<'v, S> {
    simd: S,
    values: &'v mut [f32],
    derivatives: &'v mut [f32],
}

impl<S: Simd> Visitor for ApplyWithDerivative<'_, S> {
    #[inline(always)]
    fn visit(self, function: impl Differentiable) {
        let Self { simd, values, derivatives } = self;
        let values = values.chunks_exact_mut(S::f32s::LEN);
        for (lanes, slopes) in values.zip(derivatives.chunks_exact_mut(S::f32s::LEN)) {
            let x = S::f32s::from_slice(simd, lanes);
            let value = function.at(simd, x);
            let slope = function.slope(simd, x, value);
            value.store_slice(lanes);
            x.simd_eq(x).select(slope, x).store_slice(slopes);
        }
    }
}

#[inline(always)]
fn splat<S: Simd>(simd: S, value: f32) -> S::f32s {
    S::f32s::splat(simd, value)
}

/// The derivative of a sigmoid, from its value: s (1 - s).
#[inline(always)]
pub(crate) fn sigmoid_slope<S: Simd>(simd: S, s: S::f32s) -> S::f32s {
    s * (splat(simd, 1.0) - s)
}

/// The derivative of a tanh, from its value: (1 - t)(1 + t). Near 1 both factors are exact or nearly so, while
/// 1 - t² would be off by up to 8.6e-5 of the result.
#[inline(always)]
pub(crate) fn tanh_slope<S: Simd>(simd: S, t: S::f32s) -> S::f32s {
    let one = splat(simd, 1.0);
    (one - t) * (one + t)
}

/// `slope` where x lies between both bounds, else 0.
#[inline(always)]
fn between<S: Simd>(simd: S, slope: S::f32s, x: S::f32s, (low, high): (f32, f32)) -> S::f32s {
    let zero = splat(simd, 0.0);
    x.simd_lt(high).select(x.simd_gt(low).select(slope, zero), zero)
}

/// 1 where |x| is at least |alpha|, else 0.
#[inline(always)]
fn outside<S: Simd>(simd: S, x: S::f32s, alpha: f32) -> S::f32s {
    x.abs().simd_ge(alpha.abs()).select(splat(simd, 1.0), splat(simd, 0.0))
}

/// Implement [`Differentiable`]: the function, the names of its arguments, the derivative.
macro_rules! slope {
    ($function:ty, |$this:pat_param, $simd:pat_param, $x:pat_param, $value:pat_param| $slope:expr) => {
        impl Differentiable for $function {
            #[inline(always)]
            fn slope<S: Simd>(self, simd: S, x: S::f32s, value: S::f32s) -> S::f32s {
                let ($this, $simd, $x, $value) = (self, simd, x, value);
                $slope
            }
        }
    };
}

slope!(Identity, |_, simd, _, _| splat(simd, 1.0));
slope!(Linear, |Linear { alpha }, simd, _, _| splat(simd, alpha));
slope!(LinearWithBias, |LinearWithBias { alpha, .. }, simd, _, _| splat(simd, alpha));

slope!(RectifiedLinear, |_, simd, x, _| {
    x.simd_gt(0.0).select(splat(simd, 1.0), splat(simd, 0.0))
});
slope!(LeakyRectifiedLinear, |LeakyRectifiedLinear { alpha }, simd, x, _| {
    x.simd_lt(0.0).select(splat(simd, alpha), splat(simd, 1.0))
});
slope!(ClampedLeakyRectifiedLinear, |Self { alpha, beta }, simd, x, _| {
    let slope = LeakyRectifiedLinear { alpha }.slope(simd, x, x);
    (slope * x).simd_lt(beta).select(slope, splat(simd, 0.0))
});
slope!(Abs, |_, simd, x, _| {
    x.simd_eq(0.0).select(splat(simd, 0.0), splat(simd, 1.0).copysign(x))
});
slope!(Clamp, |Clamp { alpha, beta }, simd, x, _| {
    between(simd, splat(simd, 1.0), x, (alpha, beta))
});
slope!(HardSigmoid, |HardSigmoid { alpha, beta }, simd, x, _| {
    between(simd, splat(simd, alpha), x * alpha + beta, (0.0, 1.0))
});
slope!(HardSwish, |_, simd, x, _| {
    let held = x.simd_ge(3.0).select(splat(simd, 1.0), splat(simd, 0.0));
    x.abs().simd_lt(3.0).select((x + x + 3.0) / 6.0, held)
});
slope!(HardShrink, |HardShrink { alpha }, simd, x, _| outside(simd, x, alpha));
slope!(SoftShrink, |SoftShrink { alpha }, simd, x, _| outside(simd, x, alpha));
slope!(Threshold, |Threshold { alpha, .. }, simd, x, _| {
    x.simd_gt(alpha).select(splat(simd, 1.0), splat(simd, 0.0))
});
slope!(Softsign, |_, simd, x, _| {
    let root = splat(simd, 1.0) / (x.abs() + 1.0);
    root * root
});

slope!(Sigmoid, |_, simd, _, s| sigmoid_slope(simd, s));
slope!(Tanh, |_, simd, _, t| tanh_slope(simd, t));
slope!(ScaledTanh, |ScaledTanh { alpha, beta }, simd, x, _| {
    tanh_slope(simd, tanh(simd, x * beta)) * (alpha * beta)
});
slope!(TanhShrink, |_, simd, x, _| {
    let t = tanh(simd, x);
    t * t
});
slope!(Softplus, |Softplus { alpha, beta }, simd, x, _| sigmoid(simd, x * beta) * (alpha * beta));
slope!(LogSigmoid, |_, simd, x, _| sigmoid(simd, -x));
slope!(Elu, |Elu { alpha }, simd, x, _| {
    x.simd_lt(0.0).select(exp(simd, x) * alpha, splat(simd, 1.0))
});
slope!(Selu, |_, simd, x, _| {
    x.simd_lt(0.0).select(exp(simd, x) * SELU_SCALE_ALPHA, splat(simd, SELU_SCALE))
});
slope!(Celu, |Celu { alpha }, simd, x, _| {
    x.simd_lt(0.0).select(exp(simd, x / alpha), splat(simd, 1.0))
});
slope!(Silu, |_, simd, x, _| {
    let s = sigmoid(simd, x);
    s + gated(simd, x, s * sigmoid(simd, -x))
});
// With z = 2 alpha x (1 + beta x²) the function is x sigmoid(z), so the derivative is
// sigmoid(z) + x sigmoid(z) sigmoid(-z) z'.
slope!(GeluApproximation, |GeluApproximation { alpha, beta }, simd, x, _| {
    let square = at_most(simd, x * x, f32::MAX);
    let z = x * (square * beta + 1.0) * (2.0 * alpha);
    let steepness = (square * (3.0 * beta) + 1.0) * (2.0 * alpha);
    let s = sigmoid(simd, z);
    s + gated(simd, x * steepness, s * sigmoid(simd, -z))
});
