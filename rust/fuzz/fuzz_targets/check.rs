//! Arbitrary descriptors against `check` and `check_after`.

#![no_main]

use bnns_lstm_fuzz::structure::{Structure, run};

libfuzzer_sys::fuzz_target!(|input: Structure| {
    run(&input);
});
