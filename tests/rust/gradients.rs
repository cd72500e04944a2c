//! Gradients: the golden cases and the f64 oracle, at every SIMD level and for one and two threads.

use crate::support::training::{Named, Way};
use crate::support::{Case, examples, is_comparable, ways};
use bnns_lstm_testkit::compare::{assert_close, widen};
use bnns_lstm_testkit::golden::load_all;
use bnns_lstm_testkit::random::{Activations, Limits, random_case};
use bnns_lstm_testkit::{backward, forward};
use proptest::prelude::*;

/// Relative to max(1, |value|), as the golden cases' own README suggests for f32.
const TOLERANCE: f64 = 1e-4;

#[test]
fn gradients_are_those_of_the_golden_cases() {
    for golden in load_all().unwrap() {
        let case = Case::new(&golden.layer, &golden.inputs);
        for (level, n_threads) in ways() {
            for accumulate in [false, true] {
                let way = Way { level, n_threads, accumulate };
                let found = case.gradients(&golden.incoming, way).unwrap();
                let mut compared = 0;
                for (name, want) in &golden.gradients {
                    let what = format!("{} grad.{name} at {way:?}", golden.name);
                    assert_close(&what, &found[name], &widen(&want.values), TOLERANCE);
                    compared += 1;
                }
                assert!(compared >= 9, "{}: {compared} gradients", golden.name);
            }
        }
    }
}

fn bits(gradients: &Named) -> Vec<u32> {
    gradients.values().flatten().map(|value| value.to_bits()).collect()
}

fn compare(seed: u64, limits: &Limits) {
    let random = random_case(seed, limits);
    let trace = forward(&random.layer, &random.inputs, None);
    if !is_comparable(&random.layer, &trace) {
        return;
    }
    let wanted = backward(&random.layer, &trace, &random.incoming).named();
    let case = Case::new(&random.layer, &random.inputs);
    for (level, n_threads) in ways() {
        let way = Way { level, n_threads, accumulate: false };
        let found = case.gradients(&random.incoming, way).unwrap();
        for (name, values) in &found {
            let what = format!("{name} of seed {seed} at {way:?}");
            let scale = wanted[name].iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
            assert_close(&what, values, &wanted[name], TOLERANCE * scale);
        }
    }
}

proptest! {
    #![proptest_config(examples(150))]

    #[test]
    fn any_layer_agrees_with_the_oracle(seed: u64) {
        compare(seed, &Limits { activations: Activations::Any, ..Limits::default() });
    }

    #[test]
    fn default_activations_agree_with_the_oracle(seed: u64) {
        compare(seed, &Limits { activations: Activations::Default, ..Limits::default() });
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits(seed: u64) {
        let limits = Limits {
            hidden_size: 19, batch_size: 9, activations: Activations::Default, ..Limits::default()
        };
        let random = random_case(seed, &limits);
        let case = Case::new(&random.layer, &random.inputs);
        for (level, _) in ways() {
            let way = |n_threads| Way { level, n_threads, accumulate: false };
            let one = case.gradients(&random.incoming, way(1)).unwrap();
            for n_threads in [2, 3, 5] {
                let many = case.gradients(&random.incoming, way(n_threads)).unwrap();
                prop_assert_eq!(bits(&one), bits(&many), "{:?}, {} threads", level, n_threads);
            }
        }
    }
}
