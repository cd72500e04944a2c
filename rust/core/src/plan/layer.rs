//! What a layer is computed with, whatever it is called with.
//!
//! In: a checked layer, a SIMD level, tuned numbers. Out: [`LayerPlan`], to which packed weights belong. It
//! does not know calls: neither samples nor steps nor threads.

use super::options::Options;
use super::panels::PanelSizes;
use super::products::{Product, Products};
use super::shape::Shape;
use crate::check::{Checked, LayerConfig};
use crate::kernel::BLOCK_VECTORS;
use crate::level::{Level, Tile};
use crate::products::Route;
use crate::tuning::Tuning;
use std::ops::Range;
use std::sync::Arc;

/// How a layer is computed, as far as calls have no say: SIMD level, tile, padded sizes, fused or generic
/// step. Weights are packed for it once, and serve any batch and length ([`Plan`](super::Plan)). Equal plans
/// are as good as the same one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerPlan {
    pub(crate) config: LayerConfig,
    pub(crate) level: Level,
    pub(crate) shape: Shape,
    pub(crate) tuning: Tuning,
    pub(crate) products: Products,
}

impl LayerPlan {
    /// Plan the layer of a structure, with the level, the tuned numbers and the route of products of `options`.
    pub fn new(checked: &Checked, options: Options) -> Arc<Self> {
        Self::of_tile(checked, options, options.level.tile())
    }

    /// The same with another tile than the level's.
    pub(super) fn of_tile(checked: &Checked, options: Options, tile: Tile) -> Arc<Self> {
        let (config, Options { level, tuning, .. }) = (checked.config().layer, options);
        let shape = Shape::new(&config, tile, &tuning);
        let products = Products::new(options.products, tuning.gemm_rows);
        Arc::new(Self { config, level, shape, tuning, products })
    }

    /// Whether this is the plan of a structure, at the level, with the tuned numbers and the route of products
    /// of `options`.
    pub(crate) fn fits(&self, checked: &Checked, options: Options) -> bool {
        let Self { config, level, tuning, products, .. } = *self;
        let wanted = Products::new(options.products, options.tuning.gemm_rows);
        (config, level, tuning, products)
            == (checked.config().layer, options.level, options.tuning, wanted)
    }

    /// Whether this is the other plan, or as good as it.
    pub(crate) fn is_same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other) || self == other
    }

    /// Floats of each panel of one direction of a layer of the stack, for sums of gradients.
    pub(crate) fn panel_sizes(&self, layer: usize) -> PanelSizes {
        PanelSizes::new(&self.config, &self.shape, layer)
    }

    /// Floats of each panel of packed weights: in the order of each route that the product may take.
    pub(crate) fn weight_sizes(&self, layer: usize) -> PanelSizes {
        let all = self.panel_sizes(layer);
        let size = |product, route, floats| {
            if self.products.may_take(product, route) { floats } else { 0 }
        };
        PanelSizes {
            input: size(Product::Inputs, Route::Panels, all.input),
            hidden: size(Product::Hidden, Route::Panels, all.hidden),
            input_matrix: size(Product::Inputs, Route::Gemm, all.input),
            hidden_matrix: size(Product::Hidden, Route::Gemm, all.hidden),
            projection: self.projection_floats(self.config.outputs, self.config.units),
            ..all
        }
    }

    /// Floats of the weights of a projection in blocks of vectors of `to`, outputs or units, for each of `from`, the
    /// others.
    pub(crate) fn projection_floats(&self, to: usize, from: usize) -> usize {
        let width = self.shape.wide_vectors(to) * self.shape.lanes;
        if self.config.variant.projects { width * from } else { 0 }
    }

    /// How many of some threads pack the weights: each has enough of them.
    pub(crate) fn packing_threads(&self, threads: usize) -> usize {
        (self.packed_bytes() / self.tuning.packed_bytes_of_thread.max(1)).clamp(1, threads.max(1))
    }

    /// Bytes of all packed weights of the forward pass.
    pub fn packed_bytes(&self) -> usize {
        self.all_floats(Self::weight_sizes) * size_of::<f32>()
    }

    /// Floats of sums of gradients of all weights.
    pub(crate) fn sum_floats(&self) -> usize {
        self.all_floats(Self::panel_sizes)
    }

    fn all_floats(&self, sizes: impl Fn(&Self, usize) -> PanelSizes) -> usize {
        let of_layer = |layer| sizes(self, layer).total();
        self.config.directions * (0..self.config.layers).map(of_layer).sum::<usize>()
    }

    /// Whether threads may divide the units: where outputs are projected, each part would need the values of all units
    /// before it could project.
    pub(crate) fn is_divisible(&self) -> bool {
        !self.config.variant.projects
    }

    /// Blocks of four vectors of outputs in products of the backward pass with transposed hidden weights; the last one
    /// may have fewer vectors.
    pub(crate) fn output_blocks(&self) -> usize {
        self.shape.wide_vectors(self.config.outputs).div_ceil(BLOCK_VECTORS)
    }

    /// Whether the weights of all units are too many to be read more often than they must.
    pub(crate) fn is_far(&self) -> bool {
        self.shape.weight_bytes > self.tuning.far_bytes
    }

    /// Whether a chunk of some steps projects its inputs with each step, rather than all of them before.
    pub(crate) fn projects_with_steps(&self, rows: usize, steps: usize) -> bool {
        let Tuning { rows_to_project, rows_to_project_prefetched, .. } = self.tuning;
        let prefetches = self.shape.geometry.prefetches;
        let least = if prefetches { rows_to_project_prefetched } else { rows_to_project };
        self.shape.is_fused && !self.is_far() && rows >= least.saturating_mul(steps)
    }

    /// The padded hidden units of some blocks.
    pub(crate) fn units_of(&self, blocks: &Range<usize>) -> Range<usize> {
        blocks.start * self.shape.lanes..blocks.end * self.shape.lanes
    }

    /// The hidden units of some blocks.
    pub(crate) fn real_units(&self, blocks: &Range<usize>) -> Range<usize> {
        let Range { start, end } = self.units_of(blocks);
        start..end.min(self.config.units)
    }

    /// The elements of the hidden state that some blocks give.
    pub(crate) fn real_outputs(&self, blocks: &Range<usize>) -> Range<usize> {
        let Range { start, end } = self.units_of(blocks);
        start..end.min(self.config.outputs)
    }

    /// Rows of pre-activations that fit a chunk, at least those of one step. Where units are divided, a task touches its
    /// own part of a row alone.
    pub(crate) fn chunk_rows(&self, rows_of_a_step: usize, all_rows: usize, parts: usize) -> usize {
        let row_bytes = self.shape.geometry.gate_pitch * size_of::<f32>();
        let rows = self.tuning.chunk_bytes / row_bytes * parts.min(self.tuning.parts_of_chunk);
        rows.max(rows_of_a_step).min(all_rows)
    }
}
