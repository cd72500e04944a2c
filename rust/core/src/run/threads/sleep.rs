//! Threads that have looked for long enough, and sleep.
//!
//! In: a question that another thread is about to answer with yes. Out: the thread sleeps until then. It does not know
//! what is waited for.

use super::sync::{AtomicUsize, Condvar, Mutex, Ordering, PoisonError, fence};

/// Where threads sleep.
#[derive(Debug)]
pub(super) struct Sleep {
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    bell: Condvar,
}

impl Sleep {
    pub(super) fn new() -> Self {
        Self { sleepers: AtomicUsize::new(0), lock: Mutex::new(()), bell: Condvar::new() }
    }

    /// Sleep until it has happened; whoever makes it happen calls [`wake`](Self::wake) after that.
    pub(super) fn until(&self, has_happened: impl Fn() -> bool) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        // Either this thread sees what has happened, or the other one sees that somebody sleeps.
        fence(Ordering::SeqCst);
        while !has_happened() {
            guard = self.bell.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wake up all that sleep.
    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            // Whoever has looked, and not begun to wait, holds the lock.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.bell.notify_all();
        }
    }

    /// Whether nobody sleeps.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sleepers.load(Ordering::Relaxed) == 0
    }
}
