//! Gradients: the golden cases and the f64 oracle, by both routes, at every SIMD level and for one and two threads.

use crate::support::training::{Named, Way};
use crate::support::{Case, all_ways, comparable_gradients, examples, ways};
use bnns_lstm::binding::Tuning;
use bnns_lstm::{Checkpoints, Level};
use bnns_lstm_testkit::compare::{assert_close, widen};
use bnns_lstm_testkit::golden::load_all;
use bnns_lstm_testkit::random::{Activations, Limits, random_case};
use bnns_lstm_testkit::{backward, forward};
use proptest::prelude::*;

/// Relative to max(1, |value|), as the golden cases' own README suggests for f32.
const TOLERANCE: f64 = 1e-4;

/// Every kind of cache.
const CHECKPOINTS: [Checkpoints; 5] = [
    Checkpoints::EveryStep,
    Checkpoints::SquareRoot,
    Checkpoints::Every(1),
    Checkpoints::Every(3),
    Checkpoints::Every(usize::MAX),
];

#[test]
fn gradients_are_those_of_the_golden_cases() {
    for golden in load_all().unwrap() {
        let case = Case::new(&golden.layer, &golden.inputs);
        for call in all_ways() {
            let checkpoints = CHECKPOINTS.into_iter().map(|checkpoints| (checkpoints, false));
            for (checkpoints, accumulate) in checkpoints.chain([(Checkpoints::Every(2), true)]) {
                let way = Way { accumulate, checkpoints, ..Way::of_call(call) };
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

fn compare(seed: u64, limits: &Limits, dropout: f32) -> Result<(), TestCaseError> {
    let random = random_case(seed, limits);
    let case = Case::new(&random.layer, &random.inputs);
    let all = all_ways().into_iter().enumerate().map(|(index, call)| {
        let checkpoints = CHECKPOINTS[(index + seed as usize) % CHECKPOINTS.len()];
        Way { checkpoints, dropout, seed, ..Way::of_call(call) }
    });
    let mask =
        (dropout > 0.0).then(|| case.mask(Way { dropout, seed, ..Way::new(Level::best(), 1) }));
    let trace = forward(&random.layer, &random.inputs, mask.as_deref());
    comparable_gradients(&random.layer, &trace)?;
    let wanted = backward(&random.layer, &trace, &random.incoming).named();
    for way in all {
        let found = case.gradients(&random.incoming, way).unwrap();
        for (name, values) in &found {
            let what = format!("{name} of seed {seed} at {way:?}");
            let scale = wanted[name].iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
            assert_close(&what, values, &wanted[name], TOLERANCE * scale);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(examples(150))]

    #[test]
    fn any_layer_agrees_with_the_oracle(seed: u64) {
        compare(seed, &Limits { activations: Activations::Any, ..Limits::default() }, 0.0)?;
    }

    #[test]
    fn default_activations_agree_with_the_oracle(seed: u64) {
        compare(seed, &Limits { activations: Activations::Default, ..Limits::default() }, 0.0)?;
    }

    #[test]
    fn layers_with_dropout_agree_with_the_oracle(seed: u64, dropout in 0.05_f32..0.9) {
        compare(seed, &Limits { activations: Activations::Default, ..Limits::default() }, dropout)?;
    }

    #[test]
    fn what_the_cache_holds_changes_no_bit(seed: u64, dropout in prop_oneof![Just(0.0), Just(0.5_f32)]) {
        let limits = Limits { hidden_size: 9, ..Limits::default() };
        let random = random_case(seed, &limits);
        let case = Case::new(&random.layer, &random.inputs);
        for (level, n_threads) in ways() {
            let way = |checkpoints| Way { checkpoints, dropout, seed, ..Way::new(level, n_threads) };
            let [all, others @ ..] =
                CHECKPOINTS.map(|checkpoints| case.gradients(&random.incoming, way(checkpoints)).unwrap());
            for (other, checkpoints) in others.iter().zip(&CHECKPOINTS[1..]) {
                prop_assert_eq!(bits(&all), bits(other), "{:?} at {:?}", checkpoints, level);
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits(seed: u64) {
        let limits = Limits {
            hidden_size: 19, batch_size: 9, activations: Activations::Default, ..Limits::default()
        };
        let random = random_case(seed, &limits);
        let case = Case::new(&random.layer, &random.inputs);
        for (level, _) in ways() {
            let way = |n_threads| Way {
                checkpoints: CHECKPOINTS[seed as usize % 3],
                ..Way::new(level, n_threads)
            };
            let one = case.gradients(&random.incoming, way(1)).unwrap();
            for n_threads in [2, 3, 5] {
                let many = case.gradients(&random.incoming, way(n_threads)).unwrap();
                prop_assert_eq!(bits(&one), bits(&many), "{:?}, {} threads", level, n_threads);
            }
        }
    }

    #[test]
    fn chunks_of_any_size_give_the_same_bits(seed: u64) {
        compare_chunks(seed);
    }
}

/// As [`bits`], but one NaN is like another: the language leaves its sign open, and it may depend on the loop that
/// a sum takes.
fn bits_of_numbers(gradients: &Named) -> Vec<u32> {
    let canonical = |value: &f32| if value.is_nan() { f32::NAN } else { *value };
    gradients.values().flatten().map(|value| canonical(value).to_bits()).collect()
}

/// Check that no size of a chunk changes a gradient, and say whether all are numbers.
fn compare_chunks(seed: u64) -> bool {
    let limits = Limits { seq_len: 30, batch_size: 9, ..Limits::default() };
    let random = random_case(seed, &limits);
    let case = Case::new(&random.layer, &random.inputs);
    let mut are_numbers = true;
    for (level, n_threads) in ways() {
        let way = Way::new(level, n_threads);
        let gradients = |training_rows, chunk_bytes| {
            let tuning = Tuning { training_rows, chunk_bytes, ..way.tuning };
            case.gradients(&random.incoming, Way { tuning, ..way }).unwrap()
        };
        let usual = gradients(way.tuning.training_rows, way.tuning.chunk_bytes);
        are_numbers &= usual.values().flatten().all(|value| !value.is_nan());
        for (training_rows, chunk_bytes) in [(1, 1), (20, 1 << 12), (1 << 20, 1 << 30)] {
            let found = gradients(training_rows, chunk_bytes);
            let (usual, found) = (bits_of_numbers(&usual), bits_of_numbers(&found));
            assert_eq!(usual, found, "{level:?} {training_rows} rows");
        }
    }
    are_numbers
}

/// Found by the property above: sums of NaN whose signs differ from chunk to chunk.
#[test]
fn chunks_of_any_size_keep_nan() {
    assert!(!compare_chunks(3_989_330_996_687_674_108));
}
