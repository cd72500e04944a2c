//! Activations made of straight lines and hyperbolas.
//!
//! In: one vector and the function's parameters. Out: the function's value. Products and sums are rounded
//! one by one, never fused, so that every level gives the same bits. Selections keep NaN, which `min` and
//! `max` may drop.

use super::activation::Elementwise;
use super::bounds::{at_least, at_most, clamp, gated};
use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// x
#[derive(Clone, Copy)]
pub(super) struct Identity;

impl Elementwise for Identity {
    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x
    }
}

/// max(x, 0)
#[derive(Clone, Copy)]
pub(super) struct RectifiedLinear;

impl Elementwise for RectifiedLinear {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        at_least(simd, x, 0.0)
    }
}

/// alpha x below 0, else x
#[derive(Clone, Copy)]
pub(super) struct LeakyRectifiedLinear {
    pub(super) alpha: f32,
}

impl Elementwise for LeakyRectifiedLinear {
    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x.simd_lt(0.0).select(x * self.alpha, x)
    }
}

/// |x|
#[derive(Clone, Copy)]
pub(super) struct Abs;

impl Elementwise for Abs {
    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x.abs()
    }
}

/// alpha x
#[derive(Clone, Copy)]
pub(super) struct Linear {
    pub(super) alpha: f32,
}

impl Elementwise for Linear {
    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x * self.alpha
    }
}

/// alpha x + beta
#[derive(Clone, Copy)]
pub(super) struct LinearWithBias {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for LinearWithBias {
    #[inline(always)]
    fn at<S: Simd>(self, _: S, x: S::f32s) -> S::f32s {
        x * self.alpha + self.beta
    }
}

/// min(max(x, alpha), beta)
#[derive(Clone, Copy)]
pub(super) struct Clamp {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for Clamp {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        clamp(simd, x, self.alpha, self.beta)
    }
}

/// max(0, min(1, alpha x + beta))
#[derive(Clone, Copy)]
pub(super) struct HardSigmoid {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for HardSigmoid {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        clamp(simd, x * self.alpha + self.beta, 0.0, 1.0)
    }
}

/// x / (1 + |x|)
#[derive(Clone, Copy)]
pub(super) struct Softsign;

impl Elementwise for Softsign {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let magnitude = at_most(simd, x.abs(), f32::MAX);
        (magnitude / (magnitude + 1.0)).copysign(x)
    }
}

/// min(alpha x, beta) below 0, else min(x, beta)
#[derive(Clone, Copy)]
pub(super) struct ClampedLeakyRectifiedLinear {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for ClampedLeakyRectifiedLinear {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let leaky = LeakyRectifiedLinear { alpha: self.alpha }.at(simd, x);
        at_most(simd, leaky, self.beta)
    }
}

/// 0 where |x| < |alpha|, else x
#[derive(Clone, Copy)]
pub(super) struct HardShrink {
    pub(super) alpha: f32,
}

impl Elementwise for HardShrink {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        x.abs().simd_lt(self.alpha.abs()).select(S::f32s::splat(simd, 0.0), x)
    }
}

/// 0 where |x| < |alpha|, else x - copysign(alpha, x)
#[derive(Clone, Copy)]
pub(super) struct SoftShrink {
    pub(super) alpha: f32,
}

impl Elementwise for SoftShrink {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let nearer = x - S::f32s::splat(simd, self.alpha).copysign(x);
        x.abs().simd_lt(self.alpha.abs()).select(S::f32s::splat(simd, 0.0), nearer)
    }
}

/// beta where x <= alpha, else x
#[derive(Clone, Copy)]
pub(super) struct Threshold {
    pub(super) alpha: f32,
    pub(super) beta: f32,
}

impl Elementwise for Threshold {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        x.simd_le(self.alpha).select(S::f32s::splat(simd, self.beta), x)
    }
}

/// x min(max(x + 3, 0), 6) / 6
#[derive(Clone, Copy)]
pub(super) struct HardSwish;

impl Elementwise for HardSwish {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        gated(simd, x, clamp(simd, x + 3.0, 0.0, 6.0) / 6.0)
    }
}
