//! Every decision and every size, before any memory exists.
//!
//! In: a [`Checked`] layer and [`Options`]. Out: a [`Plan`], which packing and running follow without
//! deciding anything. It touches no array.

mod backward;
mod cache;
mod division;
mod groups;
mod panels;
mod shape;
mod tile;
mod workspace;

pub(crate) use crate::kernel::VECTORS;
pub(crate) use backward::{BackwardSizes, RecomputeSizes};
pub use cache::CacheRegion;
pub(crate) use cache::{CacheLayout, HEADER_BYTES, STEP_VECTORS};
pub(crate) use groups::Group;
pub(crate) use panels::{PanelSizes, Panels, PanelsMut};
pub(crate) use shape::Shape;
use shape::training_chunk_steps;
pub(crate) use workspace::{GroupSizes, TaskSizes};

use crate::check::{Checked, Config};
use crate::error::Error;
use crate::kernel::GroupRows;
use crate::level::Level;
use division::Division;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use tile::Tile;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// How a layer is to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// SIMD level.
    pub level: Level,
    /// Threads to use at most; 0 means as many as the machine has. Few are used where more would not pay.
    pub n_threads: usize,
    /// Use as many threads as rows and directions allow, even where fewer are faster: for tests and
    /// measurements.
    pub force_threads: bool,
    /// Plan for training: forward calls that fill a cache, and backward calls.
    pub training: bool,
}

impl Default for Options {
    /// The best level of the machine and as many threads as it has.
    fn default() -> Self {
        Self { level: Level::best(), n_threads: 0, force_threads: false, training: false }
    }
}

/// How one layer is computed: sizes, division among threads, workspace.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Tells packed weights and workspaces of different plans apart.
    pub(crate) id: u64,
    pub(crate) checked: Checked,
    pub(crate) level: Level,
    pub(crate) threads: usize,
    pub(crate) shape: Shape,
    /// Into how many parts the hidden units of a direction are divided among threads.
    pub(crate) parts: usize,
    pub(crate) groups: Vec<Group>,
    /// The row orders of all groups, for sums over all of them in training.
    pub(crate) orders: Vec<GroupRows>,
    /// Whether forward calls fill a cache.
    pub(crate) training: bool,
    /// Steps that the backward pass takes at a time.
    pub(crate) training_chunk_steps: usize,
    /// Where everything is in the training cache; `None` where no memory could hold it.
    pub(crate) cache: Option<CacheLayout>,
}

