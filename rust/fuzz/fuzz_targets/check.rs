//! Arbitrary descriptors against `check` and `check_after`.

#![no_main]

#[path = "../src/structure.rs"]
mod structure;

libfuzzer_sys::fuzz_target!(|input: structure::Structure| structure::run(&input));
