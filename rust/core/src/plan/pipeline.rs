//! The pipelines that the layers of a stack may be: all of them at the same time, each at another piece of the steps.
//!
//! In: a checked layer, its plan, threads. Out: [`Pipeline`]s. It does not know which one is the fastest, nor how layers
//! wait for each other.

use super::layer::LayerPlan;
use super::products::Product;
use crate::check::Config;
use crate::products::Route;

/// Layers that run at the same time: a layer takes a piece of the steps when the layer below has finished it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// Threads of each group of rows, at most one a layer.
    pub(crate) threads: usize,
    /// Steps of a piece.
    pub(crate) steps: usize,
}

impl Pipeline {
    /// All that `threads` may be for a group of rows, with pieces of 1, 2, 4, … steps; none where layers must follow
    /// each other.
    pub(super) fn all(
        config: &Config,
        layer: &LayerPlan,
        threads: usize,
    ) -> impl Iterator<Item = Self> {
        let most = if is_possible(config, layer) { threads.min(config.layer.layers) } else { 1 };
        let powers = (0..usize::BITS).map(|power| 1 << power);
        let lengths: Vec<usize> = powers.take_while(|&steps| steps < config.seq_len).collect();
        (2..=most).flat_map(move |threads| {
            lengths.clone().into_iter().map(move |steps| Self { threads, steps })
        })
    }

    /// This one, as far as layers and steps go.
    pub(super) fn within(self, config: &Config, layer: &LayerPlan) -> Option<Self> {
        let threads = self.threads.min(config.layer.layers);
        let is_one = threads > 1 && is_possible(config, layer);
        is_one.then(|| Self { threads, steps: self.steps.clamp(1, config.seq_len) })
    }
}

/// Both directions of a layer need all steps of the layer below. Where a library multiplies, fewer rows at a time might
/// take another route, and have other bits.
fn is_possible(config: &Config, layer: &LayerPlan) -> bool {
    config.layer.layers > 1
        && config.layer.directions == 1
        && config.seq_len > 1
        && layer.products.least_rows(Product::Inputs) == usize::MAX
        && layer.products.route(Product::Hidden, config.batch_size) == Route::Panels
}
