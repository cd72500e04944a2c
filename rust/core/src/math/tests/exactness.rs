//! What holds exactly: NaN, infinities, straight lines, and the same bits at all levels.

use super::super::activation::{Activation, Function};
use super::super::functions::cases;
use super::cases::Case;
use super::levels::{activate, levels};
use super::ulps::sampled;

/// An activation that ignores its parameters, or has them 0.5 and 2.
fn activation(function: Function) -> Activation {
    Activation { function, alpha: 0.5, beta: 2.0 }
}

#[test]
fn nan_gives_nan_and_leaves_other_lanes_alone() {
    let mut inputs = [1.0_f32; 32];
    inputs[5] = f32::NAN;
    inputs[30] = -f32::NAN;
    for &function in Function::ALL {
        for (name, level) in levels() {
            let values = activate(level, activation(function), &inputs);
            for (lane, (x, y)) in inputs.iter().zip(&values).enumerate() {
                assert_eq!(x.is_nan(), y.is_nan(), "{name}: {function:?}, lane {lane}");
            }
        }
    }
}

#[test]
fn infinity_gives_the_limit() {
    const INF: f32 = f32::INFINITY;
    for Case { function, limits: (low, high), .. } in cases() {
        for (name, level) in levels() {
            let values = activate(level, activation(function), &[-INF, INF]);
            assert_eq!(values, [low, high], "{name}: {function:?}");
        }
    }
}

#[test]
fn gelu_without_its_cubic_term_has_limits_too() {
    let gelu = Activation { function: Function::GELUApproximation, alpha: 1.0, beta: 0.0 };
    for (name, level) in levels() {
        let values = activate(level, gelu, &[f32::NEG_INFINITY, -1.0e30, 1.0e30, f32::INFINITY]);
        assert_eq!(values, [0.0, 0.0, 1.0e30, f32::INFINITY], "{name}");
    }
}

#[test]
fn straight_lines_are_rounded_once_for_each_operation() {
    for (alpha, beta) in [(3.0, -7.0), (0.1, 0.3), (-1.0e-3, 1.0e3)] {
        let inputs = sampled();
        for (name, level) in levels() {
            let linear = Activation { function: Function::Linear, alpha, beta };
            let biased = Activation { function: Function::LinearWithBias, ..linear };
            let products = activate(level, linear, &inputs);
            let sums = activate(level, biased, &inputs);
            for ((&x, &product), &sum) in inputs.iter().zip(&products).zip(&sums) {
                if !x.is_nan() {
                    assert_eq!(product.to_bits(), (alpha * x).to_bits(), "{name}: {x}");
                    assert_eq!(sum.to_bits(), (alpha * x + beta).to_bits(), "{name}: {x}");
                }
            }
        }
    }
}

#[test]
fn functions_made_of_lines_give_the_same_bits_at_all_levels() {
    let of_lines = cases().into_iter().filter(|case| case.is_of_lines);
    let of_lines: Vec<Function> = of_lines.map(|case| case.function).collect();
    assert_eq!(of_lines.len(), 14);
    let inputs: Vec<f32> = sampled().into_iter().filter(|x| !x.is_nan()).collect();
    for function in of_lines {
        let mut results = levels().into_iter().map(|(name, level)| {
            let values = activate(level, activation(function), &inputs);
            (name, values.into_iter().map(f32::to_bits).collect::<Vec<u32>>())
        });
        let (_, first) = results.next().expect("a level");
        assert!(results.all(|(_, bits)| bits == first), "{function:?} differs between levels");
    }
}
