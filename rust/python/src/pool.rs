//! Things that one call uses at a time.
//!
//! In: what a call needs for itself, such as a workspace. Out: one that no other call is using. It does not know what
//! it is for.
//!
//! The lock is never held while the interpreter is released.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Those that no call is using: as many as calls of several threads have ever run at the same time.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    /// A pool with one.
    pub(crate) fn new(first: T) -> Self {
        Self(Mutex::new(vec![first]))
    }

    /// Take one out; `None` where all are in use, so that the call makes its own.
    pub(crate) fn take(&self) -> Option<T> {
        self.all().pop()
    }

    /// Put one in, for the next call.
    pub(crate) fn give(&self, one: T) {
        self.all().push(one);
    }

    fn all(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
