//! The element-wise activations: value, derivative and kinks, in `f64`.
//!
//! An [`Activation`] and a number come in; a number goes out, computed by the formula of the
//! specification, and a NaN comes out as a NaN. It must not know who asks: a gate, the hidden
//! activation or a test of single values.
//!
//! At a kink the derivative is that of the branch into which the formula puts the point: "for
//! x<0, else" counts 0 to the second branch. Where the formula says min or max, reaching the bound
//! counts as being held by it, so the derivative there is 0; that of |x| at 0 is 0.

use crate::layer::Activation;

const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// Number and name of every function that works on single elements.
pub const FUNCTIONS: [(u32, &str); 25] = [
    (0, "Identity"),
    (1, "RectifiedLinear"),
    (2, "LeakyRectifiedLinear"),
    (3, "Sigmoid"),
    (4, "Tanh"),
    (5, "ScaledTanh"),
    (6, "Abs"),
    (7, "Linear"),
    (8, "Clamp"),
    (12, "GELUApproximation"),
    (15, "HardSigmoid"),
    (16, "Softplus"),
    (17, "Softsign"),
    (18, "ELU"),
    (19, "ClampedLeakyRectifiedLinear"),
    (20, "LinearWithBias"),
    (22, "LogSigmoid"),
    (23, "SELU"),
    (24, "CELU"),
    (25, "HardShrink"),
    (26, "SoftShrink"),
    (27, "TanhShrink"),
    (28, "Threshold"),
    (30, "HardSwish"),
    (31, "SiLU"),
];

