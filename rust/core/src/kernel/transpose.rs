//! Transposing: rows become columns.
//!
//! In: rows of floats, and a panel whose columns are next to each other. Out: the same numbers, from one to
//! the other. It does not know what they mean: weights to be packed, weight gradients, what the gates read.
//!
//! Sixteen vectors are transposed at a time. A perfect shuffle of numbers in a row, the first half between the
//! second half's, moves the highest bit of each one's position to the lowest place; as many shuffles as
//! `log2(rows)` move the row below the column, which transposes the matrix.

use super::vector::{load, store};
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase};

/// Vectors that are transposed at a time.
const SQUARE_VECTORS: usize = 16;

/// Rows that can be transposed at a time.
pub(crate) const ROWS: usize = 16;

/// Rows to a panel: `to[column * pitch + row] = rows[row][column]`. All rows have the same length.
pub(crate) struct RowsToPanel<'a> {
    /// At most [`ROWS`].
    pub(crate) rows: &'a [&'a [f32]],
    pub(crate) to: &'a mut [f32],
    pub(crate) pitch: usize,
}

impl Kernel for RowsToPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let columns = self.rows.first().map_or(0, |row| row.len());
        let transposed = match self.rows.len() {
            16 => self.transpose::<S, 16>(simd, columns),
            8 => self.transpose::<S, 8>(simd, columns),
            4 => self.transpose::<S, 4>(simd, columns),
            _ => 0,
        };
        for (index, row) in self.rows.iter().enumerate() {
            for (column, &value) in row.iter().enumerate().skip(transposed) {
                self.to[column * self.pitch + index] = value;
            }
        }
    }
}

impl RowsToPanel<'_> {
    /// Transpose whole vectors of this many rows; returns how many columns that are.
    #[inline(always)]
    fn transpose<S: Simd, const COUNT: usize>(&mut self, simd: S, columns: usize) -> usize {
        let lanes = S::f32s::LEN;
        if COUNT < lanes {
            return 0;
        }
        let rows: [&[f32]; COUNT] = std::array::from_fn(|row| self.rows[row]);
        let width = SQUARE_VECTORS * lanes / COUNT;
        let (of_row, of_column) = (width / lanes, COUNT / lanes);
        let transposed = columns / width * width;
        for first in (0..transposed).step_by(width) {
            let mut vectors = [S::f32s::splat(simd, 0.0); SQUARE_VECTORS];
            for (index, vector) in vectors.iter_mut().enumerate() {
                *vector = load(simd, rows[index / of_row], first + index % of_row * lanes);
            }
            let vectors = transpose(simd, vectors, COUNT);
            for (index, vector) in vectors.iter().enumerate() {
                let column = first + index / of_column;
                store::<S>(*vector, self.to, column * self.pitch + index % of_column * lanes);
            }
        }
        transposed
    }
}

/// A panel to rows: `rows[row][column] = from[column * pitch + row]`, or that is added.
pub(crate) struct PanelToRows<'a, 'r> {
    pub(crate) from: &'a [f32],
    pub(crate) pitch: usize,
    /// All of the same length, at most as many as there are lanes.
    pub(crate) rows: &'a mut [&'r mut [f32]],
    /// Add to what is there.
    pub(crate) add: bool,
}

impl Kernel for PanelToRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { from, pitch, rows, add } = self;
        let lanes = S::f32s::LEN;
        let columns = rows.first().map_or(0, |row| row.len());
        let transposed = columns / SQUARE_VECTORS * SQUARE_VECTORS;
        for first in (0..transposed).step_by(SQUARE_VECTORS) {
            let mut vectors = [S::f32s::splat(simd, 0.0); SQUARE_VECTORS];
            for (index, vector) in vectors.iter_mut().enumerate() {
                *vector = load(simd, from, (first + index) * pitch);
            }
            let vectors = transpose(simd, vectors, SQUARE_VECTORS);
            for (row, vectors) in rows.iter_mut().zip(vectors.chunks_exact(SQUARE_VECTORS / lanes))
            {
                for (index, &vector) in vectors.iter().enumerate() {
                    let at = first + index * lanes;
                    let sum = if add { load(simd, row, at) + vector } else { vector };
                    store::<S>(sum, row, at);
                }
            }
        }
        for (index, row) in rows.iter_mut().enumerate() {
            for (column, to) in row.iter_mut().enumerate().skip(transposed) {
                let value = from[column * pitch + index];
                *to = if add { *to + value } else { value };
            }
        }
    }
}

/// Vectors that hold a matrix of `rows` rows, a power of two, row by row, to column by column.
#[inline(always)]
fn transpose<S: Simd>(
    _: S,
    mut vectors: [S::f32s; SQUARE_VECTORS],
    rows: usize,
) -> [S::f32s; SQUARE_VECTORS] {
    for _ in 0..rows.trailing_zeros() {
        let from = vectors;
        for index in 0..SQUARE_VECTORS / 2 {
            let (low, high) = (from[index], from[index + SQUARE_VECTORS / 2]);
            (vectors[2 * index], vectors[2 * index + 1]) = low.interleave(high);
        }
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::{PanelToRows, ROWS, RowsToPanel};
    use crate::level::{Level, vectorize};

    /// Different numbers, `count` rows of `columns`.
    fn matrix(count: usize, columns: usize) -> Vec<Vec<f32>> {
        let row = |row: usize| (0..columns).map(|column| (row * 1000 + column) as f32).collect();
        (0..count).map(row).collect()
    }

    #[test]
    fn rows_become_columns_of_a_panel() {
        for level in Level::available() {
            for count in 1..=ROWS {
                for columns in [1, 3, 15, 16, 17, 63, 64, 65, 150] {
                    let matrix = matrix(count, columns);
                    let rows: Vec<&[f32]> = matrix.iter().map(Vec::as_slice).collect();
                    let pitch = count + 3;
                    let mut to = vec![-1.0; columns * pitch];
                    vectorize(level, RowsToPanel { rows: &rows, to: &mut to, pitch });
                    let expected =
                        |at: usize| matrix.get(at % pitch).map_or(-1.0, |row| row[at / pitch]);
                    let expected: Vec<f32> = (0..to.len()).map(expected).collect();
                    assert_eq!(to, expected, "{level:?} {count} {columns}");
                }
            }
        }
    }

    #[test]
    fn columns_of_a_panel_become_rows() {
        for level in Level::available() {
            for count in 1..=level.tile().lanes {
                for columns in [1, 15, 16, 17, 65] {
                    for add in [false, true] {
                        let (matrix, pitch) = (matrix(count, columns), level.tile().lanes + 5);
                        let value = |at: usize| matrix.get(at % pitch).map(|row| row[at / pitch]);
                        let from: Vec<f32> =
                            (0..columns * pitch).map(|at| value(at).unwrap_or(-1.0)).collect();
                        let mut to = vec![vec![7.0; columns]; count];
                        let mut rows: Vec<&mut [f32]> =
                            to.iter_mut().map(|row| &mut **row).collect();
                        let before = if add { 7.0 } else { 0.0 };
                        vectorize(level, PanelToRows { from: &from, pitch, rows: &mut rows, add });
                        for (row, expected) in to.iter().zip(&matrix) {
                            let expected: Vec<f32> =
                                expected.iter().map(|value| before + value).collect();
                            assert_eq!(row, &expected, "{level:?} {count} {columns} {add}");
                        }
                    }
                }
            }
        }
    }
}
