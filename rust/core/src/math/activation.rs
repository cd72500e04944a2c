//! The activations of a gate.
//!
//! In: which function, its parameters, and a slice of whole vectors. Out: the slice with the function
//! applied, or values and derivatives. The formulas are those of the BNNS activation functions (`functions`);
//! across-the-vector, random, integer and per-channel functions have no place here.

use super::differentiable::{Differentiable, Parameters};
use super::functions;
use fearless_simd::{Select, Simd, SimdBase};

/// The one table of functions: for each its name and its number in `BNNSActivationFunction`. The type of the
/// same name in `functions` says what it does.
macro_rules! functions {
    ($($name:ident = $number:literal,)*) => {
        /// An element-wise function, named as in `BNNSActivationFunction`.
        #[expect(clippy::upper_case_acronyms, reason = "Apple's names")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Function {
            $($name,)*
        }

        impl Function {
            /// All functions, in the order of their numbers.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            /// The function with this number; `None` where it is not element-wise, or where there is none.
            pub(crate) fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        /// One decision for a whole slice, so that no loop contains any.
        #[inline(always)]
        fn select_function<V: Visitor>(activation: Activation, visitor: V) -> V::Output {
            let Activation { function, alpha, beta } = activation;
            match function {
                $(Function::$name => visitor.visit::<functions::$name>(Parameters::of(alpha, beta)),)*
            }
        }
    };
}

functions! {
    Identity = 0,
    RectifiedLinear = 1,
    LeakyRectifiedLinear = 2,
    Sigmoid = 3,
    Tanh = 4,
    ScaledTanh = 5,
    Abs = 6,
    Linear = 7,
    Clamp = 8,
    GELUApproximation = 12,
    HardSigmoid = 15,
    Softplus = 16,
    Softsign = 17,
    ELU = 18,
    ClampedLeakyRectifiedLinear = 19,
    LinearWithBias = 20,
    LogSigmoid = 22,
    SELU = 23,
    CELU = 24,
    HardShrink = 25,
    SoftShrink = 26,
    TanhShrink = 27,
    Threshold = 28,
    HardSwish = 30,
    SiLU = 31,
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

impl Function {
    /// Whether it uses alpha and beta.
    pub(crate) fn uses_parameters(self) -> (bool, bool) {
        select_function(Activation { function: self, alpha: 0.0, beta: 0.0 }, UsesParameters)
    }
}

/// What is done with the function that an activation names. Implementations carry `#[inline(always)]`.
trait Visitor {
    /// What comes of it.
    type Output;

    /// Do it.
    fn visit<F: Differentiable>(self, parameters: F::Parameters) -> Self::Output;
}

/// Say which parameters the function uses.
struct UsesParameters;

impl Visitor for UsesParameters {
    type Output = (bool, bool);

    #[inline(always)]
    fn visit<F: Differentiable>(self, _: F::Parameters) -> (bool, bool) {
        F::Parameters::ARE_USED
    }
}

/// Apply an activation to whole vectors: `values.len()` is a multiple of the lanes.
pub(crate) fn apply_slice<S: Simd>(simd: S, activation: Activation, values: &mut [f32]) {
    simd.vectorize(
        #[inline(always)]
        || select_function(activation, Apply { simd, values }),
    );
}

/// Replace each vector of the slice by the function's value.
struct Apply<'v, S> {
    simd: S,
    values: &'v mut [f32],
}

impl<S: Simd> Visitor for Apply<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<F: Differentiable>(self, parameters: F::Parameters) {
        for lanes in self.values.chunks_exact_mut(S::f32s::LEN) {
            let x = S::f32s::from_slice(self.simd, lanes);
            F::at(self.simd, x, parameters).store_slice(lanes);
        }
    }
}

/// Replace pre-activations by their activations, bit for bit those of [`apply_slice`], and fill `derivatives`
/// with the derivatives there. Both slices are of one length, a multiple of the lanes.
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
    type Output = ();

    #[inline(always)]
    fn visit<F: Differentiable>(self, parameters: F::Parameters) {
        let Self { simd, values, derivatives } = self;
        let values = values.chunks_exact_mut(S::f32s::LEN);
        for (lanes, slopes) in values.zip(derivatives.chunks_exact_mut(S::f32s::LEN)) {
            let x = S::f32s::from_slice(simd, lanes);
            let value = F::at(simd, x, parameters);
            let slope = F::slope(simd, x, value, parameters);
            value.store_slice(lanes);
            x.simd_eq(x).select(slope, x).store_slice(slopes);
        }
    }
}
