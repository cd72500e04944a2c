//! Activations made of exponentials.
//!
//! In: one vector and the function's parameters. Out: the function's value.
//!
//! Results are as near as those of the functions in use, with one more rounding for a product with alpha.
//! An inner product is rounded first: beta x of a softplus is a float like any other x, and so is the
//! argument of the tanh in GELU, where an error counts as many times as the argument is great.

use super::activation::Elementwise;
use super::bounds::at_most;
use super::exp::expm1;
use super::log::{log_sigmoid, softplus};
use super::sigmoid::{sigmoid, times_sigmoid};
use super::tanh::{tanh, tanh_shrink};
use fearless_simd::{Select, Simd, SimdBase};

/// 1 / (1 + e^-x)
#[derive(Clone, Copy)]
pub(super) struct Sigmoid;

impl Elementwise for Sigmoid {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        sigmoid(simd, x)
    }
}

/// tanh x
#[derive(Clone, Copy)]
pub(super) struct Tanh;

impl Elementwise for Tanh {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        tanh(simd, x)
    }
}

/// alpha tanh(beta x)
#[derive(Clone, Copy)]
pub(super) struct ScaledTanh {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for ScaledTanh {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        tanh(simd, x * self.beta) * self.alpha
    }
}

/// x/2 (1 + tanh(alpha (x + beta x³)))
///
/// Computed as x sigmoid(2 alpha x (1 + beta x²)), which does not cancel for negative x.
#[derive(Clone, Copy)]
pub(super) struct GeluApproximation {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for GeluApproximation {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        // Finite, so that beta = 0 leaves 1.
        let square = at_most(simd, x * x, f32::MAX);
        let inner = x * (square * self.beta + 1.0);
        times_sigmoid(simd, x, inner * (2.0 * self.alpha))
    }
}

/// alpha log(1 + e^(beta x))
#[derive(Clone, Copy)]
pub(super) struct Softplus {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for Softplus {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        softplus(simd, x * self.beta) * self.alpha
    }
}

/// alpha (e^x - 1) below 0, else x
#[derive(Clone, Copy)]
pub(super) struct Elu {
    pub(super) alpha: f32,
}

impl Elementwise for Elu {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        x.simd_lt(0.0).select(expm1(simd, x) * self.alpha, x)
    }
}

/// log(sigmoid(x))
#[derive(Clone, Copy)]
pub(super) struct LogSigmoid;

impl Elementwise for LogSigmoid {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        log_sigmoid(simd, x)
    }
}

/// The self-normalising ELU.
#[derive(Clone, Copy)]
pub(super) struct Selu;

/// Its factor above 0.
pub(super) const SELU_SCALE: f32 = 1.050_701;
/// Its factor below 0: the product of both published constants.
pub(super) const SELU_SCALE_ALPHA: f32 = 1.758_099_3;

impl Elementwise for Selu {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        x.simd_lt(0.0).select(expm1(simd, x) * SELU_SCALE_ALPHA, x * SELU_SCALE)
    }
}

/// alpha (e^(x / alpha) - 1) below 0, else x
#[derive(Clone, Copy)]
pub(super) struct Celu {
    pub(super) alpha: f32,
}

impl Elementwise for Celu {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        x.simd_lt(0.0).select(expm1(simd, x / self.alpha) * self.alpha, x)
    }
}

/// x - tanh x
#[derive(Clone, Copy)]
pub(super) struct TanhShrink;

impl Elementwise for TanhShrink {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        tanh_shrink(simd, x)
    }
}

/// x sigmoid(x)
#[derive(Clone, Copy)]
pub(super) struct Silu;

impl Elementwise for Silu {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        times_sigmoid(simd, x, x)
    }
}
