//! How long a forward call takes in a grid of threads, by a model.
//!
//! In: a checked layer, its plan, a [`Grid`]. Out: microseconds. What the model knows of the machine stands in
//! `tuning`: rates of one core, caches, cores; `docs/cores.md` describes it. It does not choose.

use super::layer::LayerPlan;
use super::pipeline::Pipeline;
use crate::check::{Config, LayerConfig, Peephole};
use crate::gate::Gate;
use crate::tuning::{Costs, Tuning};

/// Bytes of a float for each gate.
pub(super) const GATE_BYTES: f64 = (Gate::COUNT * size_of::<f32>()) as f64;

/// How a forward call is divided: each direction of a layer into groups of rows times parts of the units, or the batch
/// into groups of rows whose layers run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// Groups of batch rows.
    pub(super) rows: usize,
    /// Parts of the hidden units.
    pub(super) parts: usize,
    /// Where layers run at the same time; units are not divided then.
    pub(super) pipeline: Option<Pipeline>,
    /// Threads of the call.
    pub(super) threads: usize,
}

/// A call whose time is asked for.
#[derive(Clone, Copy)]
pub(super) struct Model<'a> {
    pub(super) config: &'a Config,
    pub(super) layer: &'a LayerPlan,
    /// The part of all rows of all steps that is active.
    pub(super) active: f64,
    /// Whether the calling thread has just packed the weights, as it does in training.
    is_fresh: bool,
}

/// What one thread has to itself in a grid.
struct Share {
    /// Rows of a step, on average.
    rows: f64,
    /// Padded units.
    units: f64,
    /// How many times as long arithmetic takes as with a core alone.
    slower: f64,
    /// Bytes of L2 that weights stay in.
    near: f64,
    /// Bytes of all caches that weights stay in.
    cached: f64,
    /// Bytes of weights that come from memory in a nanosecond.
    memory: f64,
}

impl<'a> Model<'a> {
    pub(super) fn new(config: &'a Config, layer: &'a LayerPlan, training: bool) -> Self {
        let all = config.seq_len * config.batch_size;
        let active = match config.batch_sizes {
            None => all,
            Some(_) => (0..config.seq_len).map(|step| config.active_at(step)).sum(),
        };
        Self { config, layer, active: active as f64 / all as f64, is_fresh: training }
    }

    /// Microseconds of a call.
    pub(super) fn micros(self, grid: Grid) -> f64 {
        let Tuning { costs, .. } = self.layer.tuning;
        let LayerConfig { layers, directions, .. } = self.config.layer;
        let share = self.share(grid);
        let steps = self.config.seq_len as f64;
        let of_layers = (0..layers).map(|layer| self.step(&share, grid, layer));
        let (of_group, tasks) = if let Some(pipeline) = grid.pipeline {
            (self.pipeline(&share, pipeline, of_layers), pipeline.threads)
        } else {
            let exchange = if grid.parts > 1 { self.exchange(&share, grid) } else { 0.0 };
            // The states after the last step go nowhere.
            let exchanges = exchange * layers as f64 * (steps - 1.0);
            let saved = steps * self.saved(&share, grid) * layers as f64;
            (steps * of_layers.sum::<f64>() + saved + exchanges, grid.parts * directions)
        };
        let rounds = (grid.rows * tasks).div_ceil(grid.threads) as f64;
        let others = (grid.threads - 1) as f64;
        let start = if grid.threads == 1 { 0.0 } else { costs.start_ns as f64 };
        let start = start + others * costs.thread_ns as f64 + self.fetched(&share, grid);
        (of_group * rounds + start) / 1e3
    }

    /// Nanoseconds of a group whose layers run at the same time, from those of a step of each layer. With L layers, S
    /// pieces and w threads that is as long as `L S / w + w - 1` pieces of one layer.
    fn pipeline(
        self,
        share: &Share,
        pipeline: Pipeline,
        of_layers: impl Iterator<Item = f64>,
    ) -> f64 {
        let Tuning { costs, .. } = self.layer.tuning;
        let Pipeline { threads, steps } = pipeline;
        let pieces = self.config.seq_len.div_ceil(steps) as f64;
        let (mut all, mut longest) = (0.0, 0.0_f64);
        // What the layer below gave comes from another core.
        let outputs = share.rows * self.config.layer.outputs as f64;
        let copied = outputs * size_of::<f32>() as f64 / costs.slice_bytes as f64;
        for (layer, of_step) in of_layers.enumerate() {
            let of_step = if layer == 0 { of_step } else { of_step + copied };
            let piece = steps as f64 * of_step + costs.piece_ns as f64 * share.slower;
            all += piece;
            longest = longest.max(piece);
        }
        let threads = threads as f64;
        (pieces * all / threads).max(pieces * longest) + (threads - 1.0) * longest
    }

    /// Nanoseconds of a step in which parts of the units leave what they have of each row in the training cache.
    fn saved(self, share: &Share, grid: Grid) -> f64 {
        let is_shared = self.is_fresh && grid.parts > 1;
        if is_shared { share.rows * self.layer.tuning.costs.saved_row_ns as f64 } else { 0.0 }
    }

    /// Nanoseconds in which the other threads fetch weights from the caches of the thread that packed them.
    fn fetched(self, share: &Share, grid: Grid) -> f64 {
        if grid.threads == 1 || !self.is_fresh {
            return 0.0;
        }
        let config = &self.config.layer;
        let columns = |layer| (config.layer_inputs(layer) + config.outputs) as f64;
        let columns: f64 = (0..config.layers).map(columns).sum();
        let bytes = GATE_BYTES * share.units * columns;
        bytes / self.layer.tuning.costs.written_bytes as f64
    }

