//! Vectors in slices of floats.
//!
//! In: floats, and where a vector begins. Out: the vector, or the floats with the vector stored. It does not
//! know what the floats are.

use fearless_simd::{Simd, SimdBase};

/// One vector of `floats`, from `start` on.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, floats: &[f32], start: usize) -> S::f32s {
    S::f32s::from_slice(simd, &floats[start..start + S::f32s::LEN])
}

/// Store one vector to `floats`, from `start` on.
#[inline(always)]
pub(super) fn store<S: Simd>(vector: S::f32s, floats: &mut [f32], start: usize) {
    vector.store_slice(&mut floats[start..start + S::f32s::LEN]);
}
