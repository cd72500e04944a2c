//! Covering a step's rows and unit blocks with register tiles.
//!
//! In: how many rows and blocks there are, and the widest tile. Out: one call for each tile. It does not
//! know what a tile computes.

use super::geometry::{BlockOrder, Geometry};
use fearless_simd::Simd;

/// Something that is computed tile by tile.
pub(super) trait TileOperation<S: Simd> {
    /// Compute `ROWS` rows by `BLOCKS` unit blocks.
    fn tile<const ROWS: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        first_row: usize,
        first_block: usize,
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
        let mut row = 0;
        while row < rows {
            row += match (rows - row).min(geometry.tile_rows) {
                6.. => {
                    operation.tile::<6, 1>(simd, row, block);
                    6
                }
                3..=5 => {
                    operation.tile::<3, 1>(simd, row, block);
                    3
                }
                2 => {
                    operation.tile::<2, 1>(simd, row, block);
                    2
                }
                _ => {
                    operation.tile::<1, 1>(simd, row, block);
                    1
                }
            };
        }
    }
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
                operation.tile::<1, 6>(simd, 0, order.at(done, 6));
                6
            }
            4 => {
                operation.tile::<1, 4>(simd, 0, order.at(done, 4));
                4
            }
            3 => {
                operation.tile::<1, 3>(simd, 0, order.at(done, 3));
                3
            }
            2 => {
                operation.tile::<1, 2>(simd, 0, order.at(done, 2));
                2
            }
            _ => {
                operation.tile::<1, 1>(simd, 0, order.at(done, 1));
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
