//! Forward passes of small layers in any form, some of them corrupted.

#![no_main]

use bnns_lstm_fuzz::layer::{Layer, run};

libfuzzer_sys::fuzz_target!(|input: Layer| {
    run(&input);
});
