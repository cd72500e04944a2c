//! Random layers against the f64 oracle, by both routes, at every SIMD level and for one and two threads.

use crate::support::{Case, all_ways, comparable, examples};
use bnns_lstm::Options;
use bnns_lstm::binding::Tuning;
use bnns_lstm_testkit::compare::assert_close;
use bnns_lstm_testkit::forward;
use bnns_lstm_testkit::random::{Activations, Limits, Rng, random_case};
use proptest::prelude::*;

/// Relative to max(1, |value|); f32 sums of some dozens of products.
const TOLERANCE: f64 = 2e-5;

/// Groups of rows and parts of the units.
fn drawn_grid(seed: u64) -> [u32; 2] {
    let mut rng = Rng::new(seed);
    [rng.between(1, 3), rng.between(1, 4)].map(|number| number as u32)
}

fn compare(seed: u64, limits: &Limits) -> Result<(), TestCaseError> {
    let random = random_case(seed, limits);
    let trace = forward(&random.layer, &random.inputs, None);
    comparable(&random.layer, &trace)?;
    let case = Case::new(&random.layer, &random.inputs);
    for way in all_ways() {
        let results = case.run_in(way).unwrap();
        let name = |what| format!("{what} of seed {seed} at {way:?}");
        assert_close(&name("y"), &results.y, &trace.outputs.y, TOLERANCE);
        assert_close(&name("hn"), &results.hn, &trace.outputs.hn, TOLERANCE);
        assert_close(&name("cn"), &results.cn, &trace.outputs.cn, TOLERANCE);
        let grid = Some(drawn_grid(seed));
        let options = way.options();
        let options = Options { tuning: Tuning { grid, ..options.tuning }, ..options };
        let divided = case.run_with(options).unwrap();
        way.assert_same(&name("y in a grid"), &divided.y, &results.y);
        way.assert_same(&name("hn in a grid"), &divided.hn, &results.hn);
        way.assert_same(&name("cn in a grid"), &divided.cn, &results.cn);
    }
    Ok(())
}

proptest! {
    #![proptest_config(examples(300))]

    #[test]
    fn any_layer_agrees_with_the_oracle(seed: u64) {
        compare(seed, &Limits { activations: Activations::Any, ..Limits::default() })?;
    }

    #[test]
    fn default_activations_agree_with_the_oracle(seed: u64) {
        compare(seed, &Limits { activations: Activations::Default, ..Limits::default() })?;
    }
}

proptest! {
    #![proptest_config(examples(24))]

    /// Sizes beyond every tile, block and chunk.
    #[test]
    fn larger_layers_agree_with_the_oracle(seed: u64) {
        let limits = Limits {
            input_size: 40,
            hidden_size: 70,
            batch_size: 20,
            num_layers: 2,
            seq_len: 12,
            activations: Activations::Default,
            ..Limits::default()
        };
        compare(seed, &limits)?;
    }
}
