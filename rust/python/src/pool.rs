//! Things that one call uses at a time.
//!
//! In: what a call needs for itself, such as a workspace. Out: one that no other call is using, or what is computed
//! with it. It does not know what it is for.
//!
//! The lock is never held while the interpreter is released.

use crate::errors::Failure;
use crate::interrupt::interruptible;
use bnns_lstm::Error;
use bnns_lstm::binding::Interrupt;
use pyo3::prelude::*;
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

    /// Compute with one, made where all are in use, without the interpreter and until a signal ends it.
    pub(crate) fn compute(
        &self,
        py: Python<'_>,
        make: impl FnOnce() -> Result<T, Error> + Send,
        compute: impl FnOnce(&mut T, &Interrupt<'_>) -> Result<(), Error> + Send,
    ) -> Result<(), Failure>
    where
        T: Send,
    {
        let unused = self.take();
        let (done, one) = interruptible(py, |interrupt| {
            let mut one = unused.map_or_else(make, Ok)?;
            let done = compute(&mut one, interrupt);
            Ok((done, one))
        })?;
        self.give(one);
        Ok(done?)
    }

    fn all(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
