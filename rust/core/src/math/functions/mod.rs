//! The functions, each in one place: formula, value, derivative, the parameters that it uses, and what its
//! tests know of it.
//!
//! In: one vector and the function's parameters. Out: value and derivative. A function does not know what it is
//! applied to.

mod bounded;
mod exponential;
mod linear;
mod sigmoidal;
mod times_sigmoid;

pub(super) use bounded::{
    Clamp, ClampedLeakyRectifiedLinear, HardShrink, HardSigmoid, HardSwish, SoftShrink, Threshold,
};
pub(super) use exponential::{CELU, ELU, LogSigmoid, SELU, Softplus};
pub(super) use linear::{
    Abs, Identity, LeakyRectifiedLinear, Linear, LinearWithBias, RectifiedLinear,
};
pub(super) use sigmoidal::{ScaledTanh, Sigmoid, Softsign, Tanh, TanhShrink};
pub(super) use times_sigmoid::{GELUApproximation, SiLU};

/// What the tests know of all functions.
#[cfg(test)]
pub(super) fn cases() -> Vec<super::tests::cases::Case> {
    [
        linear::tests::cases(),
        bounded::tests::cases(),
        sigmoidal::tests::cases(),
        exponential::tests::cases(),
        times_sigmoid::tests::cases(),
    ]
    .concat()
}
