//! Matrices over floats, and their product.
//!
//! In: floats, how many rows there are, how wide they are and how far apart. Out: views, and the product of two
//! of them. What does not fit is [`Broken`], as sizes come from plans.

use crate::error::Broken;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};
use std::ops::Range;

const TOO_FEW: Broken = Broken("fewer floats than the rows of a product have");

/// `count` rows of `width` floats, `pitch` apart: `[count, width]`.
pub(crate) fn rows(
    floats: &[f32],
    count: usize,
    width: usize,
    pitch: usize,
) -> Result<ArrayView2<'_, f32>, Broken> {
    ArrayView2::from_shape((count, width).strides((pitch, 1)), floats).map_err(|_| TOO_FEW)
}

/// As [`rows`], to write.
pub(crate) fn rows_mut(
    floats: &mut [f32],
    count: usize,
    width: usize,
    pitch: usize,
) -> Result<ArrayViewMut2<'_, f32>, Broken> {
    ArrayViewMut2::from_shape((count, width).strides((pitch, 1)), floats).map_err(|_| TOO_FEW)
}

/// Some columns of `count` rows that lie one behind the other, each `width` floats: `[count, columns]`.
pub(crate) fn columns(
    floats: &[f32],
    count: usize,
    width: usize,
    columns: Range<usize>,
) -> Result<ArrayView2<'_, f32>, Broken> {
    let from = floats.get(columns.start..).ok_or(TOO_FEW)?;
    rows(from, count, columns.len(), width)
}

/// `to = a · b`, or `to += a · b`.
pub(crate) fn multiply(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    add: bool,
    mut to: ArrayViewMut2<'_, f32>,
) -> Result<(), Broken> {
    // `ndarray` would panic.
    if a.ncols() != b.nrows() || to.dim() != (a.nrows(), b.ncols()) {
        return Err(Broken("factors of a product whose sizes do not fit"));
    }
    general_mat_mul(1.0, &a, &b, if add { 1.0 } else { 0.0 }, &mut to);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{columns, multiply, rows, rows_mut};

    /// `[rows, columns]` of whole numbers, in rows `pitch` apart; NaN between them.
    fn matrix(rows: usize, columns: usize, pitch: usize) -> Vec<f32> {
        let mut floats = vec![f32::NAN; rows * pitch];
        for (row, floats) in floats.chunks_exact_mut(pitch).enumerate() {
            for (column, value) in floats[..columns].iter_mut().enumerate() {
                *value = ((3 * row + 5 * column) % 7) as f32 - 3.0;
            }
        }
        floats
    }

    /// -0 counts as 0.
    fn bits(value: f32) -> u32 {
        (value + 0.0).to_bits()
    }

    #[test]
    fn products_of_rows_and_of_columns_are_exact() {
        for [m, k, n] in [[1, 1, 1], [3, 5, 2], [17, 33, 20], [40, 300, 70]] {
            let (a, b) = (matrix(m, k, k + 3), matrix(k, n, n + 1));
            let wanted = |row: usize, column: usize| -> f32 {
                (0..k).map(|at| a[row * (k + 3) + at] * b[at * (n + 1) + column]).sum()
            };
            for add in [false, true] {
                let mut to = vec![7.0; m * (n + 2)];
                let factors = (rows(&a, m, k, k + 3).unwrap(), rows(&b, k, n, n + 1).unwrap());
                let place = rows_mut(&mut to, m, n, n + 2).unwrap();
                multiply(factors.0, factors.1, add, place).unwrap();
                for (row, floats) in to.chunks_exact(n + 2).enumerate() {
                    for (column, &found) in floats[..n].iter().enumerate() {
                        let start = if add { 7.0 } else { 0.0 };
                        assert_eq!(bits(found), bits(start + wanted(row, column)));
                    }
                    assert_eq!(floats[n..], [7.0; 2], "beside the product");
                }
            }
            // The transposed factors give the transposed product.
            let mut to = vec![f32::NAN; n * m];
            let factors = (rows(&b, k, n, n + 1).unwrap(), rows(&a, m, k, k + 3).unwrap());
            let place = rows_mut(&mut to, n, m, m).unwrap();
            multiply(factors.0.reversed_axes(), factors.1.reversed_axes(), false, place).unwrap();
            for (at, found) in to.iter().enumerate() {
                assert_eq!(bits(*found), bits(wanted(at % m, at / m)));
            }
        }
    }

    #[test]
    fn columns_are_a_part_of_the_rows() {
        let floats = matrix(3, 5, 5);
        let some = columns(&floats, 3, 5, 1..4).unwrap();
        for (found, row) in some.outer_iter().zip(floats.chunks_exact(5)) {
            assert_eq!(found.to_vec(), row[1..4]);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (mut to, floats) = (vec![0.0; 6], [0.0; 6]);
        assert!(rows(&floats, 2, 3, 4).is_err(), "the second row is too short");
        assert!(rows_mut(&mut to, 2, 3, 2).is_err(), "rows that overlap");
        assert!(columns(&floats, 2, 3, 7..8).is_err());
        let view = |count, width| rows(&floats, count, width, width).unwrap();
        let mut product = |a, b, count, width| {
            multiply(a, b, false, rows_mut(&mut to, count, width, width).unwrap())
        };
        assert!(product(view(2, 3), view(2, 3), 2, 3).is_err());
        assert!(product(view(2, 3), view(3, 2), 2, 3).is_err());
        assert!(product(view(2, 3), view(3, 2), 2, 2).is_ok());
    }
}
