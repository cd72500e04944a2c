//! Copies of single rows between the caller's strided arrays and buffers of our own.
//!
//! In: a row of a view, floats. Out: the same numbers on the other side. It computes nothing.

use ndarray::{ArrayView1, ArrayViewMut1};

/// Copy a row of the caller's.
pub(super) fn read_row(row: ArrayView1<'_, f32>, to: &mut [f32]) {
    match row.to_slice() {
        Some(row) => to.copy_from_slice(row),
        None => to.iter_mut().zip(row).for_each(|(to, &value)| *to = value),
    }
}

/// Copy the first elements of a padded row to a row of the caller's.
pub(super) fn write_row(row: &[f32], mut to: ArrayViewMut1<'_, f32>) {
    match to.as_slice_mut() {
        Some(to) => to.copy_from_slice(&row[..to.len()]),
        None => to.iter_mut().zip(row).for_each(|(to, &value)| *to = value),
    }
}
