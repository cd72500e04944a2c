//! Criterion benchmarks of the layer's parts, on one thread at the best level of the machine.
//!
//! In: nothing. Out: times, in `target/criterion`.
//!
//! `cargo bench --locked --manifest-path rust/bench/Cargo.toml --bench layer -- [PATTERN]`

#![allow(missing_docs, unreachable_pub)]

mod backward;
mod forward;
mod packing;
mod room;
mod support;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, forward::benches, packing::benches, backward::benches);
criterion_main!(benches);
