//! The core's files over other atomics, locks and threads. The list is that of the core's `run/threads/mod.rs`.

mod affinity;
#[path = "../../../../core/src/run/threads/exchange.rs"]
mod exchange;
#[path = "../../../../core/src/run/threads/handoff.rs"]
mod handoff;
#[path = "../../../../core/src/run/threads/interrupt.rs"]
mod interrupt;
mod pool;
#[path = "../../../../core/src/run/threads/sleep.rs"]
mod sleep;
#[path = "../../../../core/src/run/threads/slices.rs"]
mod slices;
#[path = "../../../../core/src/run/threads/stages.rs"]
mod stages;
mod sync;
#[path = "../../../../core/src/run/threads/team.rs"]
#[allow(dead_code, reason = "the checks call what waits")]
mod team;
#[path = "../../../../core/src/run/threads/wait.rs"]
mod wait;

pub(super) use exchange::{Exchange, Units};
pub(super) use handoff::Awaited;
pub(super) use interrupt::Interrupt;
pub(super) use pool::close;
pub(super) use slices::SliceExchange;
pub(super) use stages::Stages;
pub(super) use sync::AtomicBool;
pub(crate) use sync::begin;
pub(super) use team::Threads;
pub(super) use wait::End;

use crate::error::Broken;

/// What a computation that touches only memory of its own returns.
pub(super) type Done = Result<(), Broken>;
