//! Random layers against the f64 oracle, by both routes, at every SIMD level and for one and two threads.

use crate::support::{Case, all_ways, comparable, examples};
use bnns_lstm_testkit::compare::assert_close;
use bnns_lstm_testkit::forward;
use bnns_lstm_testkit::random::{Activations, Limits, random_case};
use proptest::prelude::*;

/// Relative to max(1, |value|); f32 sums of some dozens of products.
const TOLERANCE: f64 = 2e-5;

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
