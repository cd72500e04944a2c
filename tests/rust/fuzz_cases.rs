//! What the fuzz targets found, again; and the targets themselves on a few random inputs.
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

fn replay(target: &str, run: fn(&[u8])) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/rust/fuzz_cases").join(target);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        run(&fs::read(path).unwrap());
    }
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
    replay("check", check);
}

#[test]
fn found_layers() {
    replay("forward", forward);
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
    replay("backward", backward);
}

#[test]
fn random_pairs() {
    run_random(1500, backward);
}
