//! Which weights these are.
//!
//! In: the caller's weights, or arrays of them. Out: 64 bits that depend on the bits of every weight and on its place:
//! layer, direction, gate or projection, array, row and column; not on strides, nor on the order of visits, nor on the
//! SIMD level. It knows no panels and no cache.
//!
//! It tells weights apart that somebody changed, not those that somebody chose in order to deceive. Where one
//! weight differs, and all are finite, so does the fingerprint. Where many differ by chance, as after a step of
//! training, it does not in about one of 2⁶⁴ cases; in one of 2³³ where all that differs is signs of one row.

use super::hands::Hands;
use super::views::{BoundGate, BoundWeights};
use crate::check::LayerConfig;
use crate::error::Error;
use crate::gate::Gate;
use crate::kernel::{PIECE, RowsToFingerprint, TRANSPOSED_ROWS as ROWS, mix, row_key};
use crate::level::{Level, vectorize};
use crate::place::{Direction, Place};
use ndarray::{ArrayView2, Axis};

/// What a matrix is to its gate.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Input,
    Hidden,
    Peephole,
    Bias,
    /// To the layer: it belongs to no gate.
    Projection,
}

impl BoundWeights<'_> {
    /// Which weights these are, computed with the instructions of a level; every level, and any number of hands, gives
    /// the same.
    pub(super) fn fingerprint(&self, hands: &impl Hands, level: Level) -> Result<u64, Error> {
        if let Some(&known) = self.fingerprint.get() {
            return Ok(known);
        }
        let LayerConfig { layers, directions, .. } = self.layer;
        let mut pieces = Vec::with_capacity(layers * directions * (Gate::COUNT + 1));
        for layer in 0..layers {
            for direction in [Direction::Forward, Direction::Backward].into_iter().take(directions)
            {
                let place = Place { layer, direction };
                let gates = self.each().map(Some);
                pieces.extend(gates.chain([None]).map(|gate| (place, gate, 0)));
            }
        }
        hands
            .each(&mut pieces, &|(place, gate, sum)| *sum = of_gate(self, *place, *gate, level))?;
        let all = pieces.iter().fold(0_u64, |all, (_, _, sum)| all.wrapping_add(*sum));
        Ok(*self.fingerprint.get_or_init(|| all))
    }
}

/// The fingerprint of one gate of one direction of a layer, or of the projection there, which belongs to no gate.
fn of_gate(
    weights: &BoundWeights<'_>,
    place: Place,
    gate: Option<(Gate, &BoundGate<'_>)>,
    level: Level,
) -> u64 {
    let mut sum = 0_u64;
    let mut add = |kind: Kind, matrix: ArrayView2<'_, f32>| {
        let index = gate.map_or(Gate::COUNT, |(gate, _)| gate.index());
        let parts = [place.layer, place.direction.index(), index, kind as usize];
        let key = parts.into_iter().fold(0, |key: u64, part| mix(row_key(key, part + 1)));
        sum = sum.wrapping_add(of_matrix(matrix, key, level));
    };
    let Some((_, from)) = gate else {
        if let Some(matrix) = weights.projection(place) {
            add(Kind::Projection, matrix);
        }
        return sum;
    };
    add(Kind::Input, from.input(place));
    add(Kind::Hidden, from.hidden(place));
    if let Some(vector) = from.bias(place) {
        add(Kind::Bias, vector.insert_axis(Axis(0)));
    }
    if let Some(vector) = from.diagonal(place) {
        add(Kind::Peephole, vector.insert_axis(Axis(0)));
    }
    if let Some(matrix) = from.full(place) {
        add(Kind::Peephole, matrix);
    }
    sum
}

/// Which floats these arrays hold, each in C order: 64 bits that depend on the bits of every float, on its place and on
/// the array. What a fingerprint of weights tells apart (see above), this does too.
pub fn fingerprint_of(arrays: &[&[f32]], level: Level) -> u64 {
    let prints = arrays.iter().enumerate().map(|(index, floats)| {
        let key = mix(row_key(0, index + 1));
        let groups = floats.chunks(PIECE * ROWS).enumerate();
        groups.fold(0_u64, |sum, (group, floats)| {
            let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
            let mut count = 0;
            for (row, place) in floats.chunks(PIECE).zip(&mut rows) {
                *place = row;
                count += 1;
            }
            let (rows, key) = (&rows[..count], row_key(key, group * ROWS));
            sum.wrapping_add(vectorize(level, RowsToFingerprint { rows, key }))
        })
    });
    prints.fold(0, u64::wrapping_add)
}

