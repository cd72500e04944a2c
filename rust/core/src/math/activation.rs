//! The activations of a gate.
//!
//! In: which function, its parameters, and a slice of whole vectors. Out: the slice with the function
//! applied. The formulas are those of the BNNS activation functions; across-the-vector, random, integer
//! and per-channel functions have no place here.

use super::derivative::Differentiable;
use super::piecewise::{
    Abs, Clamp, ClampedLeakyRectifiedLinear, HardShrink, HardSigmoid, HardSwish, Identity,
    LeakyRectifiedLinear, Linear, LinearWithBias, RectifiedLinear, SoftShrink, Softsign, Threshold,
};
use super::smooth::{
    Celu, Elu, GeluApproximation, LogSigmoid, ScaledTanh, Selu, Sigmoid, Silu, Softplus, Tanh,
    TanhShrink,
};
use fearless_simd::{Simd, SimdBase};

/// An element-wise function, named as in `BNNSActivationFunction`.
#[expect(clippy::upper_case_acronyms, reason = "Apple's names")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// x
    Identity,
    /// max(x, 0)
    RectifiedLinear,
    /// alpha x below 0, else x
    LeakyRectifiedLinear,
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// tanh x
    Tanh,
    /// alpha tanh(beta x)
    ScaledTanh,
    /// |x|
    Abs,
    /// alpha x
    Linear,
    /// min(max(x, alpha), beta)
    Clamp,
    /// x/2 (1 + tanh(alpha (x + beta x³)))
    GELUApproximation,
    /// max(0, min(1, alpha x + beta))
    HardSigmoid,
    /// alpha log(1 + e^(beta x))
    Softplus,
    /// x / (1 + |x|)
    Softsign,
    /// alpha (e^x - 1) below 0, else x
    ELU,
    /// min(alpha x, beta) below 0, else min(x, beta)
    ClampedLeakyRectifiedLinear,
    /// alpha x + beta
    LinearWithBias,
    /// log(sigmoid(x))
    LogSigmoid,
    /// Self-normalising ELU with its two published constants.
    SELU,
    /// alpha (e^(x / alpha) - 1) below 0, else x
    CELU,
    /// 0 where |x| < |alpha|, else x
    HardShrink,
    /// 0 where |x| < |alpha|, else x - copysign(alpha, x)
    SoftShrink,
    /// x - tanh x
    TanhShrink,
    /// beta where x <= alpha, else x
    Threshold,
    /// x min(max(x + 3, 0), 6) / 6
    HardSwish,
    /// x sigmoid(x)
    SiLU,
}

/// A function and its parameters; those that it does not use are ignored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activation {
    /// Which function.
    pub(crate) function: Function,
    /// Its first parameter.
    pub(crate) alpha: f32,
    /// Its second parameter.
    pub(crate) beta: f32,
}

/// Parameters are equal where their bits are: one that is not used may be NaN, and is equal to itself.
impl PartialEq for Activation {
    fn eq(&self, other: &Self) -> bool {
        let parts = |one: &Self| (one.function, one.alpha.to_bits(), one.beta.to_bits());
        parts(self) == parts(other)
    }
}

impl Activation {
    /// The default of input, forget and output gate.
    pub(crate) const SIGMOID: Self = Self { function: Function::Sigmoid, alpha: 1.0, beta: 1.0 };
    /// The default of candidate gate and hidden state.
    pub(crate) const TANH: Self = Self { function: Function::Tanh, alpha: 1.0, beta: 1.0 };
}

/// A function of one vector. Implementations carry `#[inline(always)]`.
pub(super) trait Elementwise: Copy {
    /// The function's value in each lane.
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s;
}

/// Apply an activation to whole vectors: `values.len()` is a multiple of the lanes.
///
/// NaN gives NaN with every function. Infinity gives the limit of the function, unless the formula
/// multiplies it by a parameter that is zero.
pub(crate) fn apply_slice<S: Simd>(simd: S, activation: Activation, values: &mut [f32]) {
    simd.vectorize(
        #[inline(always)]
        || select_function(activation, Apply { simd, values }),
    );
}

/// What is done with the function that an activation names. Implementations carry `#[inline(always)]`.
pub(super) trait Visitor {
    /// Do it.
    fn visit(self, function: impl Differentiable);
}

/// Replace each vector of the slice by the function's value.
struct Apply<'v, S> {
    simd: S,
    values: &'v mut [f32],
}

impl<S: Simd> Visitor for Apply<'_, S> {
    #[inline(always)]
    fn visit(self, function: impl Differentiable) {
        each(self.simd, self.values, function);
    }
}

/// One decision for the whole slice, so that no loop contains any.
#[inline(always)]
pub(super) fn select_function(activation: Activation, visitor: impl Visitor) {
    let Activation { function, alpha, beta } = activation;
    match function {
        Function::Identity => visitor.visit(Identity),
        Function::RectifiedLinear => visitor.visit(RectifiedLinear),
        Function::LeakyRectifiedLinear => visitor.visit(LeakyRectifiedLinear { alpha }),
        Function::Sigmoid => visitor.visit(Sigmoid),
        Function::Tanh => visitor.visit(Tanh),
        Function::ScaledTanh => visitor.visit(ScaledTanh { alpha, beta }),
        Function::Abs => visitor.visit(Abs),
        Function::Linear => visitor.visit(Linear { alpha }),
        Function::Clamp => visitor.visit(Clamp { alpha, beta }),
        Function::GELUApproximation => visitor.visit(GeluApproximation { alpha, beta }),
        Function::HardSigmoid => visitor.visit(HardSigmoid { alpha, beta }),
        Function::Softplus => visitor.visit(Softplus { alpha, beta }),
        Function::Softsign => visitor.visit(Softsign),
        Function::ELU => visitor.visit(Elu { alpha }),
        Function::ClampedLeakyRectifiedLinear => {
            visitor.visit(ClampedLeakyRectifiedLinear { alpha, beta });
        }
        Function::LinearWithBias => visitor.visit(LinearWithBias { alpha, beta }),
        Function::LogSigmoid => visitor.visit(LogSigmoid),
        Function::SELU => visitor.visit(Selu),
        Function::CELU => visitor.visit(Celu { alpha }),
        Function::HardShrink => visitor.visit(HardShrink { alpha }),
        Function::SoftShrink => visitor.visit(SoftShrink { alpha }),
        Function::TanhShrink => visitor.visit(TanhShrink),
        Function::Threshold => visitor.visit(Threshold { alpha, beta }),
        Function::HardSwish => visitor.visit(HardSwish),
        Function::SiLU => visitor.visit(Silu),
    }
}

/// Replace each vector of the slice by the function's value.
#[inline(always)]
pub(super) fn each<S: Simd>(simd: S, values: &mut [f32], function: impl Elementwise) {
    for lanes in values.chunks_exact_mut(S::f32s::LEN) {
        let x = S::f32s::from_slice(simd, lanes);
        function.at(simd, x).store_slice(lanes);
    }
}
