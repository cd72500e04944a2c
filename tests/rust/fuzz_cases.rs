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

fn check(bytes: &[u8]) {
    if let Some(input) = decoded(bytes) {
        structure::run(&input);
    }
}

fn forward(bytes: &[u8]) {
    if let Some(input) = decoded(bytes) {
        layer::run(&input);
    }
}

fn backward(bytes: &[u8]) {
    if let Some(input) = decoded(bytes) {
        gradients::run(&input);
    }
}

/// Run all files of a folder of the repository; how many there are.
fn replay(folder: &str, target: &str, run: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder).join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        run(&fs::read(path).unwrap());
        count += 1;
    }
    count
}

fn replay_found(target: &str, run: fn(&[u8])) {
    assert!(replay("tests/rust/fuzz_cases", target, run) > 0);
}

/// The seeds that the runner starts from.
fn replay_seeds(target: &str, run: fn(&[u8])) {
    let seeds = replay("rust/fuzz/seeds", target, run);
    assert!(seeds > 50, "only {seeds} seeds of {target}");
}

fn run_random(inputs: u64, run: fn(&[u8])) {
    for seed in 0..inputs {
        let mut random = Rng::new(seed);
        let len = random.between(0, 600);
        // Mostly zeros, which decode to what is valid; a few bytes of anything.
        let is_rare = random.chance(0.5);
        let bytes: Vec<u8> = (0..len)
            .map(|_| if is_rare && random.chance(0.9) { 0 } else { random.bits() as u8 })
            .collect();
        run(&bytes);
    }
}

#[test]
fn found_structures() {
    replay_found("check", check);
}

#[test]
fn found_layers() {
    replay_found("forward", forward);
}

#[test]
fn random_structures() {
    run_random(3000, check);
}

#[test]
fn random_layers() {
    run_random(1500, forward);
}

#[test]
fn found_pairs() {
    replay_found("backward", backward);
}

#[test]
fn random_pairs() {
    run_random(1500, backward);
}

#[test]
fn seeds_of_structures() {
    replay_seeds("check", check);
}

#[test]
fn seeds_of_layers() {
    replay_seeds("forward", forward);
}

#[test]
fn seeds_of_pairs() {
    replay_seeds("backward", backward);
}
