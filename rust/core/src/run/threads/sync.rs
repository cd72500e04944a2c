//! What threads share memory and wait with: atomics, locks, time.
//!
//! In: nothing. Out: the standard library's names. The files beside this one take them from here, so that the model
//! checks of `rust/models` compile the same files with another module in this one's place, whose names explore every
//! order in which threads may run.

use std::num::NonZero;
use std::sync::OnceLock;

pub(super) use std::hint::spin_loop;
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(super) use std::sync::{Condvar, Mutex, PoisonError, RwLock};
pub(super) use std::thread::{ThreadId, current, yield_now};
pub(super) use std::thread_local;

/// Give up the core for a while.
pub(super) fn nap() {
    std::thread::sleep(crate::tuning::NAP);
}

/// How many threads this process may run at a time.
pub(super) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}
