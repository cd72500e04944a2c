//! Float buffers on cache-line boundaries.
//!
//! In: a length. Out: zeroed floats whose first one starts a cache line, so that no vector load straddles
//! two lines. It does not know what is stored.

use crate::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;
/// Floats of a cache line.
const FLOATS: usize = LINE / size_of::<f32>();

/// Zeroed floats that start on a cache line; the length never changes.
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
        let out_of_memory =
            || Error::OutOfMemory { what, bytes: len.saturating_mul(size_of::<f32>()) };
        let padded = len.checked_add(FLOATS).ok_or_else(out_of_memory)?;
        let mut storage: Vec<f32> = Vec::new();
        storage.try_reserve_exact(padded).map_err(|_| out_of_memory())?;
        storage.resize(padded, 0.0);
        let misalignment = storage.as_ptr().addr() % LINE / size_of::<f32>();
        let start = if misalignment == 0 { 0 } else { FLOATS - misalignment };
        Ok(Self { storage, start, len })
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
    use super::{Aligned, LINE};

    #[test]
    fn every_buffer_starts_a_cache_line_and_has_its_length() {
        for len in [0, 1, 15, 16, 1000] {
            let buffer = Aligned::zeros(len, "test").unwrap();
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr().addr() % LINE, 0);
        }
    }

    #[test]
    fn an_impossible_length_is_an_error() {
        assert!(Aligned::zeros(usize::MAX, "test").is_err());
        assert!(Aligned::zeros(isize::MAX as usize, "test").is_err());
    }
}
