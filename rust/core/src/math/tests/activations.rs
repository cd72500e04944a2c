//! Every activation against its formula in `f64`.

use super::super::activation::{Activation, Function};
use super::super::functions::cases;
use super::cases::{At, Case, Expected};
use super::levels::{activate, levels};
use super::ulps::sampled;

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

#[test]
fn every_function_has_one_row() {
    let rows: Vec<Function> = cases().into_iter().map(|case| case.function).collect();
    for function in Function::ALL {
        assert_eq!(rows.iter().filter(|row| *row == function).count(), 1, "{function:?}");
    }
    assert_eq!(rows.len(), Function::ALL.len());
}

#[test]
fn activations_follow_their_formulas() {
    let inputs: Vec<f32> = sampled().into_iter().filter(|x| x.is_finite()).collect();
    for Case { function, value, .. } in cases() {
        for (alpha, beta) in PARAMETERS {
            let activation = Activation { function, alpha, beta };
            let expected: Vec<Expected> =
                inputs.iter().map(|&x| value(At::new(activation, x))).collect();
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
