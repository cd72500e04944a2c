//! Padded sizes of a layer.
//!
//! In: a layer, the tile of a SIMD level, tuned numbers. Out: [`Shape`], the sizes that packing, running and
//! kernels share. It does not know calls: neither samples nor steps nor threads.

use crate::check::{LayerConfig, Peephole};
use crate::gate::Gate;
use crate::kernel::{Geometry, vectors};
use crate::level::Tile;
use crate::tuning::{LINE_FLOATS, Tuning};

/// Floats of a page; rows that are a multiple of it apart would compete for the same cache sets.
const PAGE: usize = 4096 / size_of::<f32>();

/// The padded sizes of one layer at one SIMD level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// What kernels need.
    pub(crate) geometry: Geometry,
    /// Lanes of a vector.
    pub(crate) lanes: usize,
    /// Whether the fused step applies, or the generic one.
    pub(crate) is_fused: bool,
    /// Whether training keeps activated gates, or pre-activations.
    pub(crate) saves_activated: bool,
    /// Bytes of input and hidden weights of the layer of the stack with most of them.
    pub(crate) weight_bytes: usize,
}

impl Shape {
    pub(crate) fn new(config: &LayerConfig, tile: Tile, tuning: &Tuning) -> Self {
        let lanes = tile.lanes;
        let blocks = config.units.div_ceil(lanes);
        let inputs = config.layer_inputs(0).max(config.layer_inputs(config.layers - 1));
        let weight_bytes = (inputs + config.outputs)
            .saturating_mul(Gate::COUNT * blocks * lanes * size_of::<f32>());
        let geometry = Geometry {
            units: config.units,
            outputs: config.outputs,
            blocks,
            cell_pitch: pitch(blocks * lanes),
            output_pitch: pitch(if config.variant.projects {
                vectors(config.outputs, lanes) * lanes
            } else {
                config.outputs.next_multiple_of(lanes)
            }),
            gate_pitch: pitch(Gate::COUNT * blocks * lanes),
            tile_rows: tile.rows,
            tile_blocks: tile.blocks,
            prefetches: weight_bytes > tuning.near_bytes,
        };
        let is_fused = config.has_default_activations() && !config.has_peephole(Peephole::Full);
        // Where arguments are limited, the activated gates do not say whether the limit acted.
        let saves_activated = is_fused && config.variant.gate_clip.is_none();
        Self { geometry, lanes, is_fused, saves_activated, weight_bytes }
    }

    /// Padded hidden units.
    pub(crate) fn padded_units(&self) -> usize {
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
}

fn pitch(floats: usize) -> usize {
    if floats.is_multiple_of(PAGE) { floats + LINE_FLOATS } else { floats }
}