impl Plan {
    /// Plan a layer.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] for more steps than the memory can count.
    pub fn new(checked: &Checked, options: Options) -> Result<Self, Error> {
        let config = checked.config();
        let available = match options.n_threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        };
        let shape = Shape::new(config, Tile::of(options.level));
        let Division { threads, rows, parts } = Division::new(config, &shape, available, options);
        let training_chunk_steps = training_chunk_steps(config);
        let groups = groups::divide(config, rows, training_chunk_steps)?;
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            level: options.level,
            threads,
            shape,
            parts,
            training: options.training,
            training_chunk_steps,
            orders: if options.training {
                groups.iter().map(|group| group.order.clone()).collect()
            } else {
                Vec::new()
            },
            groups,
            cache: CacheLayout::new(config),
            checked: checked.clone(),
        })
    }

    /// The layer.
    pub fn config(&self) -> &Config {
        &self.checked.config
    }

    /// Threads that a call uses.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The named regions of the training cache, after a header of 64 bytes; empty in a plan for inference.
    pub fn cache_regions(&self) -> Vec<CacheRegion> {
        let layout = self.cache.as_ref().filter(|_| self.training);
        layout.map(CacheLayout::regions).unwrap_or_default()
    }

    /// The layer in one line, for people.
    pub fn summary(&self) -> String {
        let config = self.config();
        let directions = if config.directions == 2 { ", bidirectional" } else { "" };
        format!(
            "{} steps, {} samples, {} inputs, {} units, {} layers{directions}, level {}, {} threads",
            config.seq_len,
            config.batch_size,
            config.input_size,
            config.hidden_size,
            config.num_layers,
            self.level.name(),
            self.threads,
        )
    }

    /// What was decided, for people: level, tile, threads, bytes of packed weights, of the workspace and of
    /// the cache, and where the time should go.
    pub fn explain(&self) -> String {
        let Shape { geometry, lanes, is_fused, .. } = self.shape;
        let mut text = String::new();
        let step = if is_fused { "fused step" } else { "general step" };
        let _ = writeln!(
            text,
            "level {}: {step}, {lanes} lanes, tiles of {} rows, or of 1 row and {} blocks",
            self.level.name(),
            geometry.tile_rows,
            geometry.tile_blocks
        );
        let _ = writeln!(
            text,
            "inputs: {}; weights read ahead: {}",
            self.explain_projection(),
            if geometry.reads_ahead { "yes, for 2 rows or more" } else { "no, they stay close" },
        );
        let rows: Vec<usize> = self.groups.iter().map(|group| group.rows).collect();
        let _ = writeln!(
            text,
            "threads {}: batch rows {rows:?}, directions {}, parts of the units {}",
            self.threads,
            self.config().directions,
            self.parts
        );
        let _ = writeln!(text, "packed weights: {} bytes", self.packed_floats() * size_of::<f32>());
        let _ = writeln!(text, "workspace: {} bytes", self.workspace_floats() * size_of::<f32>());
        self.explain_work(&mut text);
        if self.training {
            self.explain_training(&mut text);
        }
        text
    }

    /// When inputs are projected.
    fn explain_projection(&self) -> &'static str {
        let rows = self.groups.iter().map(|group| group.rows).max().unwrap_or(0);
        if self.config().seq_len == 1 && self.projects_with_steps(rows, 1) {
            "projected with the step"
        } else if self.projects_with_steps(rows, 1) {
            "projected with each step that has rows enough, else a chunk of steps at a time"
        } else {
            "projected a chunk of steps at a time"
        }
    }

    /// Where the time of a forward call should go: to products, or, with few rows a step, to reading weights.
    fn explain_work(&self, text: &mut String) {
        let config = self.config();
        let hidden = (config.num_layers * config.hidden_size) as f64;
        let inputs: usize = (0..config.num_layers).map(|layer| config.layer_input(layer)).sum();
        let share = hidden / (hidden + inputs as f64);
        let _ = write!(
            text,
            "work: {:.3} MFLOP, {:.0}% of it in the recurrence; each step reads {} bytes of weights for {} rows",
            config.work() / 1e6,
            100.0 * share,
            4 * self.shape.units() * config.hidden_size * size_of::<f32>(),
            config.batch_size,
        );
    }

    /// What a plan for training adds.
    fn explain_training(&self, text: &mut String) {
        let steps = self.training_chunk_steps;
        let _ = write!(text, "\nbackward: {steps} steps at a time");
        let bytes = self.backward_floats() * size_of::<f32>();
        let _ = write!(text, ", workspace {bytes} bytes");
        if let Some(layout) = &self.cache {
            let _ = write!(text, "\ncache: {} bytes, header {HEADER_BYTES}", layout.bytes);
        }
        for region in self.cache_regions() {
            let CacheRegion { name, offset, shape } = region;
            let _ = write!(text, ", {name} {shape:?} at {offset}");
        }
    }

    /// Whether each step of a chunk projects its own rows. A sequence of one step does: both kinds of weights
    /// of a block are then read together, from the end where the last call stopped. Threads that share the
    /// units of a longer one project before.
    pub(crate) fn projects_with_steps(&self, rows: usize, steps: usize) -> bool {
        let is_one_step = self.config().seq_len == 1 && self.shape.is_fused;
        is_one_step || self.parts == 1 && self.shape.projects_with_steps(rows, steps)
    }

    /// Floats of all packed weights.
    pub(crate) fn packed_floats(&self) -> usize {
        let config = self.config();
        (0..config.num_layers)
            .map(|layer| {
                let panels = PanelSizes::new(config, &self.shape, layer);
                config.directions * panels.total()
            })
            .sum()
    }

    /// Floats of the workspace.
    pub(crate) fn workspace_floats(&self) -> usize {
        self.groups.iter().map(|group| self.group_sizes(group).total()).sum()
    }

    /// Floats of each buffer of a group.
    pub(crate) fn group_sizes(&self, group: &Group) -> GroupSizes {
        let parts = (0..self.parts).map(|part| self.part_blocks(part)).collect();
        GroupSizes::forward(self.config(), &self.shape, group, parts, self.training)
    }

    /// The unit blocks of a part.
    fn part_blocks(&self, part: usize) -> Range<usize> {
        let blocks = self.shape.geometry.blocks;
        part * blocks / self.parts..(part + 1) * blocks / self.parts
    }

    /// The padded hidden units of a part.
    pub(crate) fn part_units(&self, part: usize) -> Range<usize> {
        let Range { start, end } = self.part_blocks(part);
        start * self.shape.lanes..end * self.shape.lanes
    }

    /// The hidden units of a part.
    pub(crate) fn real_units(&self, part: usize) -> Range<usize> {
        let Range { start, end } = self.part_units(part);
        start..end.min(self.config().hidden_size)
    }

    /// Floats of the workspace of a backward call.
    pub(crate) fn backward_floats(&self) -> usize {
        BackwardSizes::new(self).total(self.config().directions)
    }
}
