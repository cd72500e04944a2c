//! Dividing rows and unit blocks among register tiles.
//!
//! In: how many rows there are, which blocks in which order, and the largest tile. Out: one call for each
//! tile, with its place and what it prefetches. It does not know what a tile computes.
//!
//! Sizes of tiles are constants of the code that computes them: each height and each width is compiled, and
//! the largest one that the registers hold (`level::Tile`) decides which of them run.

use super::geometry::{BlockOrder, Geometry};
use super::prefetch::Prefetch;
use fearless_simd::Simd;

/// Where a tile is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TilePlace {
    /// Its first row.
    pub(super) row: usize,
    /// Its first unit block.
    pub(super) block: usize,
    /// What the tiles of its block prefetch.
    pub(super) prefetch: Prefetch,
}

impl TilePlace {
    /// The weights that a tile of `rows` rows prefetches, of panels of `block_floats` floats for each block.
    #[inline(always)]
    pub(super) fn prefetched(self, weights: &[f32], block_floats: usize, rows: usize) -> &[f32] {
        self.prefetch.of_tile(weights, block_floats, self.row, rows)
    }
}

/// Something that is computed tile by tile.
pub(super) trait TileOperation<S: Simd> {
    /// Compute `ROWS` rows by `BLOCKS` unit blocks, and prefetch the tile's part of the next block.
    fn tile<const ROWS: usize, const BLOCKS: usize>(&mut self, simd: S, place: TilePlace);

    /// Compute a tile of one block; returns its rows.
    #[inline(always)]
    fn tile_of_rows<const ROWS: usize>(&mut self, simd: S, place: TilePlace) -> usize {
        self.tile::<ROWS, 1>(simd, place);
        ROWS
    }

    /// Compute a tile of [`WIDE_BLOCKS`] blocks; returns its rows.
    #[inline(always)]
    fn wide_tile_of_rows<const ROWS: usize>(&mut self, simd: S, place: TilePlace) -> usize {
        self.tile::<ROWS, WIDE_BLOCKS>(simd, place);
        ROWS
    }

    /// Compute a tile of one row when `done` blocks have been computed; returns its blocks.
    #[inline(always)]
    fn tile_of_blocks<const BLOCKS: usize>(
        &mut self,
        simd: S,
        order: BlockOrder,
        done: usize,
    ) -> usize {
        let place =
            TilePlace { row: 0, block: order.at(done, BLOCKS), prefetch: Prefetch::NOTHING };
        self.tile::<1, BLOCKS>(simd, place);
        BLOCKS
    }
}

/// Compute all tiles. Blocks are the outer loop, so that a block's weights serve all rows while they are
/// in the nearest cache; a single row takes several blocks at once, so that their sums overlap.
#[inline(always)]
pub(super) fn for_each_tile<S: Simd, T: TileOperation<S>>(
    simd: S,
    geometry: &Geometry,
    order: BlockOrder,
    rows: usize,
    operation: &mut T,
) {
    if rows == 1 {
        return for_each_tile_of_row(simd, geometry, order, operation);
    }
    for done in 0..order.count {
        // After the last block nothing is prefetched.
        let block = order.at(done, 1);
        let next = (geometry.prefetches && done + 1 < order.count).then(|| order.at(done + 1, 1));
        let prefetch = Prefetch::new(next, rows);
        let mut row = 0;
        while row < rows {
            let place = TilePlace { row, block, prefetch };
            row += match height(rows - row, geometry.tile_rows) {
                6.. => operation.tile_of_rows::<6>(simd, place),
                5 => operation.tile_of_rows::<5>(simd, place),
                4 => operation.tile_of_rows::<4>(simd, place),
                3 => operation.tile_of_rows::<3>(simd, place),
                2 => operation.tile_of_rows::<2>(simd, place),
                _ => operation.tile_of_rows::<1>(simd, place),
            };
        }
    }
}

/// Blocks of a wide tile: as many sums of one vector as others have gates.
const WIDE_BLOCKS: usize = 4;

/// As [`for_each_tile`], where a row has one vector of each block: four blocks at a time, the lowest first, so that a
/// tile has as many sums as one with four gates. They get nothing to prefetch.
#[inline(always)]
pub(super) fn for_each_wide_tile<S: Simd, T: TileOperation<S>>(
    simd: S,
    geometry: &Geometry,
    blocks: usize,
    rows: usize,
    operation: &mut T,
) {
    // A single row takes several blocks at once anyway.
    let wide = if rows == 1 { 0 } else { blocks / WIDE_BLOCKS * WIDE_BLOCKS };
    for block in (0..wide).step_by(WIDE_BLOCKS) {
        let mut row = 0;
        while row < rows {
            let place = TilePlace { row, block, prefetch: Prefetch::NOTHING };
            row += match height(rows - row, geometry.tile_rows) {
                6.. => operation.wide_tile_of_rows::<6>(simd, place),
                5 => operation.wide_tile_of_rows::<5>(simd, place),
                4 => operation.wide_tile_of_rows::<4>(simd, place),
                3 => operation.wide_tile_of_rows::<3>(simd, place),
                2 => operation.wide_tile_of_rows::<2>(simd, place),
                _ => operation.wide_tile_of_rows::<1>(simd, place),
            };
        }
    }
    let rest = BlockOrder { first: wide, count: blocks - wide, descending: false };
    for_each_tile(simd, geometry, rest, rows, operation);
}

/// Rows of the next tile when `left` are left: no tile is much lower than the others, since the lower it is,
/// the fewer multiply-adds there are for each weight that is read.
#[inline(always)]
fn height(left: usize, tile_rows: usize) -> usize {
    left.div_ceil(left.div_ceil(tile_rows))
}

/// Compute all tiles of a single row. It prefetches nothing, since it waits for memory
/// anyway.
#[inline(always)]
fn for_each_tile_of_row<S: Simd, T: TileOperation<S>>(
    simd: S,
    geometry: &Geometry,
    order: BlockOrder,
    operation: &mut T,
) {
    let mut done = 0;
    while done < order.count {
        done += match width(order.count - done, geometry.tile_blocks) {
            6 => operation.tile_of_blocks::<6>(simd, order, done),
            4 => operation.tile_of_blocks::<4>(simd, order, done),
            3 => operation.tile_of_blocks::<3>(simd, order, done),
            2 => operation.tile_of_blocks::<2>(simd, order, done),
            _ => operation.tile_of_blocks::<1>(simd, order, done),
        };
    }
}

/// Blocks that are computed together when `left` are left: as many as fit the registers, with no single one
/// at the end, whose sums nothing would overlap.
#[inline(always)]
fn width(left: usize, tile_blocks: usize) -> usize {
    match (left, tile_blocks) {
        // Six that are left are one tile. Of more, four at a time: that never leaves a single one, as five are
        // three and two.
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
