//! Threads of our own, and how they wait for and see each other.
//!
//! In: a number of threads. Out: [`Threads`], which runs computations side by side; what they share: work that is
//! handed over, hidden states that are exchanged, a call that ends early. It does not know what is computed.
//!
//! The files take atomics, locks and time from `sync` and the pool from `pool`: `rust/models` puts others in their
//! places and checks every order in which threads may run.

mod affinity;
mod columns;
mod exchange;
mod handoff;
mod interrupt;
mod pool;
mod sleep;
mod slices;
mod stages;
mod sync;
mod team;
mod wait;

pub(super) use exchange::{Exchange, Units};
pub(super) use handoff::Awaited;
pub use interrupt::Interrupt;
pub(super) use slices::SliceExchange;
pub(super) use stages::Stages;
pub(super) use team::{Divide, Threads};
pub(super) use wait::End;

use crate::error::Broken;

/// What a computation that touches only memory of its own returns.
pub(super) type Done = Result<(), Broken>;
