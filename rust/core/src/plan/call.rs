//! How a layer is called: division among threads, groups of rows, chunks, the training cache.
//!
//! In: a [`LayerPlan`], a [`Checked`] structure and [`Options`]. Out: a [`Plan`], which running follows
//! without deciding anything. It touches no array.

use super::backward_division::BackwardGrid;
use super::cache::{CacheLayout, CacheRegion};
use super::cost::{Grid, Model};
use super::division::{Division, available_threads};
use super::groups::{Group, divide};
use super::layer::LayerPlan;
use super::options::Options;
use super::pipeline::Pipeline;
use super::products::Product;
use crate::check::{Checked, Config};
use crate::error::Error;
use crate::kernel::{BLOCK_VECTORS, GroupRows};
use crate::products::Route;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// How one call of a layer is computed: of which batch, how many steps, by which threads.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Tells workspaces of different plans apart.
    pub(crate) id: u64,
    pub(crate) layer: Arc<LayerPlan>,
    pub(crate) checked: Checked,
    pub(crate) threads: usize,
    /// Into how many parts the hidden units of a direction are divided among threads.
    pub(crate) parts: usize,
    /// How layers run at the same time, where they do.
    pub(crate) pipeline: Option<Pipeline>,
    pub(crate) groups: Vec<Group>,
    /// Threads that a call may use.
    pub(super) available: usize,
    /// Why it is divided like that.
    pub(super) division: Division,
    /// How the backward pass is divided.
    pub(crate) backward: BackwardGrid,
    /// Threads of each direction, which divide the units for their weight gradients.
    pub(crate) direction_threads: usize,
    /// Its groups of rows; none in a plan for inference.
    pub(crate) backward_groups: Vec<Group>,
    /// Their row orders, for sums over all of them.
    pub(crate) orders: Vec<GroupRows>,
    /// Whether forward calls fill a cache.
    pub(crate) training: bool,
    /// Steps that the backward pass takes at a time.
    pub(crate) training_chunk_steps: usize,
    /// How weight gradients are summed.
    pub(crate) gradients: Route,
    /// Where everything is in the training cache; `None` where no memory could hold it.
    pub(crate) cache: Option<CacheLayout>,
}

