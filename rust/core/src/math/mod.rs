//! Temporary stand-in until the real module lands (overwrite this file).
use fearless_simd::{Simd, SimdBase};
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Function { Identity, RectifiedLinear, LeakyRectifiedLinear, Sigmoid, Tanh, ScaledTanh, Abs, Linear, Clamp, GELUApproximation, HardSigmoid, Softplus, Softsign, ELU, ClampedLeakyRectifiedLinear, LinearWithBias, LogSigmoid, SELU, CELU, HardShrink, SoftShrink, TanhShrink, Threshold, HardSwish, SiLU }
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Activation { pub(crate) function: Function, pub(crate) alpha: f32, pub(crate) beta: f32 }
impl Activation { pub(crate) const SIGMOID: Self = Self{function: Function::Sigmoid, alpha:1.,beta:1.}; pub(crate) const TANH: Self = Self{function: Function::Tanh, alpha:1.,beta:1.}; }
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s { let mut y = x; for v in y.as_mut_slice() { *v = 1.0/(1.0+(-*v).exp()); } let _ = simd; y }
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s { let mut y = x; for v in y.as_mut_slice() { *v = v.tanh(); } let _ = simd; y }
#[inline(always)]
pub(crate) fn apply_slice<S: Simd>(_simd: S, a: Activation, values: &mut [f32]) { for v in values { *v = match a.function { Function::Sigmoid => 1.0/(1.0+(-*v).exp()), Function::Tanh => v.tanh(), _ => *v } } }