/// The fingerprint of a matrix `[rows, columns]`, in pieces of its columns.
fn of_matrix(matrix: ArrayView2<'_, f32>, key: u64, level: Level) -> u64 {
    let mut sum = 0_u64;
    for (piece, columns) in matrix.axis_chunks_iter(Axis(1), PIECE).enumerate() {
        let key = mix(row_key(key, piece + 1));
        for (group, rows) in columns.axis_chunks_iter(Axis(0), ROWS).enumerate() {
            sum = sum.wrapping_add(of_rows(rows, row_key(key, group * ROWS), level));
        }
    }
    sum
}

/// The fingerprint of some rows of a piece, `[rows, columns]`.
fn of_rows(matrix: ArrayView2<'_, f32>, key: u64, level: Level) -> u64 {
    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
    for (row, place) in matrix.outer_iter().zip(&mut rows) {
        let Some(row) = row.to_slice() else { return of_copies(matrix, key, level) };
        *place = row;
    }
    vectorize(level, RowsToFingerprint { rows: &rows[..matrix.nrows()], key })
}

/// As [`of_rows`], of rows whose weights are not next to each other.
fn of_copies(matrix: ArrayView2<'_, f32>, key: u64, level: Level) -> u64 {
    let mut copy = [0.0; PIECE];
    let copy = &mut copy[..matrix.ncols()];
    let mut sum = 0_u64;
    for (index, row) in matrix.outer_iter().enumerate() {
        copy.iter_mut().zip(row).for_each(|(to, &weight)| *to = weight);
        let rows: [&[f32]; 1] = [copy];
        let key = row_key(key, index);
        sum = sum.wrapping_add(vectorize(level, RowsToFingerprint { rows: &rows, key }));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{fingerprint_of, of_matrix};
    use crate::level::Level;
    use ndarray::{Array2, ArrayView2, Axis};
    use std::collections::HashSet;

    /// Rows of which the last piece ends within a block, in more groups than one.
    fn matrix() -> Array2<f32> {
        Array2::from_shape_fn((21, 587), |(row, column)| (row * 587 + column) as f32 * 1e-3 - 4.0)
    }

    fn best(matrix: ArrayView2<'_, f32>) -> u64 {
        of_matrix(matrix, 3, Level::best())
    }

    #[test]
    fn neither_strides_nor_levels_matter() {
        let rows = matrix();
        let columns = rows.t().as_standard_layout().into_owned();
        let mut reversed = rows.clone();
        reversed.invert_axis(Axis(0));
        reversed.invert_axis(Axis(1));
        let mut reversed = reversed.as_standard_layout().into_owned();
        reversed.invert_axis(Axis(0));
        reversed.invert_axis(Axis(1));
        let wide = ndarray::concatenate![Axis(1), rows, rows];
        let expected = best(rows.view());
        for level in Level::available() {
            for same in [columns.t(), reversed.view(), wide.view().split_at(Axis(1), 587).0] {
                assert_eq!(same, rows);
                assert_eq!(of_matrix(same, 3, level), expected, "{level:?}");
            }
        }
    }

    #[test]
    fn every_place_and_every_key_counts() {
        let mut matrix = matrix();
        let mut found =
            HashSet::from([best(matrix.view()), of_matrix(matrix.view(), 4, Level::best())]);
        let mut expected = 2;
        for row in [0, 1, 15, 16, 20] {
            for column in [0, 1, 255, 256, 511, 512, 585, 586] {
                let before = matrix[[row, column]];
                matrix[[row, column]] = f32::from_bits(before.to_bits() ^ 1);
                found.insert(best(matrix.view()));
                matrix[[row, column]] = before;
                expected += 1;
            }
        }
        for (axis, one, other) in
            [(0, 0, 16), (0, 3, 4), (1, 0, 1), (1, 0, 2), (1, 5, 261), (1, 30, 586)]
        {
            let mut swapped = matrix.clone();
            swapped.index_axis_mut(Axis(axis), one).assign(&matrix.index_axis(Axis(axis), other));
            swapped.index_axis_mut(Axis(axis), other).assign(&matrix.index_axis(Axis(axis), one));
            found.insert(best(swapped.view()));
            expected += 1;
        }
        assert_eq!(found.len(), expected);
    }

    #[test]
    fn every_place_of_arrays_counts_at_every_level() {
        let (mut first, second) = (vec![0.5; 5000], vec![0.5; 300]);
        let print = |first: &[f32], second: &[f32]| {
            let found = fingerprint_of(&[first, second], Level::best());
            for level in Level::available() {
                assert_eq!(fingerprint_of(&[first, second], level), found, "{level:?}");
            }
            found
        };
        let mut found = HashSet::from([print(&first, &second), print(&second, &first)]);
        let places = [0, 1, 255, 256, 4095, 4096, 4999];
        for place in places {
            first[place] = -0.5;
            found.insert(print(&first, &second));
            first[place] = 0.5;
        }
        found.insert(print(&first[..4999], &second));
        assert_eq!(found.len(), places.len() + 3);
    }
}
