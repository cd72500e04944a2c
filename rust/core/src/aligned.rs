//! Float buffers on cache-line boundaries.
//!
//! In: a length. Out: floats, zeros or not, whose first one starts a cache line, so that no vector load straddles
//! two lines. It does not know what is stored.
//!
//! A thread keeps some of the memory that its buffers leave for its next buffers.

use crate::error::Error;
use crate::tuning::{KEPT_FLOATS, LINE_BYTES, LINE_FLOATS};
use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

thread_local! {
    /// What buffers of this thread left.
    static LEFT: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Memory for this many floats, and for at most twice as many, that a buffer left.
fn reuse(floats: usize) -> Option<Vec<f32>> {
    LEFT.with_borrow_mut(|left| {
        let fits = |vec: &&Vec<f32>| (floats..=floats.saturating_mul(2)).contains(&vec.capacity());
        let best = left.iter().filter(fits).map(Vec::capacity).min()?;
        let place = left.iter().position(|vec| vec.capacity() == best)?;
        Some(left.swap_remove(place))
    })
}

/// Keep memory for the next buffers, as far as there is room for it.
fn keep(storage: Vec<f32>) {
    // A thread that ends keeps nothing.
    let _ = LEFT.try_with(|left| {
        let mut left = left.borrow_mut();
        let kept: usize = left.iter().map(Vec::capacity).sum();
        if storage.capacity() > 0 && kept + storage.capacity() <= KEPT_FLOATS {
            left.push(storage);
        }
    });
}

/// Floats that start on a cache line; the length never changes.
#[derive(Default)]
pub(crate) struct Aligned {
    storage: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], with `what` in its message.
    pub(crate) fn zeros(len: usize, what: &'static str) -> Result<Self, Error> {
        Self::after(len, what, Vec::clear)
    }

    /// `len` floats of any value, which nobody may read before writing them: NaN in debug builds, so that
    /// tests notice if somebody does.
    ///
    /// # Errors
    ///
    /// As [`zeros`](Self::zeros).
    pub(crate) fn uninit(len: usize, what: &'static str) -> Result<Self, Error> {
        let mut floats = Self::after(len, what, |_| {})?;
        if cfg!(debug_assertions) {
            floats.fill(f32::NAN);
        }
        Ok(floats)
    }

    /// Old memory as `prepare` leaves it, or none; and zeros as far as it does not reach.
    fn after(
        len: usize,
        what: &'static str,
        prepare: impl FnOnce(&mut Vec<f32>),
    ) -> Result<Self, Error> {
        let out_of_memory =
            || Error::OutOfMemory { what, bytes: len.saturating_mul(size_of::<f32>()) };
        let padded = len.checked_add(LINE_FLOATS).ok_or_else(out_of_memory)?;
        let mut storage = reuse(padded).unwrap_or_default();
        prepare(&mut storage);
        let missing = padded.saturating_sub(storage.len());
        storage.try_reserve_exact(missing).map_err(|_| out_of_memory())?;
        storage.resize(padded, 0.0);
        let misalignment = storage.as_ptr().addr() % LINE_BYTES / size_of::<f32>();
        let start = if misalignment == 0 { 0 } else { LINE_FLOATS - misalignment };
        Ok(Self { storage, start, len })
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.storage));
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.storage[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.storage[self.start..self.start + self.len]
    }
}

impl fmt::Debug for Aligned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aligned({} floats)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::{Aligned, LEFT, keep, reuse};
    use crate::tuning::{KEPT_FLOATS as KEPT, LINE_BYTES};

    #[test]
    fn every_buffer_starts_a_cache_line_and_has_its_length() {
        for len in [0, 1, 15, 16, 1000] {
            let buffer = Aligned::zeros(len, "test").unwrap();
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr().addr() % LINE_BYTES, 0);
        }
    }

    #[test]
    fn memory_that_comes_back_is_zero_again() {
        for len in [1000, 700, 1000] {
            let mut buffer = Aligned::zeros(len, "test").unwrap();
            assert!(buffer.iter().all(|&value| value == 0.0));
            buffer.fill(1.0);
        }
    }

    #[test]
    fn a_thread_keeps_what_fits_and_no_more() {
        let kept = || LEFT.with_borrow(|left| left.iter().map(Vec::capacity).sum::<usize>());
        std::thread::spawn(move || {
            for _ in 0..5 {
                keep(Vec::with_capacity(KEPT / 4));
                keep(Vec::new());
            }
            assert_eq!(kept(), KEPT);
            assert!(reuse(KEPT / 8 - 1).is_none(), "more than twice as large");
            assert!(reuse(KEPT / 4 + 1).is_none(), "too small");
            assert_eq!(reuse(KEPT / 4 - 1).map(|vec| vec.capacity()), Some(KEPT / 4));
            assert_eq!(kept(), KEPT / 4 * 3);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn an_impossible_length_is_an_error() {
        assert!(Aligned::zeros(usize::MAX, "test").is_err());
        assert!(Aligned::zeros(isize::MAX as usize, "test").is_err());
    }
}
