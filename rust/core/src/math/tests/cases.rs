//! What the tests know of a function; the rows stand with the functions.

use super::super::activation::{Activation, Function};
use super::ulps::{ulps, unit};

/// One function.
#[derive(Clone)]
pub(in crate::math) struct Case {
    pub(in crate::math) function: Function,
    /// The formula in `f64`.
    pub(in crate::math) value: fn(At) -> Expected,
    /// At minus and plus infinity, with alpha 0.5 and beta 2.
    pub(in crate::math) limits: (f32, f32),
    /// The derivative there.
    #[cfg_attr(not(testkit), allow(dead_code, reason = "only tests with the testkit ask"))]
    pub(in crate::math) slope_limits: (f32, f32),
    /// Alpha, beta, a kink, the derivative there.
    #[cfg_attr(not(testkit), allow(dead_code, reason = "only tests with the testkit ask"))]
    pub(in crate::math) kinks: &'static [(f32, f32, f32, f32)],
    /// Made of straight lines and hyperbolas: the same bits at every level.
    pub(in crate::math) is_of_lines: bool,
    /// Near a kink, rounding may put a point on the other side.
    #[cfg_attr(not(testkit), allow(dead_code, reason = "only tests with the testkit ask"))]
    pub(in crate::math) multiplies_before_it_compares: bool,
}

/// Where a formula is asked.
#[derive(Clone, Copy)]
pub(in crate::math) struct At {
    pub(in crate::math) a: f64,
    pub(in crate::math) b: f64,
    pub(in crate::math) x: f64,
    alpha: f32,
    beta: f32,
    point: f32,
}

impl At {
    pub(super) fn new(activation: Activation, point: f32) -> Self {
        let Activation { alpha, beta, .. } = activation;
        Self { a: alpha.into(), b: beta.into(), x: point.into(), alpha, beta, point }
    }

    /// beta x, rounded to `f32` as functions do.
    pub(in crate::math) fn scaled(self) -> f64 {
        f64::from(self.point * self.beta)
    }

    /// x / alpha, rounded to `f32` as functions do.
    pub(in crate::math) fn divided(self) -> f64 {
        f64::from(self.point / self.alpha)
    }
}

/// What a function gives.
pub(in crate::math) struct Expected {
    /// The formula's value.
    pub(in crate::math) value: f64,
    /// The greatest summand of a sum that may cancel; 0 without such a sum.
    pub(in crate::math) summand: f64,
    /// How many units in the last place, of the greater of both, the result may be off.
    pub(in crate::math) bound: f64,
}

impl Expected {
    /// Whether a result is near enough.
    pub(super) fn allows(&self, actual: f32) -> bool {
        ulps(actual, self.value) <= self.bound
            || (f64::from(actual) - self.value).abs() <= unit(self.summand) * self.bound
    }
}

/// Without a sum that may cancel.
pub(in crate::math) fn near(value: f64) -> Expected {
    Expected { value, summand: 0.0, bound: 6.0 }
}

/// The result of a sum whose greatest summand is known.
pub(in crate::math) fn sum(value: f64, summand: f64) -> Expected {
    Expected { value, summand: summand.abs(), bound: 3.0 }
}

pub(in crate::math) fn exact_sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(in crate::math) fn exact_softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
