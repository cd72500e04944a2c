//! The golden cases of `tests/golden`, by both routes, at every SIMD level and for one and two threads.

use crate::support::{Case, all_ways};
use bnns_lstm_testkit::compare::assert_close;
use bnns_lstm_testkit::golden::load_all;

/// Relative to max(1, |value|), as the golden cases' own README suggests for f32.
const TOLERANCE: f64 = 2e-5;

#[test]
fn outputs_are_those_of_the_golden_cases() {
    let cases = load_all().unwrap();
    assert_eq!(cases.len(), 42);
    for golden in cases {
        let case = Case::new(&golden.layer, &golden.inputs);
        for way in all_ways() {
            let name = |what| format!("{} {what} at {way:?}", golden.name);
            let results = case.run_in(way).unwrap();
            assert_close(&name("y"), &results.y, &golden.outputs.y, TOLERANCE);
            assert_close(&name("hn"), &results.hn, &golden.outputs.hn, TOLERANCE);
            assert_close(&name("cn"), &results.cn, &golden.outputs.cn, TOLERANCE);
        }
    }
}