/// The number of the function called `name`, if there is one in [`FUNCTIONS`].
pub fn number(name: &str) -> Option<u32> {
    FUNCTIONS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// The value of the activation at `x`.
///
/// # Panics
///
/// If the function is not one of [`FUNCTIONS`].
pub fn value(activation: Activation, x: f64) -> f64 {
    let Activation { function, alpha, beta } = activation;
    match function {
        0 => x,
        1 => at_least(x, 0.0),
        2 => select(x < 0.0, alpha * x, x),
        3 => sigmoid(x),
        4 => x.tanh(),
        5 => alpha * (beta * x).tanh(),
        6 => x.abs(),
        7 => alpha * x,
        8 => at_most(at_least(x, alpha), beta),
        12 => 0.5 * x * (1.0 + (alpha * (x + beta * x * x * x)).tanh()),
        15 => at_least(at_most(alpha * x + beta, 1.0), 0.0),
        16 => alpha * log_one_plus_exp(beta * x),
        17 => x / (1.0 + x.abs()),
        18 => select(x < 0.0, alpha * x.exp_m1(), x),
        19 => at_most(select(x < 0.0, alpha * x, x), beta),
        20 => alpha * x + beta,
        22 => -log_one_plus_exp(-x),
        23 => SELU_SCALE * select(x < 0.0, SELU_ALPHA * x.exp_m1(), x),
        24 => select(x < 0.0, alpha * (x / alpha).exp_m1(), x),
        25 => select(x.abs() < alpha.abs(), 0.0, x),
        26 => select(x.abs() < alpha.abs(), 0.0, x - alpha.copysign(x)),
        27 => x - x.tanh(),
        28 => select(x <= alpha, beta, x),
        30 => x * at_most(at_least(x + 3.0, 0.0), 6.0) / 6.0,
        31 => x * sigmoid(x),
        _ => panic!("no element-wise function has the number {function}"),
    }
}

/// The derivative of the activation at `x`; at a kink by the rule in the module's description.
///
/// # Panics
///
/// If the function is not one of [`FUNCTIONS`].
pub fn derivative(activation: Activation, x: f64) -> f64 {
    let Activation { function, alpha, beta } = activation;
    match function {
        0 => 1.0,
        1 => one_if(x > 0.0),
        2 => select(x < 0.0, alpha, 1.0),
        3 => sigmoid(x) * sigmoid(-x),
        4 => sech_squared(x),
        5 => alpha * beta * sech_squared(beta * x),
        6 => one_if(x > 0.0) - one_if(x < 0.0),
        7 | 20 => alpha,
        8 => one_if(x > alpha && x < beta),
        12 => {
            let t = alpha * (x + beta * x * x * x);
            let dt = alpha * (1.0 + 3.0 * beta * x * x);
            0.5 * (1.0 + t.tanh()) + 0.5 * x * sech_squared(t) * dt
        }
        15 => {
            let t = alpha * x + beta;
            alpha * one_if(t > 0.0 && t < 1.0)
        }
        16 => alpha * beta * sigmoid(beta * x),
        17 => (1.0 + x.abs()).powi(-2),
        18 => select(x < 0.0, alpha * x.exp(), 1.0),
        19 => {
            let slope = select(x < 0.0, alpha, 1.0);
            let t = slope * x;
            slope * one_if(t < beta)
        }
        22 => sigmoid(-x),
        23 => SELU_SCALE * select(x < 0.0, SELU_ALPHA * x.exp(), 1.0),
        24 => select(x < 0.0, (x / alpha).exp(), 1.0),
        25 | 26 => one_if(x.abs() >= alpha.abs()),
        27 => x.tanh().powi(2),
        28 => one_if(x > alpha),
        30 => {
            let t = x + 3.0;
            let ramp = at_most(at_least(t, 0.0), 6.0) / 6.0;
            ramp + x / 6.0 * one_if(t > 0.0 && t < 6.0)
        }
        31 => sigmoid(x) * (1.0 + x * sigmoid(-x)),
        _ => panic!("no element-wise function has the number {function}"),
    }
}

/// The points at which the value jumps or the derivative does.
///
/// Near them a result in `f32` may rightly take the other branch than one in `f64`.
pub fn kinks(activation: Activation) -> Vec<f64> {
    let Activation { function, alpha, beta } = activation;
    let points = match function {
        1 | 2 | 6 | 18 | 23 => vec![0.0],
        8 => vec![alpha, beta],
        15 => vec![-beta / alpha, (1.0 - beta) / alpha],
        19 => vec![0.0, beta, beta / alpha],
        25 | 26 => vec![-alpha, alpha],
        28 => vec![alpha],
        30 => vec![-3.0, 3.0],
        _ => Vec::new(),
    };
    points.into_iter().filter(|point| point.is_finite()).collect()
}

fn select(condition: bool, then: f64, otherwise: f64) -> f64 {
    if condition { then } else { otherwise }
}

fn one_if(condition: bool) -> f64 {
    select(condition, 1.0, 0.0)
}

/// max(x, bound) that keeps a NaN, unlike `f64::max`.
fn at_least(x: f64, bound: f64) -> f64 {
    select(x < bound, bound, x)
}

/// min(x, bound) that keeps a NaN, unlike `f64::min`.
fn at_most(x: f64, bound: f64) -> f64 {
    select(x > bound, bound, x)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// log(1 + e^x) without overflow.
fn log_one_plus_exp(x: f64) -> f64 {
    at_least(x, 0.0) + (-x.abs()).exp().ln_1p()
}

/// The derivative of tanh.
fn sech_squared(x: f64) -> f64 {
    1.0 - x.tanh().powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Rng, random_activation};

    fn of(function: u32, alpha: f64, beta: f64) -> Activation {
        Activation { function, alpha, beta }
    }

    #[test]
    fn the_table_is_the_header_without_those_that_are_not_element_wise() {
        let without = [9, 10, 11, 13, 14, 21, 29];
        let expected: Vec<u32> = (0..32).filter(|number| !without.contains(number)).collect();
        assert_eq!(FUNCTIONS.map(|(number, _)| number).to_vec(), expected);
        assert_eq!(number("HardSwish"), Some(30));
        assert_eq!(number("Softmax"), None);
    }

    #[test]
    fn differences_confirm_the_derivatives() {
        let rng = &mut Rng::new(1);
        for _ in 0..4000 {
            let activation = random_activation(rng);
            let x = rng.real(-6.0, 6.0);
            if kinks(activation).iter().any(|kink| (x - kink).abs() < 1e-4) {
                continue;
            }
            let difference = value(activation, x + 1e-5) - value(activation, x - 1e-5);
            let error = difference / 2e-5 - derivative(activation, x);
            assert!(error.abs() < 1e-8, "{activation:?} at {x}: {error:e}");
        }
    }

    #[test]
    fn kinks_belong_to_the_branch_of_the_formula() {
        let expected = [
            (of(1, 0.0, 0.0), 0.0, 0.0),
            (of(2, 0.1, 0.0), 0.0, 1.0),
            (of(6, 0.0, 0.0), 0.0, 0.0),
            (of(8, -0.5, 0.5), -0.5, 0.0),
            (of(8, -0.5, 0.5), 0.5, 0.0),
            (of(15, 0.25, 0.5), -2.0, 0.0),
            (of(15, 0.25, 0.5), 2.0, 0.0),
            (of(18, 0.7, 0.0), 0.0, 1.0),
            (of(19, 0.1, 0.5), 0.0, 1.0),
            (of(19, 0.1, 0.5), 0.5, 0.0),
            (of(23, 0.0, 0.0), 0.0, SELU_SCALE),
            (of(24, 0.7, 0.0), 0.0, 1.0),
            (of(25, 0.5, 0.0), -0.5, 1.0),
            (of(26, -0.5, 0.0), 0.5, 1.0),
            (of(28, 0.5, 0.1), 0.5, 0.0),
            (of(30, 0.0, 0.0), -3.0, 0.0),
            (of(30, 0.0, 0.0), 3.0, 1.0),
        ];
        for (activation, x, slope) in expected {
            let error = derivative(activation, x) - slope;
            assert!(error.abs() < 1e-15, "{activation:?} at {x}");
        }
    }

    #[test]
    fn large_arguments_do_not_overflow() {
        for function in [3, 4, 5, 15, 16, 17, 18, 19, 22, 23, 24, 30] {
            for x in [-1e4, 1e4] {
                let activation = of(function, 0.5, 0.5);
                assert!(value(activation, x).is_finite(), "{activation:?} at {x}");
                assert!(derivative(activation, x).is_finite(), "{activation:?} at {x}");
            }
        }
    }

    #[test]
    fn nan_stays_nan() {
        for (function, name) in FUNCTIONS {
            assert!(value(of(function, 0.5, 0.5), f64::NAN).is_nan(), "{name}");
        }
    }
}
