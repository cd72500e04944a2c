//! The threads of `bnns-lstm`, model-checked by loom.
//!
//! In: the files of `rust/core/src/run/threads`, as they are. Out: checks ([`run::checks`]) that run a few steps of two
//! or three threads in every order in which they may interleave, and with every value that an atomic may then hold, up
//! to a bound of forced switches. What stands below the files is of this crate: `run/threads/sync.rs` (atomics, locks)
//! and `pool.rs` are loom's, with faults that can be planted in them ([`Fault`]); errors, buffers and constants are
//! the least that the files need.

mod aligned;
mod error;
mod fault;
mod place;
pub mod run;
mod tuning;

pub use fault::{Fault, failure, finds, holds};
