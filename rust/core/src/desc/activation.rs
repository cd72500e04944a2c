//! Which function a gate applies.
//!
//! In: Apple's number and up to two parameters, right or wrong. Out: plain data for `check`. It computes
//! nothing and does not know which functions an LSTM can use.

/// `BNNSActivationFunction`. The formulas, with alpha and beta where they take part:
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ActivationFunction(pub u32);

/// Apple's names by value, `BNNSActivationFunction` of the macOS 15 headers.
const NAMES: &[&str] = &[
    "Identity",
    "RectifiedLinear",
    "LeakyRectifiedLinear",
    "Sigmoid",
    "Tanh",
    "ScaledTanh",
    "Abs",
    "Linear",
    "Clamp",
    "IntegerLinearSaturate",
    "IntegerLinearSaturatePerChannel",
    "Softmax",
    "GELUApproximation",
    "Gumbel",
    "GumbelMax",
    "HardSigmoid",
    "Softplus",
    "Softsign",
    "ELU",
    "ClampedLeakyRectifiedLinear",
    "LinearWithBias",
    "LogSoftmax",
    "LogSigmoid",
    "SELU",
    "CELU",
    "HardShrink",
    "SoftShrink",
    "TanhShrink",
    "Threshold",
    "PReLUPerChannel",
    "HardSwish",
    "SiLU",
];

impl ActivationFunction {
    /// The largest value that has a name.
    pub(crate) const LAST: u32 = NAMES.len() as u32 - 1;

    /// x
    pub const IDENTITY: Self = Self(0);
    /// max(x, 0)
    pub const RECTIFIED_LINEAR: Self = Self(1);
    /// alpha x below 0, else x
    pub const LEAKY_RECTIFIED_LINEAR: Self = Self(2);
    /// 1 / (1 + exp(-x))
    pub const SIGMOID: Self = Self(3);
    /// tanh x
    pub const TANH: Self = Self(4);
    /// alpha tanh(beta x)
    pub const SCALED_TANH: Self = Self(5);
    /// |x|
    pub const ABS: Self = Self(6);
    /// alpha x
    pub const LINEAR: Self = Self(7);
    /// min(max(x, alpha), beta)
    pub const CLAMP: Self = Self(8);
    /// Integers only; refused.
    pub const INTEGER_LINEAR_SATURATE: Self = Self(9);
    /// Integers only; refused.
    pub const INTEGER_LINEAR_SATURATE_PER_CHANNEL: Self = Self(10);
    /// Over the vector; refused.
    pub const SOFTMAX: Self = Self(11);
    /// x/2 (1 + tanh(alpha (x + beta x³)))
    pub const GELU_APPROXIMATION: Self = Self(12);
    /// Random; refused.
    pub const GUMBEL: Self = Self(13);
    /// Random; refused.
    pub const GUMBEL_MAX: Self = Self(14);
    /// max(0, min(1, alpha x + beta))
    pub const HARD_SIGMOID: Self = Self(15);
    /// alpha log(1 + exp(beta x))
    pub const SOFTPLUS: Self = Self(16);
    /// x / (1 + |x|)
    pub const SOFTSIGN: Self = Self(17);
    /// alpha (exp(x) - 1) below 0, else x
    pub const ELU: Self = Self(18);
    /// min(alpha x, beta) below 0, else min(x, beta)
    pub const CLAMPED_LEAKY_RECTIFIED_LINEAR: Self = Self(19);
    /// alpha x + beta
    pub const LINEAR_WITH_BIAS: Self = Self(20);
    /// Over the vector; refused.
    pub const LOG_SOFTMAX: Self = Self(21);
    /// log sigmoid(x)
    pub const LOG_SIGMOID: Self = Self(22);
    /// Self-normalising ELU with its two published constants.
    pub const SELU: Self = Self(23);
    /// alpha (exp(x / alpha) - 1) below 0, else x
    pub const CELU: Self = Self(24);
    /// 0 where |x| < |alpha|, else x
    pub const HARD_SHRINK: Self = Self(25);
    /// 0 where |x| < |alpha|, else x - copysign(alpha, x)
    pub const SOFT_SHRINK: Self = Self(26);
    /// x - tanh x
    pub const TANH_SHRINK: Self = Self(27);
    /// beta where x <= alpha, else x
    pub const THRESHOLD: Self = Self(28);
    /// Image layouts only; refused.
    pub const PRELU_PER_CHANNEL: Self = Self(29);
    /// x min(max(x + 3, 0), 6) / 6
    pub const HARD_SWISH: Self = Self(30);
    /// x sigmoid(x)
    pub const SILU: Self = Self(31);

    /// Apple's name of the function, `None` for a value that does not exist.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(self.0 as usize).copied()
    }
}

/// `BNNSActivation`: a function and its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activation<'a> {
    /// Which function.
    pub function: ActivationFunction,
    /// First parameter; functions without it ignore it.
    pub alpha: f32,
    /// Second parameter; functions without it ignore it.
    pub beta: f32,
    /// Integer functions only; must be 0.
    pub iscale: i32,
    /// Integer functions only; must be 0.
    pub ioffset: i32,
    /// Integer functions only; must be 0.
    pub ishift: i32,
    /// Per-channel functions only; must be absent.
    pub iscale_per_channel: Option<&'a [i32]>,
    /// Per-channel functions only; must be absent.
    pub ioffset_per_channel: Option<&'a [i32]>,
    /// Per-channel functions only; must be absent.
    pub ishift_per_channel: Option<&'a [i32]>,
}

impl Activation<'_> {
    /// A function with both parameters.
    pub fn new(function: ActivationFunction, alpha: f32, beta: f32) -> Self {
        Self {
            function,
            alpha,
            beta,
            iscale: 0,
            ioffset: 0,
            ishift: 0,
            iscale_per_channel: None,
            ioffset_per_channel: None,
            ishift_per_channel: None,
        }
    }

    /// x
    pub fn identity() -> Self {
        Self::new(ActivationFunction::IDENTITY, 1.0, 1.0)
    }

    /// 1 / (1 + exp(-x))
    pub fn sigmoid() -> Self {
        Self::new(ActivationFunction::SIGMOID, 1.0, 1.0)
    }

    /// tanh x
    pub fn tanh() -> Self {
        Self::new(ActivationFunction::TANH, 1.0, 1.0)
    }
}
