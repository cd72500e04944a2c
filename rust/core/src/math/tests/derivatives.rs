//! Every derivative against its formula in `f64`.

use super::super::activation::{Activation, Function, apply_with_derivative_slice};
use super::super::functions::cases;
use super::cases::Case;
use super::levels::{MOST_LANES, activate, levels};
use super::ulps::sampled;
use bnns_lstm_testkit::activation as reference;
use fearless_simd::{Level, dispatch};

/// Alpha and beta of the tests.
const PARAMETERS: [(f32, f32); 9] = [
    (1.0, 1.0),
    (0.5, 2.0),
    (0.797_884_6, 0.044_715),
    (-0.25, 0.75),
    (2.0, -1.5),
    (1.5, 0.25),
    (6.0, 0.0),
    (0.0, 1.0),
    (-0.5, -0.125),
];

/// Values and derivatives at some points.
fn differentiate(level: Level, activation: Activation, inputs: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut values = inputs.to_vec();
    values.resize(inputs.len().next_multiple_of(MOST_LANES), 0.0);
    let mut slopes = vec![f32::NAN; values.len()];
    dispatch!(level, simd => {
        apply_with_derivative_slice(simd, activation, &mut values, &mut slopes);
    });
    values.truncate(inputs.len());
    slopes.truncate(inputs.len());
    (values, slopes)
}

/// The same activation for the reference.
fn referenced(activation: Activation) -> bnns_lstm_testkit::Activation {
    let name = format!("{:?}", activation.function);
    let known = reference::FUNCTIONS.iter().find(|(_, known)| *known == name);
    let &(function, _) = known.expect("a function that the testkit knows");
    assert_eq!(Function::from_number(function), Some(activation.function));
    let Activation { alpha, beta, .. } = activation;
    bnns_lstm_testkit::Activation { function, alpha: alpha.into(), beta: beta.into() }
}

/// Inputs over dense ranges, and the kinks of a function that are floats, with their neighbours.
fn inputs(activation: Activation) -> Vec<f32> {
    let kinks = reference::kinks(referenced(activation));
    let mut inputs = sampled();
    inputs.extend((-20_000_i16..20_000).map(|step| f32::from(step) / 613.0));
    for kink in kinks.into_iter().map(|kink| kink as f32).filter(|kink| kink.is_finite()) {
        inputs.extend([kink, kink.next_up(), kink.next_down()]);
    }
    inputs
}

/// The kinks beside which rounding may put a point on the other side: where the formula multiplies before it
/// compares.
fn undecided_kinks(activation: Activation) -> Vec<f64> {
    let multiplies =
        |case: &Case| case.function == activation.function && case.multiplies_before_it_compares;
    if !cases().iter().any(multiplies) {
        return Vec::new();
    }
    reference::kinks(referenced(activation))
}

/// Whether x is so near to one of them, without being on it exactly.
fn is_undecided(kinks: &[f64], x: f32) -> bool {
    let near = |kink: &f64| (f64::from(x) - kink).abs() <= 4e-7 * kink.abs().max(1.0);
    x != 0.0 && kinks.iter().any(near)
}

/// Whether the argument of GELU's tanh is infinity times zero.
fn is_no_number(activation: Activation, x: f32) -> bool {
    let Activation { function, alpha, .. } = activation;
    function == Function::GELUApproximation && alpha == 0.0 && x.abs() > 1.0e12
}

fn all() -> impl Iterator<Item = Activation> {
    Function::ALL.iter().flat_map(|&function| {
        PARAMETERS.into_iter().map(move |(alpha, beta)| Activation { function, alpha, beta })
    })
}

#[test]
fn derivatives_follow_their_formulas() {
    for activation in all() {
        let (kinks, known) = (undecided_kinks(activation), referenced(activation));
        let inputs: Vec<f32> = inputs(activation)
            .into_iter()
            .filter(|&x| x.is_finite() && !is_undecided(&kinks, x))
            .filter(|&x| !is_no_number(activation, x))
            .collect();
        let slope = |&x: &f32| reference::derivative(known, x.into());
        let expected: Vec<f64> = inputs.iter().map(slope).collect();
        for (name, level) in levels() {
            let (_, slopes) = differentiate(level, activation, &inputs);
            for ((&x, &actual), &expected) in inputs.iter().zip(&slopes).zip(&expected) {
                let representable = expected as f32;
                if expected.is_nan() || actual.to_bits() == representable.to_bits() {
                    continue;
                }
                let error = (f64::from(actual) - expected).abs() / expected.abs().max(1.0);
                assert!(error <= 1e-6, "{name}: {activation:?} at {x}: {actual}, not {expected}");
            }
        }
    }
}

#[test]
fn values_are_those_without_derivatives() {
    for activation in all() {
        let inputs = inputs(activation);
        for (name, level) in levels() {
            let (values, _) = differentiate(level, activation, &inputs);
            let expected = activate(level, activation, &inputs);
            for ((x, value), expected) in inputs.iter().zip(values).zip(expected) {
                let same = value.to_bits() == expected.to_bits();
                let both_nan = value.is_nan() && expected.is_nan();
                assert!(same || both_nan, "{name}: {activation:?} at {x}: {value}, not {expected}");
            }
        }
    }
}

#[test]
fn nan_gives_nan_twice_and_leaves_other_lanes_alone() {
    let mut inputs = [1.25_f32; 32];
    inputs[5] = f32::NAN;
    inputs[30] = -f32::NAN;
    for activation in all() {
        for (name, level) in levels() {
            let (values, slopes) = differentiate(level, activation, &inputs);
            for (lane, x) in inputs.iter().enumerate() {
                let found = (values[lane].is_nan(), slopes[lane].is_nan());
                assert_eq!(found, (x.is_nan(), x.is_nan()), "{name}: {activation:?}, lane {lane}");
            }
        }
    }
}

#[test]
fn infinity_gives_the_limit_of_the_derivative() {
    for Case { function, slope_limits: (low, high), .. } in cases() {
        let activation = Activation { function, alpha: 0.5, beta: 2.0 };
        for (name, level) in levels() {
            for (x, expected) in
                [(f32::NEG_INFINITY, low), (f32::MIN, low), (f32::MAX, high), (f32::INFINITY, high)]
            {
                let (_, slopes) = differentiate(level, activation, &[x]);
                assert_eq!(slopes, [expected], "{name}: {function:?} at {x}");
            }
        }
    }
}

#[test]
fn kinks_belong_to_the_branch_of_the_formula() {
    let kinks = cases().into_iter().flat_map(|case| {
        case.kinks
            .iter()
            .map(move |&(alpha, beta, x, slope)| (case.function, alpha, beta, x, slope))
    });
    let kinks: Vec<_> = kinks.collect();
    assert!(kinks.len() > 20);
    for (function, alpha, beta, x, slope) in kinks {
        for (name, level) in levels() {
            let activation = Activation { function, alpha, beta };
            let (_, slopes) = differentiate(level, activation, &[x]);
            assert_eq!(slopes, [slope], "{name}: {activation:?} at {x}");
        }
    }
}
