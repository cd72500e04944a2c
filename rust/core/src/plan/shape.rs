//! Sizes of rows, panels and chunks.
//!
//! In: a checked layer and a tile. Out: [`Shape`], the numbers that packing, running and kernels share. It
//! does not know threads.

use super::tile::Tile;
use crate::check::{Config, Peephole};
use crate::kernel::Geometry;

/// Floats of a page; rows that are a multiple of it apart would compete for the same cache sets.
const PAGE: usize = 4096 / size_of::<f32>();

/// Floats of a cache line.
const LINE: usize = 64 / size_of::<f32>();

/// Bytes of pre-activations that a chunk of steps may take, so that they are read back from L2 (the
/// smallest L2 in wide use has 512 KiB).
const CHUNK_BYTES: usize = 384 * 1024;

/// The padded sizes of one layer at one SIMD level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// What kernels need.
    pub(crate) geometry: Geometry,
    /// Lanes of a vector.
    pub(crate) lanes: usize,
    /// Whether the fused step applies, or the general one.
    pub(crate) is_fused: bool,
}

impl Shape {
    pub(crate) fn new(config: &Config, tile: Tile) -> Self {
        let lanes = tile.lanes;
        let blocks = config.hidden_size.div_ceil(lanes);
        let geometry = Geometry {
            hidden: config.hidden_size,
            blocks,
            state_pitch: pitch(blocks * lanes),
            gate_pitch: pitch(4 * blocks * lanes),
            tile_rows: tile.rows,
            tile_blocks: tile.blocks,
        };
        let is_fused = config.has_default_activations() && !config.has_peephole(Peephole::Full);
        Self { geometry, lanes, is_fused }
    }

    /// Padded hidden units.
    pub(crate) fn units(&self) -> usize {
        self.geometry.blocks * self.lanes
    }

    /// Rows of pre-activations that fit a chunk, at least those of one step.
    pub(crate) fn chunk_rows(&self, rows_of_a_step: usize, all_rows: usize) -> usize {
        let fitting = CHUNK_BYTES / (self.geometry.gate_pitch * size_of::<f32>());
        fitting.max(rows_of_a_step).min(all_rows)
    }
}

fn pitch(floats: usize) -> usize {
    if floats.is_multiple_of(PAGE) { floats + LINE } else { floats }
}
