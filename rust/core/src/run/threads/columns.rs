//! Columns of rows that threads exchange as slices.
//!
//! In: rows of floats, of which each part of a layer has some columns. Out: the same rows in every part, with the columns
//! of all. It does not know what they are.

use super::Done;
use super::slices::SliceExchange;
use std::ops::Range;

impl SliceExchange {
    /// Publish a part's columns of the first `rows` rows, which are `pitch` floats apart, by way of `slice`.
    pub(in crate::run) fn publish_columns(
        &self,
        (part, step): (usize, usize),
        columns: &Range<usize>,
        rows: usize,
        (from, pitch): (&[f32], usize),
        slice: &mut [f32],
    ) -> Done {
        let slice = &mut slice[..rows * columns.len()];
        for (to, from) in slice.chunks_exact_mut(columns.len()).zip(from.chunks(pitch)) {
            to.copy_from_slice(&from[columns.clone()]);
        }
        self.publish(part, step, slice)
    }

    /// Read a part's columns into as many rows as it has published.
    pub(in crate::run) fn read_columns(
        &self,
        (part, step): (usize, usize),
        columns: &Range<usize>,
        (to, pitch): (&mut [f32], usize),
    ) -> Done {
        self.read(part, step, |slice| {
            for (to, from) in to.chunks_mut(pitch).zip(slice.chunks_exact(columns.len())) {
                to[columns.clone()].copy_from_slice(from);
            }
        })
    }
}