    fn share(self, grid: Grid) -> Share {
        let Tuning { costs, caches, cores, .. } = self.layer.tuning;
        let shape = &self.layer.shape;
        // Of the largest group.
        let rows = self.active * self.config.batch_size.div_ceil(grid.rows) as f64;
        let threads = grid.threads as f64;
        let slower = self.slower(grid.threads);
        let kept = costs.kept_quarters as f64 / 4.0;
        let of_all = costs.memory_bytes_of_all as f64 / threads;
        Share {
            rows: rows.max(1.0),
            units: (shape.geometry.blocks.div_ceil(grid.parts) * shape.lanes) as f64,
            slower,
            near: kept * caches.l2 as f64 / slower,
            cached: kept * (caches.l3 * cores.physical) as f64,
            memory: of_all.min(costs.memory_bytes as f64),
        }
    }

    /// How many times as long the arithmetic of each thread takes where so many compute: two threads of one core give
    /// little more than one, and some meet on a core while others are idle.
    pub(super) fn slower(self, threads: usize) -> f64 {
        let Tuning { costs, cores, .. } = self.layer.tuning;
        if cores.physical == cores.threads && threads <= cores.threads {
            return 1.0;
        }
        let of_a_core = cores.threads as f64 / cores.physical as f64;
        let of_all = (of_a_core * 100.0 / costs.siblings_percent as f64).max(1.0);
        let others = (threads - 1) as f64 / (cores.threads.max(2) - 1) as f64;
        if others > 1.0 { of_all * others } else { 1.0 + others.sqrt() * (of_all - 1.0) }
    }

    /// Nanoseconds of a step of a layer, without exchange.
    fn step(self, share: &Share, grid: Grid, layer: usize) -> f64 {
        let Tuning { costs, .. } = self.layer.tuning;
        let config = &self.config.layer;
        let shape = &self.layer.shape;
        let (inputs, outputs) = (config.layer_inputs(layer) as f64, config.outputs as f64);
        let cells = if self.sees_cells() { config.units as f64 } else { 0.0 };
        let rate = (costs.flops_of_lane * shape.lanes) as f64 / share.slower;
        let flops = |columns: f64| 2.0 * Gate::COUNT as f64 * share.units * columns * share.rows;
        let bytes = |units: f64, columns: f64| GATE_BYTES * units * columns;
        // Input weights are read once for a chunk of steps, unless a step fills it.
        let chunk = self.layer.chunk_rows(1, usize::MAX, grid.parts) as f64;
        let most_steps = grid.pipeline.map_or(self.config.seq_len, |pipeline| pipeline.steps);
        let steps_of_chunk = (chunk / share.rows).clamp(1.0, most_steps as f64);
        let of_step = outputs + cells;
        let in_step = if steps_of_chunk < 2.0 { of_step + inputs } else { of_step };
        let stays = bytes(share.units, in_step);
        let padded = shape.padded_units() as f64;
        let far_rate = if bytes(padded, in_step) * config.directions as f64 > share.cached {
            share.memory
        } else {
            costs.l3_bytes as f64 / share.slower
        };
        let far = (stays - share.near).max(0.0);
        let near_rate = costs.l2_bytes as f64 / share.slower;
        let read = (stays - far) / near_rate + far / far_rate;
        let later = inputs - (in_step - of_step);
        let later_bytes = bytes(share.units, later);
        // Between the short pieces of a pipeline little else comes into L2.
        let is_near = grid.pipeline.is_some() && stays + later_bytes <= share.near;
        let later_rate = if is_near { near_rate } else { far_rate };
        let projected = (flops(later) / rate).max(later_bytes / later_rate / steps_of_chunk);
        let recurred = (flops(in_step) / rate).max(read);
        let generic = if shape.is_fused { 0.0 } else { costs.generic_unit_ps as f64 / 1e3 };
        let element_wise = generic * share.rows * share.units * share.slower;
        // What is projected after the step is not divided.
        let projection = if config.variant.projects {
            2.0 * config.units as f64 * outputs * share.rows / rate
        } else {
            0.0
        };
        debug_assert!(grid.parts == 1 || !config.variant.projects && grid.pipeline.is_none());
        projected + recurred + element_wise + projection + costs.step_ns as f64
    }

    /// Nanoseconds of an exchange of states.
    fn exchange(self, share: &Share, grid: Grid) -> f64 {
        let Costs { words_ns, word_ps, slices_ns, slice_ns, slice_bytes, .. } =
            *self.layer.tuning.costs;
        let floats = share.rows * self.config.layer.outputs as f64;
        if !self.sees_cells() && share.rows * share.units <= self.layer.tuning.word_floats as f64 {
            let partners = (grid.parts - 1) as f64;
            // Each further part is one more line that comes from somewhere else.
            return words_ns as f64 * (1.0 + partners.log2()) + floats * word_ps as f64 / 1e3;
        }
        let others = (grid.parts - 2) as f64;
        let copied = floats * size_of::<f32>() as f64 / slice_bytes as f64;
        let of_states = slices_ns as f64 + others * slice_ns as f64 + copied;
        if self.sees_cells() { 2.0 * of_states } else { of_states }
    }

    fn sees_cells(self) -> bool {
        self.config.layer.has_peephole(Peephole::Full)
    }
}
