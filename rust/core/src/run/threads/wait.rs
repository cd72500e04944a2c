//! Waiting for other threads.
//!
//! In: a question that another thread is about to answer with yes. Out: the answer. Whoever waits looks often
//! at first, then pauses between two looks, then gives up its core, and sleeps only in the end: waking a thread
//! up takes as long as a step of a small layer. It does not know what is waited for.

use super::sync::{AtomicBool, AtomicUsize, Ordering, nap, spin_loop, yield_now};
use crate::tuning::{LOOKS, PAUSES, YIELDS};

/// Look for some hundred microseconds, and say whether it happened.
pub(in crate::run) fn spin_until(is_done: impl Fn() -> bool) -> bool {
    look_until(is_done, PAUSES)
}

/// As [`spin_until`], with so many pauses before the core is given up.
pub(super) fn look_until(is_done: impl Fn() -> bool, pauses: usize) -> bool {
    let attempts: [(usize, fn()); 3] = [(LOOKS, || {}), (pauses, spin_loop), (YIELDS, yield_now)];
    for (attempts, pause) in attempts {
        for _ in 0..attempts {
            if is_done() {
                return true;
            }
            pause();
        }
    }
    is_done()
}

/// Wait until it has happened, however long that takes.
pub(in crate::run) fn wait_until(is_done: impl Fn() -> bool) {
    while !spin_until(&is_done) {
        nap();
    }
}

/// Says at its end that there is nothing left to wait for, even if a computation panicked.
pub(in crate::run) struct End<'e>(pub(in crate::run) &'e AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Counts at its end, even if a computation panicked.
pub(super) struct Counted<'c>(pub(super) &'c AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}
