//! What an activation is: a function of one vector, with its derivative.
//!
//! In: nothing. Out: [`Differentiable`], which each function in `functions` implements once, and what their
//! formulas share. It knows no function.

use super::bounds::at_most;
use fearless_simd::{Select, Simd, SimdBase};

/// What a formula asks for beside x: nothing, alpha, or alpha and beta.
pub(super) trait Parameters {
    /// Whether alpha and beta are among them.
    const ARE_USED: (bool, bool);

    /// Those of an activation; what is not used is dropped.
    fn of(alpha: f32, beta: f32) -> Self;
}

impl Parameters for () {
    const ARE_USED: (bool, bool) = (false, false);

    #[inline(always)]
    fn of(_: f32, _: f32) -> Self {}
}

/// Alpha.
impl Parameters for f32 {
    const ARE_USED: (bool, bool) = (true, false);

    #[inline(always)]
    fn of(alpha: f32, _: f32) -> Self {
        alpha
    }
}

/// Alpha and beta.
impl Parameters for (f32, f32) {
    const ARE_USED: (bool, bool) = (true, true);

    #[inline(always)]
    fn of(alpha: f32, beta: f32) -> Self {
        (alpha, beta)
    }
}

/// An element-wise function. Implementations of [`at`](Self::at) and [`slope`](Self::slope) carry
/// `#[inline(always)]`.
///
/// NaN gives NaN with every function. Infinity gives the limit, unless the formula multiplies it by a parameter
/// that is zero.
///
/// At a kink the derivative is that of the branch into which the formula puts the point: "below 0, else"
/// counts 0 to the second branch. Where the formula says min or max, reaching the bound counts as being
/// held by it, so the derivative there is 0; that of |x| at 0 is 0.
pub(super) trait Differentiable {
    /// Those that its formula has.
    type Parameters: Parameters + Copy;

    /// The value in each lane.
    fn at<S: Simd>(simd: S, x: S::f32s, parameters: Self::Parameters) -> S::f32s;

    /// The derivative in each lane, given x and the function's value there. What a NaN gives does not
    /// matter: whoever calls this replaces it.
    fn slope<S: Simd>(simd: S, x: S::f32s, value: S::f32s, parameters: Self::Parameters)
    -> S::f32s;
}

/// A value in all lanes.
#[inline(always)]
pub(super) fn splat<S: Simd>(simd: S, value: f32) -> S::f32s {
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
pub(super) fn between<S: Simd>(
    simd: S,
    slope: S::f32s,
    x: S::f32s,
    (low, high): (f32, f32),
) -> S::f32s {
    let zero = splat(simd, 0.0);
    x.simd_lt(high).select(x.simd_gt(low).select(slope, zero), zero)
}

/// 1 where |x| is at least |alpha|, else 0.
#[inline(always)]
pub(super) fn outside<S: Simd>(simd: S, x: S::f32s, alpha: f32) -> S::f32s {
    x.abs().simd_ge(alpha.abs()).select(splat(simd, 1.0), splat(simd, 0.0))
}

/// x², finite, so that a factor of 0 leaves 0.
#[inline(always)]
pub(super) fn finite_square<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    at_most(simd, x * x, f32::MAX)
}
