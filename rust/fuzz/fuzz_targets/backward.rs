//! Backward passes of small layers in any form, some of them corrupted, with any cache.

#![no_main]

use bnns_lstm_fuzz::gradients::{Pair, run};

libfuzzer_sys::fuzz_target!(|input: Pair| {
    run(&input);
});
