//! Forward passes of small layers in any form, some of them corrupted.

#![no_main]

#[path = "../src/layer.rs"]
mod layer;

libfuzzer_sys::fuzz_target!(|input: layer::Layer| layer::run(&input));
