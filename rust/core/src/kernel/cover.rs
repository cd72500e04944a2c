//! Covering a step's rows and unit blocks with register tiles.
//!
//! In: how many rows and blocks there are, and the widest tile. Out: one call for each tile. It does not
//! know what a tile computes.

use super::ahead::Ahead;
use super::geometry::{BlockOrder, Geometry};
use fearless_simd::Simd;

/// Something that is computed tile by tile.
pub(super) trait TileOperation<S: Simd> {
    /// Compute `ROWS` rows by `BLOCKS` unit blocks, and read the next block's weights ahead.
    fn tile<const ROWS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_row: usize,
        first_block: usize,
        ahead: Ahead,
    );
}

/// Compute all tiles. Blocks are the outer loop, so that a block's weights serve all rows while they are
/// in the nearest cache; a single row takes several blocks at once, so that their sums overlap.
#[inline(always)]
pub(super) fn cover<S: Simd, T: TileOperation<S>>(
    simd: S,
    geometry: &Geometry,
    order: BlockOrder,
    rows: usize,
    operation: &mut T,
) {
    if rows == 1 {
        return cover_row(simd, geometry, order, operation);
    }
    for done in 0..order.count {
        let block = order.at(done, 1);
        let next = (geometry.reads_ahead && done + 1 < order.count).then(|| order.at(done + 1, 1));
        let ahead = Ahead::new(next, rows);
        let mut row = 0;
        while row < rows {
            row += match height(rows - row, geometry.tile_rows) {
                6.. => {
                    operation.tile::<6, 1>(simd, row, block, ahead);
                    6
                }
                5 => {
                    operation.tile::<5, 1>(simd, row, block, ahead);
                    5
                }
                4 => {
                    operation.tile::<4, 1>(simd, row, block, ahead);
                    4
                }
                3 => {
                    operation.tile::<3, 1>(simd, row, block, ahead);
                    3
                }
                2 => {
                    operation.tile::<2, 1>(simd, row, block, ahead);
                    2
                }
                _ => {
                    operation.tile::<1, 1>(simd, row, block, ahead);
                    1
                }
            };
        }
    }
}

/// Rows of the next tile when `left` are left: no tile is much lower than the others, since the lower it is,
/// the fewer multiply-adds there are for each weight that is read.
#[inline(always)]
fn height(left: usize, tile_rows: usize) -> usize {
    left.div_ceil(left.div_ceil(tile_rows))
}

#[inline(always)]
fn cover_row<S: Simd, T: TileOperation<S>>(
    simd: S,
    geometry: &Geometry,
    order: BlockOrder,
    operation: &mut T,
) {
    let mut done = 0;
    while done < order.count {
        done += match width(order.count - done, geometry.tile_blocks) {
            6 => {
                operation.tile::<1, 6>(simd, 0, order.at(done, 6), Ahead::NOTHING);
                6
            }
            4 => {
                operation.tile::<1, 4>(simd, 0, order.at(done, 4), Ahead::NOTHING);
                4
            }
            3 => {
                operation.tile::<1, 3>(simd, 0, order.at(done, 3), Ahead::NOTHING);
                3
            }
            2 => {
                operation.tile::<1, 2>(simd, 0, order.at(done, 2), Ahead::NOTHING);
                2
            }
            _ => {
                operation.tile::<1, 1>(simd, 0, order.at(done, 1), Ahead::NOTHING);
                1
            }
        };
    }
}

/// Blocks that are computed together when `left` are left: as many as fit the registers, with no single one
/// at the end, whose sums nothing would overlap.
#[inline(always)]
fn width(left: usize, tile_blocks: usize) -> usize {
    match (left, tile_blocks) {
        (6, 6) => 6,
        (4 | 7.., 4..) => 4,
        (3 | 5.., 3..) => 3,
        (2.., 2..) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{height, width};

    #[test]
    fn tiles_of_rows_differ_by_one_row_at_most() {
        for tile_rows in 1..=6 {
            for rows in 1..100_usize {
                let (mut left, mut heights): (usize, Vec<usize>) = (rows, Vec::new());
                while left > 0 {
                    heights.push(height(left, tile_rows));
                    left -= height(left, tile_rows);
                }
                assert_eq!(heights.len(), rows.div_ceil(tile_rows));
                assert!(heights[0] - heights[heights.len() - 1] <= 1, "{heights:?}");
            }
        }
    }

    #[test]
    fn no_block_of_a_row_is_alone_unless_there_is_only_one() {
        for tile_blocks in [3, 6] {
            for blocks in 2..100 {
                let (mut left, mut widths): (usize, Vec<usize>) = (blocks, Vec::new());
                while left > 0 {
                    widths.push(width(left, tile_blocks));
                    left -= width(left, tile_blocks);
                }
                assert_eq!(widths.iter().sum::<usize>(), blocks);
                assert!(!widths.contains(&1), "{widths:?}");
            }
        }
    }
}
