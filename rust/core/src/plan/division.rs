//! How many threads a forward call uses, and what they divide.
//!
//! In: a checked layer, its plan, the caller's limit of threads, the model of what a grid costs. Out: [`Division`], the
//! groups of batch rows of a forward call, with the parts of the hidden units or the layers that run at the same time.
//! It does not know which rows or units.

use super::cost::{Grid, Model};
use super::layer::LayerPlan;
use super::options::Options;
use super::pipeline::Pipeline;

/// Whether the system starts threads: WebAssembly does where its memory can be shared, and not otherwise.
const HAS_THREADS: bool = cfg!(any(not(target_family = "wasm"), target_feature = "atomics"));

/// How many threads there are for a call: as many as it asks for, where 0 asks for all, but no more than run at the
/// same time, unless they are forced.
pub(super) fn available_threads(options: Options) -> usize {
    let of_machine = options.tuning.cores.threads;
    match options.n_threads {
        _ if !HAS_THREADS => 1,
        0 => of_machine,
        threads if options.force_threads => threads,
        threads => threads.min(of_machine),
    }
}

/// The grid in which a forward call is computed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Division {
    pub(super) grid: Grid,
    pub(super) choice: Choice,
}

/// Why a call has its grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// It is the fastest one by the model, or the fastest one with as many threads as possible.
    Fastest,
    /// Somebody has forced it.
    Forced,
}

impl Division {
    /// Among at most `available` threads.
    pub(super) fn new(model: Model<'_>, available: usize, options: Options) -> Self {
        if let Some(grid) = forced(model, available) {
            return Self { grid, choice: Choice::Forced };
        }
        if available == 1 {
            return Self { grid: Grid::ONE, choice: Choice::Fastest };
        }
        let mut grids = grids(model, available);
        if model.layer.tuning.pipeline.is_some() {
            // Somebody has forced one that is none.
            grids.retain(|grid| grid.pipeline.is_none());
        }
        if options.force_threads {
            let most = grids.iter().map(|grid| grid.threads).max().unwrap_or(1);
            grids.retain(|grid| grid.threads == most);
        }
        Self { grid: fastest(model, grids.into_iter()), choice: Choice::Fastest }
    }
}

impl Grid {
    /// One thread.
    pub(super) const ONE: Self = Self { rows: 1, parts: 1, pipeline: None, threads: 1 };
}

/// The fastest of some grids, of which those with more threads come later: more of them must be worth it, as must
/// layers that run at the same time, which the model knows less about.
fn fastest(model: Model<'_>, grids: impl Iterator<Item = Grid>) -> Grid {
    let gain = model.layer.tuning.costs.gained();
    let timed = grids.map(|grid| (model.micros(grid), grid));
    let faster = |best: (f64, Grid), other: (f64, Grid)| {
        let rank = |grid: Grid| (grid.threads, grid.pipeline.is_some());
        let factor = if rank(other.1) > rank(best.1) { gain } else { 1.0 };
        if other.0 < best.0 * factor { other } else { best }
    };
    timed.reduce(faster).map_or(Grid::ONE, |(_, grid)| grid)
}

/// What a call might do instead: one thread; with half of the threads, or with all, rows alone, units alone, layers at
/// the same time, or the fastest of all grids.
pub(super) fn alternatives(model: Model<'_>, available: usize) -> Vec<Grid> {
    let grids = grids(model, available);
    let kinds: [fn(&Grid) -> bool; 4] = [
        |grid| grid.parts == 1 && grid.pipeline.is_none(),
        |grid| grid.rows == 1 && grid.pipeline.is_none(),
        |grid| grid.pipeline.is_some(),
        |_| true,
    ];
    let mut found = vec![Grid::ONE];
    for threads in [available / 2, available] {
        for is_of_kind in kinds {
            let of_kind = |grid: &&Grid| grid.threads == threads && is_of_kind(grid);
            let mut of_kind = grids.iter().filter(of_kind).copied().peekable();
            if of_kind.peek().is_some() {
                found.push(fastest(model, of_kind));
            }
        }
    }
    found
}

/// What the tuned numbers say instead of the model: so many groups, and parts or layers at the same time, as far as
/// rows, blocks of units and layers go. A pipeline alone has one group.
fn forced(model: Model<'_>, available: usize) -> Option<Grid> {
    let Model { config, layer, .. } = model;
    let pipeline = layer.tuning.pipeline.map(|numbers| numbers.map(|number| number as usize));
    let pipeline = pipeline.map(|[threads, steps]| Pipeline { threads, steps });
    let pipeline = pipeline.and_then(|pipeline| pipeline.within(config, layer));
    let grid = layer.tuning.grid.or(pipeline.map(|_| [1, 1]))?;
    let [rows, parts] = grid.map(|number| number as usize);
    let rows = rows.clamp(1, config.batch_size);
    let parts = parts.clamp(1, if pipeline.is_some() { 1 } else { most_parts(layer) });
    let of_group = pipeline.map_or(parts * config.layer.directions, |pipeline| pipeline.threads);
    Some(Grid { rows, parts, pipeline, threads: (rows * of_group).min(available) })
}

fn most_parts(layer: &LayerPlan) -> usize {
    if layer.is_divisible() { layer.shape.geometry.blocks } else { 1 }
}

/// All grids that `available` threads may compute, those of fewer threads first. Directions are computed side by side
/// where there are threads for both. Each part of the units has a thread of its own. Layers run at the same time where
/// units are not divided.
fn grids(model: Model<'_>, available: usize) -> Vec<Grid> {
    let Model { config, layer, .. } = model;
    let directions = config.layer.directions;
    let mut grids = vec![Grid::ONE];
    let most_parts = (available / directions).min(most_parts(layer));
    for parts in counts(most_parts) {
        let groups = if parts == 1 {
            available.div_ceil(directions)
        } else {
            available / directions / parts
        };
        for rows in counts(groups.min(config.batch_size)) {
            let threads = (rows * parts * directions).min(available);
            if threads > 1 {
                grids.push(Grid { rows, parts, pipeline: None, threads });
            }
        }
    }
    for rows in counts((available / 2).min(config.batch_size)) {
        let pipelines = Pipeline::all(config, layer, available / rows);
        grids.extend(pipelines.map(|pipeline| Grid {
            rows,
            parts: 1,
            threads: rows * pipeline.threads,
            pipeline: Some(pipeline),
        }));
    }
    grids.sort_by_key(|grid| grid.threads);
    grids
}

/// Numbers of groups or parts to try: all up to 8, then some of those that follow, and the last one.
pub(super) fn counts(most: usize) -> impl Iterator<Item = usize> {
    let is_tried = move |count: usize| {
        let step = (count.next_power_of_two() / 8).max(1);
        count <= 8 || count.is_multiple_of(step) || count == most
    };
    (1..=most).filter(move |&count| is_tried(count))
}
