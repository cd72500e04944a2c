//! The layouts that an array can have.
//!
//! In: how many axes it has, and whether it is a sequence. Out: every layout that the specification allows
//! it. The tests of `check` include this file too.

use bnns_lstm::DataLayout;

/// The layouts of an array with this many axes.
pub fn layouts(rank: usize, is_sequence: bool) -> &'static [DataLayout] {
    match (rank, is_sequence) {
        (1, _) => &[DataLayout::VECTOR, DataLayout::LAST_MAJOR_1D, DataLayout::FIRST_MAJOR_1D],
        (2, _) => &[
            DataLayout::ROW_MAJOR_MATRIX,
            DataLayout::COLUMN_MAJOR_MATRIX,
            DataLayout::LAST_MAJOR_2D,
            DataLayout::FIRST_MAJOR_2D,
        ],
        (3, true) => &[
            DataLayout::SNE,
            DataLayout::NSE,
            DataLayout::LAST_MAJOR_3D,
            DataLayout::FIRST_MAJOR_3D,
        ],
        (3, false) => &[DataLayout::LAST_MAJOR_3D, DataLayout::FIRST_MAJOR_3D],
        _ => &[DataLayout::LAST_MAJOR_4D, DataLayout::FIRST_MAJOR_4D],
    }
}
