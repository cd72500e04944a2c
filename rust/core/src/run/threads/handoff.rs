//! Work that goes from one thread to another.
//!
//! In: work. Out: the same, on the thread that comes first ([`Handoff`]), or on one that comes later and waits for it
//! ([`Awaited`]). It does not know what the work is.

use super::sync::{AtomicBool, Mutex, Ordering, PoisonError};
use super::wait::wait_until;

/// Work for one thread: the first who comes takes it.
pub(super) struct Handoff<T>(Mutex<Option<T>>);

impl<T> Handoff<T> {
    pub(super) fn new(work: T) -> Self {
        Self(Mutex::new(Some(work)))
    }

    /// No work yet.
    pub(super) fn empty() -> Self {
        Self(Mutex::new(None))
    }

    /// Offer the work again.
    pub(super) fn put(&self, work: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
    }

    /// The work, if nobody has taken it yet.
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Work that the leading thread does itself until another one comes for it.
pub(in crate::run) struct Awaited<T> {
    handoff: Handoff<T>,
    /// A thread has come while the leading one had the work.
    is_awaited: AtomicBool,
}

impl<T> Awaited<T> {
    pub(in crate::run) fn new(work: T) -> Self {
        Self { handoff: Handoff::new(work), is_awaited: AtomicBool::new(false) }
    }

    /// Take the work, or wait until the leading thread gives it or has done everything.
    pub(in crate::run) fn wait(&self, is_over: &AtomicBool) -> Option<T> {
        let taken = self.handoff.take();
        if taken.is_some() {
            return taken;
        }
        self.is_awaited.store(true, Ordering::Release);
        wait_until(|| is_over.load(Ordering::Acquire) || !self.is_awaited());
        self.handoff.take()
    }

    /// The work, if no thread has come for it yet: the leading thread does it now.
    pub(in crate::run) fn take(&self) -> Option<T> {
        self.handoff.take()
    }

    /// Whether a thread waits for the work.
    pub(in crate::run) fn is_awaited(&self) -> bool {
        self.is_awaited.load(Ordering::Acquire)
    }

    /// Give the work to the thread that waits for it.
    pub(in crate::run) fn give(&self, work: T) {
        self.handoff.put(work);
        self.is_awaited.store(false, Ordering::Release);
    }
}
