//! Buffers of floats.

use crate::error::Error;
use std::ops::{Deref, DerefMut};

/// Floats, on any boundary.
#[derive(Debug)]
pub(crate) struct Aligned(Vec<f32>);

impl Aligned {
    #[expect(clippy::unnecessary_wraps, reason = "as the core has it")]
    pub(crate) fn zeros(len: usize, _: &'static str) -> Result<Self, Error> {
        Ok(Self(vec![0.0; len]))
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