impl Plan {
    /// Plan the calls of a structure, with the threads of `options` and whether it says training.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLayer`] for a structure of another layer than the plan's, [`Error::OutOfMemory`] for
    /// more steps than the memory can count.
    pub fn new(layer: &Arc<LayerPlan>, checked: &Checked, options: Options) -> Result<Self, Error> {
        let config = checked.config();
        if !layer.fits(checked, options) {
            return Err(Error::WrongLayer { what: "plan" });
        }
        let available = available_threads(options);
        let model = Model::new(config, layer, options.training);
        let division = Division::new(model, available, options);
        let Grid { rows, parts, pipeline, threads } = division.grid;
        let backward = if options.training {
            BackwardGrid::new(model, available, threads, options)
        } else {
            BackwardGrid::ONE
        };
        let training_chunk_steps = training_chunk_steps(config, layer);
        let training_rows = training_chunk_steps.saturating_mul(config.batch_size);
        let groups = divide(config, rows, training_chunk_steps)?;
        let backward_groups = if options.training {
            divide(config, backward.rows, training_chunk_steps)?
        } else {
            Vec::new()
        };
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            layer: Arc::clone(layer),
            threads,
            parts,
            available,
            division,
            pipeline,
            training: options.training,
            training_chunk_steps,
            gradients: layer.products.route(Product::Gradients, training_rows),
            backward,
            direction_threads: backward.of_direction(config),
            orders: backward_groups.iter().map(|group| group.order.clone()).collect(),
            groups,
            backward_groups,
            cache: CacheLayout::new(config),
            checked: checked.clone(),
        })
    }

    /// Threads that the calls of such options may use at most, whatever their shape.
    pub fn available_threads(&self) -> usize {
        self.available
    }

    /// The layer and how it is called.
    pub fn config(&self) -> &Config {
        &self.checked.config
    }

    /// The structure that was planned.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The same plan with another seed of dropout, if anything is dropped; a workspace of one serves the other.
    pub fn with_seed(&self, seed: u64) -> Cow<'_, Self> {
        let dropout = self.config().dropout;
        if !dropout.is_active() || dropout.seed == seed {
            return Cow::Borrowed(self);
        }
        let mut other = self.clone();
        other.checked.config.dropout.seed = seed;
        Cow::Owned(other)
    }

    /// What does not depend on the call, to which packed weights belong.
    pub fn layer(&self) -> &Arc<LayerPlan> {
        &self.layer
    }

    /// Threads that a call uses.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Microseconds that the model says a forward call takes.
    pub fn predicted_micros(&self) -> f64 {
        self.model().micros(self.division.grid)
    }

    /// Microseconds that the model says a backward call takes.
    pub fn predicted_backward_micros(&self) -> f64 {
        self.model().backward_micros(self.backward, self.threads)
    }

    /// Threads that a backward call uses.
    pub fn backward_threads(&self) -> usize {
        self.backward.threads
    }

    /// Groups of batch rows and parts of the units of a backward call.
    pub fn backward_grid(&self) -> [usize; 2] {
        [self.backward.rows, self.backward.parts]
    }

    /// The model that divides calls among threads.
    pub(super) fn model(&self) -> Model<'_> {
        Model::new(self.config(), &self.layer, self.training)
    }

    /// Groups of batch rows and parts of the units of a forward call.
    pub fn grid(&self) -> [usize; 2] {
        [self.groups.len(), self.parts]
    }

    /// Threads of each group and steps of a piece, where layers run at the same time.
    pub fn pipeline(&self) -> Option<[usize; 2]> {
        self.pipeline.map(|Pipeline { threads, steps }| [threads, steps])
    }

    /// Whether a call takes less time than giving up a lock and getting it back.
    pub fn is_short(&self) -> bool {
        self.config().work() < self.layer.tuning.short_work as f64
    }

    /// Whether the elements of all arrays but the weights lie in C order.
    pub fn is_in_order(&self) -> bool {
        self.checked.arrays().is_in_order()
    }

    /// The named regions of the training cache, after a header of 64 bytes; empty in a plan for inference.
    pub fn cache_regions(&self) -> Vec<CacheRegion> {
        let layout = self.cache.as_ref().filter(|_| self.training);
        layout.map(CacheLayout::regions).unwrap_or_default()
    }

    /// Steps that all layers take together; workspaces hold the outputs of as many.
    pub(crate) fn span_steps(&self) -> usize {
        if self.training { self.config().span_steps() } else { self.config().seq_len }
    }

    /// Whether each step of a chunk projects its own rows. A sequence of one step does: both kinds of weights
    /// of a block are then read together, from the end where the last call stopped. Threads that divide the
    /// units of a longer one project before.
    pub(crate) fn projects_with_steps(&self, rows: usize, steps: usize) -> bool {
        let is_one_step = self.config().seq_len == 1 && self.layer.shape.is_fused;
        is_one_step || self.parts == 1 && self.layer.projects_with_steps(rows, steps)
    }

    /// The unit blocks of a part.
    pub(crate) fn part_blocks(&self, part: usize) -> Range<usize> {
        let blocks = self.layer.shape.geometry.blocks;
        part * blocks / self.parts..(part + 1) * blocks / self.parts
    }

    /// The vectors of outputs that a part of the backward pass computes.
    pub(crate) fn backward_part(&self, part: usize) -> Range<usize> {
        let vectors = self.layer.shape.wide_vectors(self.layer.config.outputs);
        let (blocks, parts) = (self.layer.output_blocks(), self.backward.parts);
        let from = |part: usize| (part * blocks / parts * BLOCK_VECTORS).min(vectors);
        from(part)..from(part + 1)
    }
}

/// Steps that the backward pass takes at a time, whatever the number of threads.
fn training_chunk_steps(config: &Config, layer: &LayerPlan) -> usize {
    (layer.tuning.training_rows / config.batch_size).clamp(1, config.segment_steps())
}
