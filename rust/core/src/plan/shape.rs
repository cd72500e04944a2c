//! Sizes of rows, panels and chunks.
//!
//! In: a checked layer and a tile. Out: [`Shape`], the numbers that packing, running and kernels share. It
//! does not know threads.

use super::tile::Tile;
use crate::check::{Config, Peephole};
use crate::kernel::{Geometry, LINE, vectors};

/// Floats of a page; rows that are a multiple of it apart would compete for the same cache sets.
const PAGE: usize = 4096 / size_of::<f32>();

/// Bytes of pre-activations that a chunk of steps may take, so that they are read back from L2 (the
/// smallest L2 in wide use has 512 KiB).
const CHUNK_BYTES: usize = 384 * 1024;

/// Bytes of a layer's input and hidden weights that stay in L2 (the largest L2 in wide use has 2 MiB, and
/// holds more than weights).
const NEAR_BYTES: usize = 1024 * 1024;

/// Rows of a step from which on inputs are projected with it rather than before: their own products then
/// outweigh reading the input weights once more. Measured with 16 rows and 64 units: 6% less time.
const ROWS_TO_PROJECT: usize = 16;

/// As many, where the weights do not stay in L2. Measured with 256 and 512 units: 5% less time with 32 rows,
/// 2% more with 16.
const ROWS_TO_PROJECT_AHEAD: usize = 24;

/// Bytes of a layer's weights beyond which reading them once more is never worth it. Measured: 8 MiB are not
/// too many, 32 MiB are.
const FAR_BYTES: usize = 16 * 1024 * 1024;

/// Rows of a chunk of the backward pass. Their gate gradients of one block of 16 units take 32 KiB and stay
/// in L1 while they are multiplied with all that the gates read; fewer rows would read and write the sums
/// more often. Measured from 64 to 1024 rows, with 64 to 650 hidden units: 4 to 10% less time than 256 rows.
const TRAINING_ROWS: usize = 128;

/// The padded sizes of one layer at one SIMD level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// What kernels need.
    pub(crate) geometry: Geometry,
    /// Lanes of a vector.
    pub(crate) lanes: usize,
    /// Whether the fused step applies, or the general one.
    pub(crate) is_fused: bool,
    /// Input and hidden weights of the layer with most of them.
    pub(crate) weight_bytes: usize,
}

impl Shape {
    pub(crate) fn new(config: &Config, tile: Tile) -> Self {
        let lanes = tile.lanes;
        let blocks = config.hidden_size.div_ceil(lanes);
        let inputs = config.layer_input(0).max(config.layer_input(config.num_layers - 1));
        let weight_bytes =
            (inputs + config.hidden_size).saturating_mul(4 * blocks * lanes * size_of::<f32>());
        let geometry = Geometry {
            hidden: config.hidden_size,
            blocks,
            state_pitch: pitch(blocks * lanes),
            gate_pitch: pitch(4 * blocks * lanes),
            tile_rows: tile.rows,
            tile_blocks: tile.blocks,
            reads_ahead: weight_bytes > NEAR_BYTES,
        };
        let is_fused = config.has_default_activations() && !config.has_peephole(Peephole::Full);
        Self { geometry, lanes, is_fused, weight_bytes }
    }

    /// Whether a chunk of some steps projects its inputs with each step, rather than all of them before.
    pub(crate) fn projects_with_steps(&self, rows: usize, steps: usize) -> bool {
        let least = if self.geometry.reads_ahead { ROWS_TO_PROJECT_AHEAD } else { ROWS_TO_PROJECT };
        self.is_fused && !self.is_far() && rows >= least.saturating_mul(steps)
    }

    /// Whether the weights of all units are too many to be read more often than they must.
    pub(crate) fn is_far(&self) -> bool {
        self.weight_bytes > FAR_BYTES
    }

    /// Padded hidden units.
    pub(crate) fn units(&self) -> usize {
        self.geometry.blocks * self.lanes
    }

    /// Vectors of a row of transposed products.
    pub(crate) fn wide_vectors(&self, outputs: usize) -> usize {
        vectors(outputs, self.lanes)
    }

    /// Floats from one row of transposed products to the next.
    pub(crate) fn wide_pitch(&self, outputs: usize) -> usize {
        pitch(self.wide_vectors(outputs) * self.lanes)
    }

    /// Rows of pre-activations that fit a chunk, at least those of one step.
    pub(crate) fn chunk_rows(&self, rows_of_a_step: usize, all_rows: usize) -> usize {
        let fitting = CHUNK_BYTES / (self.geometry.gate_pitch * size_of::<f32>());
        fitting.max(rows_of_a_step).min(all_rows)
    }
}

/// Steps that the backward pass takes at a time, whatever the number of threads.
pub(crate) fn training_chunk_steps(config: &Config) -> usize {
    (TRAINING_ROWS / config.batch_size).clamp(1, config.segment_steps())
}

fn pitch(floats: usize) -> usize {
    if floats.is_multiple_of(PAGE) { floats + LINE } else { floats }
}
