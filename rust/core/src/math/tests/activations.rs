//! Every activation against its formula in `f64`.

use super::super::activation::{Activation, Function};
use super::levels::{activate, levels};
use super::ulps::{sampled, ulps, unit};

/// All functions.
pub(super) const FUNCTIONS: [Function; 25] = [
    Function::Identity,
    Function::RectifiedLinear,
    Function::LeakyRectifiedLinear,
    Function::Sigmoid,
    Function::Tanh,
    Function::ScaledTanh,
    Function::Abs,
    Function::Linear,
    Function::Clamp,
    Function::GELUApproximation,
    Function::HardSigmoid,
    Function::Softplus,
    Function::Softsign,
    Function::ELU,
    Function::ClampedLeakyRectifiedLinear,
    Function::LinearWithBias,
    Function::LogSigmoid,
    Function::SELU,
    Function::CELU,
    Function::HardShrink,
    Function::SoftShrink,
    Function::TanhShrink,
    Function::Threshold,
    Function::HardSwish,
    Function::SiLU,
];

/// Alpha and beta of the tests.
const PARAMETERS: [(f32, f32); 7] = [
    (1.0, 1.0),
    (0.5, 2.0),
    (0.797_884_6, 0.044_715),
    (-0.25, 0.75),
    (2.0, -1.5),
    (6.0, 0.0),
    (1.0e6, 0.5),
];

/// What a function gives.
struct Expected {
    /// The formula's value.
    value: f64,
    /// The greatest summand of a sum that may cancel; 0 without such a sum.
    summand: f64,
    /// How many units in the last place, of the greater of both, the result may be off.
    bound: f64,
}

impl Expected {
    /// Without a sum that may cancel.
    fn near(value: f64) -> Self {
        Self { value, summand: 0.0, bound: 6.0 }
    }

    /// The result of a sum whose greatest summand is known.
    fn sum(value: f64, summand: f64) -> Self {
        Self { value, summand: summand.abs(), bound: 3.0 }
    }

    /// Whether a result is near enough.
    fn allows(&self, actual: f32) -> bool {
        ulps(actual, self.value) <= self.bound
            || (f64::from(actual) - self.value).abs() <= unit(self.summand) * self.bound
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The formula of an activation. An inner product beta x is rounded to `f32` as the function does.
fn expected(activation: Activation, x: f32) -> Expected {
    let Activation { function, alpha, beta } = activation;
    let (a, b) = (f64::from(alpha), f64::from(beta));
    let scaled = f64::from(x * beta);
    let quotient = f64::from(x / alpha);
    let x = f64::from(x);
    Expected::near(match function {
        Function::Identity => x,
        Function::RectifiedLinear => x.max(0.0),
        Function::LeakyRectifiedLinear => (if x < 0.0 { a } else { 1.0 }) * x,
        Function::Sigmoid => sigmoid(x),
        Function::Tanh => x.tanh(),
        Function::ScaledTanh => a * scaled.tanh(),
        Function::Abs => x.abs(),
        Function::Linear => a * x,
        Function::Clamp => x.max(a).min(b),
        Function::GELUApproximation => return expected_gelu(a, b, x),
        Function::HardSigmoid => {
            return Expected::sum((a * x + b).clamp(0.0, 1.0), (a * x).abs().max(b.abs()));
        }
        Function::Softplus => return expected_softplus(a, scaled),
        Function::Softsign => x / (1.0 + x.abs()),
        Function::ELU => if_negative(x, a * x.exp_m1()),
        Function::ClampedLeakyRectifiedLinear => if_negative(x, a * x).min(b),
        Function::LinearWithBias => return Expected::sum(a * x + b, (a * x).abs().max(b.abs())),
        Function::LogSigmoid => -softplus(-x),
        Function::SELU => {
            1.050_700_987_355_480_5 * if_negative(x, 1.673_263_242_354_377_2 * x.exp_m1())
        }
        Function::CELU => if_negative(x, a * overflowing(quotient.exp_m1())),
        Function::HardShrink => if_outside(a, x, x),
        Function::SoftShrink => return Expected::sum(if_outside(a, x, x - a.copysign(x)), x),
        Function::TanhShrink => return Expected::sum(x - x.tanh(), x),
        Function::Threshold => {
            if x <= a {
                b
            } else {
                x
            }
        }
        Function::HardSwish => x * ((x + 3.0).clamp(0.0, 6.0) / 6.0),
        Function::SiLU => x * sigmoid(x),
    })
}

/// Softplus. Where the logarithm is subnormal, alpha multiplies its rounding.
fn expected_softplus(alpha: f64, scaled: f64) -> Expected {
    let least = alpha.abs() * f64::from(f32::MIN_POSITIVE);
    Expected { value: alpha * softplus(scaled), summand: least, bound: 6.0 }
}

/// The value, infinite where no `f32` is as great.
fn overflowing(value: f64) -> f64 {
    if value > f64::from(f32::MAX) { f64::INFINITY } else { value }
}

/// The value below 0, else x.
fn if_negative(x: f64, value: f64) -> f64 {
    if x < 0.0 { value } else { x }
}

/// 0 where |x| < |alpha|, else the value.
fn if_outside(alpha: f64, x: f64, value: f64) -> f64 {
    if x.abs() < alpha.abs() { 0.0 } else { value }
}

/// GELU. Rounding the summands of the tanh's argument changes the result the more, the greater they are and
/// the farther tanh is from 1.
fn expected_gelu(alpha: f64, beta: f64, x: f64) -> Expected {
    let argument = alpha * (x + beta * x.powi(3));
    let cancelled = (alpha * x).abs().max((alpha * beta * x.powi(3)).abs());
    let slope = 1.0 - sigmoid(2.0 * argument);
    let bound = 6.0 + 8.0 * cancelled.min(1.0e9) * slope;
    Expected { value: x * sigmoid(2.0 * argument), summand: 0.0, bound }
}

#[test]
fn activations_follow_their_formulas() {
    let inputs: Vec<f32> = sampled().into_iter().filter(|x| x.is_finite()).collect();
    for function in FUNCTIONS {
        for (alpha, beta) in PARAMETERS {
            let activation = Activation { function, alpha, beta };
            let expected: Vec<Expected> = inputs.iter().map(|&x| expected(activation, x)).collect();
            for (name, level) in levels() {
                let values = activate(level, activation, &inputs);
                for ((&x, &y), expected) in inputs.iter().zip(&values).zip(&expected) {
                    let allowed = expected.allows(y);
                    assert!(
                        allowed,
                        "{name}: {activation:?} of {x:e}: {y:e}, {:e}",
                        expected.value
                    );
                }
            }
        }
    }
}
