//! Arrays of zeros.
//!
//! In: a shape. Out: an array of it, or the error that there is no memory for it, where `ndarray` would end the
//! program. It does not know what the array is for.

use crate::error::Error;
use ndarray::{Array, Dimension, IntoDimension};

/// An array of zeros; `what` says for what, if there is no memory.
pub(super) fn zeros<Sh: IntoDimension>(
    shape: Sh,
    what: &'static str,
) -> Result<Array<f32, Sh::Dim>, Error> {
    let shape = shape.into_dimension();
    let len = shape.slice().iter().try_fold(1_usize, |len, &extent| len.checked_mul(extent));
    let bytes = len.and_then(|len| len.checked_mul(size_of::<f32>())).unwrap_or(usize::MAX);
    let none = || Error::OutOfMemory { what, bytes };
    let elements = zeros_vec(len.ok_or_else(none)?, what)?;
    Array::from_shape_vec(shape, elements).map_err(|_| none())
}

/// As [`zeros`], as elements one behind the other.
pub(super) fn zeros_vec(len: usize, what: &'static str) -> Result<Vec<f32>, Error> {
    let mut elements = Vec::new();
    let bytes = len.saturating_mul(size_of::<f32>());
    elements.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { what, bytes })?;
    elements.resize(len, 0.0);
    Ok(elements)
}
