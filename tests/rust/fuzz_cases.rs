//! What the fuzz targets found, again; and the targets themselves on their seeds and on a few
//! random inputs.
//!
//! A found input lies in `fuzz_cases/check`, `fuzz_cases/forward` or `fuzz_cases/backward` under a name that says what was wrong.
//! It means the same only as long as the target decodes it in the same way, so that whatever can be said
//! without a fuzzer has a row in the other tests as well; see `rust/fuzz/README.md`.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::missing_panics_doc,
    clippy::len_without_is_empty,
    clippy::struct_excessive_bools
)]

#[path = "../../rust/fuzz/src/lib.rs"]
mod fuzz;

use arbitrary::{Arbitrary, Unstructured};
use bnns_lstm_testkit::random::Rng;
use fuzz::{gradients, layer, structure};
use std::fs;
use std::path::Path;

/// Decode as the runner does; inputs that are too short are no input.
fn decoded<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}

/// Whether a target accepted an input; `None` if it could not be decoded.
type Target = fn(&[u8]) -> Option<bool>;

fn check(bytes: &[u8]) -> Option<bool> {
    decoded(bytes).map(|input| structure::run(&input))
}

fn forward(bytes: &[u8]) -> Option<bool> {
    decoded(bytes).map(|input| layer::run(&input))
}

fn backward(bytes: &[u8]) -> Option<bool> {
    decoded(bytes).map(|input| gradients::run(&input))
}

/// As [`forward`], by both routes of products.
fn forward_by_both(bytes: &[u8]) -> Option<bool> {
    let by_other = decoded(bytes).map(|input: layer::Layer| layer::run(&input.by_other_route()));
    both(forward(bytes), by_other)
}

/// As [`backward`], by both routes of products.
fn backward_by_both(bytes: &[u8]) -> Option<bool> {
    let by_other =
        decoded(bytes).map(|input: gradients::Pair| gradients::run(&input.by_other_route()));
    both(backward(bytes), by_other)
}

/// The route does not decide what is refused.
fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    assert_eq!(one, other);
    one
}

/// Run all files of a folder of the repository; how many of them were decoded.
fn replay(folder: &str, target: &str, run: Target) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder).join(target);
    let mut decoded = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        decoded += usize::from(run(&fs::read(path).unwrap()).is_some());
    }
    decoded
}

fn replay_found(target: &str, run: Target) {
    assert!(replay("tests/rust/fuzz_cases", target, run) > 0, "no found input was decoded");
}

/// The seeds that the runner starts from.
fn replay_seeds(target: &str, run: Target) {
    let seeds = replay("rust/fuzz/seeds", target, run);
    assert!(seeds > 50, "only {seeds} seeds of {target} were decoded");
}

/// Of a hundred random inputs so many are decoded at least, and so many accepted and so many refused of those.
struct Shares {
    decoded: u64,
    accepted: u64,
    refused: u64,
}

fn run_random(inputs: u64, run: Target, at_least: &Shares) {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..inputs {
        let mut random = Rng::new(seed);
        let len = random.between(0, 600);
        // Mostly zeros, which decode to what is valid; a few bytes of anything.
        let is_rare = random.chance(0.5);
        let bytes: Vec<u8> = (0..len)
            .map(|_| if is_rare && random.chance(0.9) { 0 } else { random.bits() as u8 })
            .collect();
        match run(&bytes) {
            Some(true) => accepted += 1,
            Some(false) => refused += 1,
            None => {}
        }
    }
    let decoded = accepted + refused;
    let found = format!("{decoded} of {inputs} decoded, {accepted} accepted, {refused} refused");
    println!("{found}");
    assert!(100 * decoded >= at_least.decoded * inputs, "{found}");
    assert!(100 * accepted >= at_least.accepted * decoded, "{found}");
    assert!(100 * refused >= at_least.refused * decoded, "{found}");
}

#[test]
fn found_structures() {
    replay_found("check", check);
}

#[test]
fn found_layers() {
    replay_found("forward", forward_by_both);
}

#[test]
fn found_pairs() {
    replay_found("backward", backward_by_both);
}

#[test]
fn random_structures() {
    run_random(3000, check, &Shares { decoded: 95, accepted: 25, refused: 25 });
}

#[test]
fn random_layers() {
    run_random(1500, forward, &Shares { decoded: 95, accepted: 60, refused: 5 });
}

#[test]
fn random_pairs() {
    run_random(1500, backward, &Shares { decoded: 95, accepted: 35, refused: 25 });
}

#[test]
fn seeds_of_structures() {
    replay_seeds("check", check);
}

#[test]
fn seeds_of_layers() {
    replay_seeds("forward", forward_by_both);
}

#[test]
fn seeds_of_pairs() {
    replay_seeds("backward", backward_by_both);
}
