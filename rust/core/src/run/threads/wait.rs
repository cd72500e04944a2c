//! Waiting for other threads.
//!
//! In: a question that another thread is about to answer with yes. Out: the answer. Whoever waits looks often
//! at first, then pauses between two looks, then gives up its core, and sleeps only in the end: waking a thread
//! up takes as long as a step of a small layer. It does not know what is waited for.

use crate::tuning::{LOOKS, NAP, PAUSES, YIELDS};
use std::sync::atomic::{AtomicBool, Ordering};

/// Look for some hundred microseconds, and say whether it happened.
pub(in crate::run) fn spin_until(is_done: impl Fn() -> bool) -> bool {
    let pauses: [(usize, fn()); 3] =
        [(LOOKS, || {}), (PAUSES, std::hint::spin_loop), (YIELDS, std::thread::yield_now)];
    for (attempts, pause) in pauses {
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
        std::thread::sleep(NAP);
    }
}

/// Says at its end that there is nothing left to wait for, even if a computation panicked.
pub(in crate::run) struct End<'e>(pub(in crate::run) &'e AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
