//! How many threads a backward call uses, and what they divide.
//!
//! In: a checked layer, its plan, the model of what a backward call costs. Out: [`BackwardGrid`], groups of batch rows
//! and parts of the units for the recurrence, which is divided by rows first; all threads of a direction divide the
//! units for weight gradients. It does not know which rows or units.

use super::cost::Model;
use super::division::counts;
use super::layer::LayerPlan;
use super::options::Options;
use crate::check::Config;

/// How a backward call is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BackwardGrid {
    /// Groups of batch rows.
    pub(crate) rows: usize,
    /// Parts of the units: each thread of a group multiplies gate gradients by the weights of its own.
    pub(crate) parts: usize,
    /// Threads of the call.
    pub(crate) threads: usize,
}

impl BackwardGrid {
    /// One thread.
    pub(super) const ONE: Self = Self { rows: 1, parts: 1, threads: 1 };

    /// Among at most `available` threads, after a forward call by `of_forward`: the fastest one by the model, or the
    /// fastest one with as many threads as possible where they are forced.
    pub(super) fn new(
        model: Model<'_>,
        available: usize,
        of_forward: usize,
        options: Options,
    ) -> Self {
        if let Some(grid) = forced(model, available) {
            return grid;
        }
        let possible = possible(model, available);
        let of_threads = |threads| fastest(model, threads, of_forward);
        if options.force_threads || possible == 1 {
            return of_threads(possible).1;
        }
        let gain = model.layer.tuning.costs.gained();
        let faster = |best: (f64, Self), other: (f64, Self)| {
            if other.0 < best.0 * gain { other } else { best }
        };
        let timed = counts(possible).map(of_threads);
        timed.reduce(faster).map_or(Self::ONE, |(_, grid)| grid)
    }

    /// Threads of each direction, which is computed beside the other one. All of them have work at the same time: a
    /// thread that comes for a part that was taken already is waited for.
    pub(super) fn of_direction(self, config: &Config) -> usize {
        (self.threads / config.layer.directions).max(1)
    }
}

/// What a call might do instead: one thread; half of the threads that find something to do, all of them, and these by
/// rows alone.
pub(super) fn alternatives(
    model: Model<'_>,
    available: usize,
    of_forward: usize,
) -> Vec<BackwardGrid> {
    let possible = possible(model, available);
    let mut found = vec![BackwardGrid::ONE];
    for threads in [possible / 2, possible] {
        if threads > 1 {
            found.push(fastest(model, threads, of_forward).1);
            found.extend(grids(model, threads).next());
        }
    }
    found
}

/// How many of `available` threads find something to do.
fn possible(model: Model<'_>, available: usize) -> usize {
    let Model { config, layer, .. } = model;
    let of_rows = config.batch_size.saturating_mul(most_parts(layer));
    let shared = of_rows.max(layer.shape.geometry.blocks);
    shared.saturating_mul(config.layer.directions).min(available)
}

/// What the tuned numbers say instead of the model, as far as rows and units go.
fn forced(model: Model<'_>, available: usize) -> Option<BackwardGrid> {
    let Model { config, layer, .. } = model;
    let [rows, parts] = layer.tuning.backward_grid?.map(|number| number as usize);
    let rows = rows.clamp(1, config.batch_size);
    let parts = parts.clamp(1, most_parts(layer));
    let threads = (rows * parts * config.layer.directions).min(available);
    Some(BackwardGrid { rows, parts, threads })
}

/// The fastest grid of so many threads, and its microseconds. Parts of the units, which wait for each other at every
/// step, must be worth it.
fn fastest(model: Model<'_>, threads: usize, of_forward: usize) -> (f64, BackwardGrid) {
    let gain = model.layer.tuning.costs.gained();
    let timed = grids(model, threads).map(|grid| (model.backward_micros(grid, of_forward), grid));
    let faster = |best: (f64, BackwardGrid), other: (f64, BackwardGrid)| {
        let factor = if best.1.parts == 1 { gain } else { 1.0 };
        if other.0 < best.0 * factor { other } else { best }
    };
    timed.reduce(faster).unwrap_or((f64::INFINITY, BackwardGrid::ONE))
}

/// All grids of so many threads, rows alone first.
fn grids(model: Model<'_>, threads: usize) -> impl Iterator<Item = BackwardGrid> {
    let Model { config, layer, .. } = model;
    let of_direction = (threads / config.layer.directions).max(1);
    counts(of_direction.min(most_parts(layer))).map(move |parts| {
        let rows = (of_direction / parts).clamp(1, config.batch_size);
        BackwardGrid { rows, parts, threads }
    })
}

/// Into how many parts the units can be divided, whole blocks of transposed products.
fn most_parts(layer: &LayerPlan) -> usize {
    if layer.is_divisible() { layer.output_blocks() } else { 1 }
}
