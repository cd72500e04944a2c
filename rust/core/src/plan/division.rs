//! How many threads a call uses, and what they divide.
//!
//! In: a checked layer, its plan, the caller's limit of threads. Out: [`Division`]: groups of batch rows, or
//! parts of the hidden units where there are few rows. It does not know which rows or units.

use super::layer::LayerPlan;
use super::options::Options;
use crate::check::Config;
use crate::tuning::Tuning;
use std::num::NonZero;

/// Whether the system starts threads: WebAssembly does where its memory can be shared, and not otherwise.
const HAS_THREADS: bool = cfg!(any(not(target_family = "wasm"), target_feature = "atomics"));

/// How many threads there are for a call that asks for `n_threads` at most; 0 asks for all of the machine's.
pub(super) fn available_threads(n_threads: usize) -> usize {
    match n_threads {
        _ if !HAS_THREADS => 1,
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    }
}

/// How the work is divided among threads; directions always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Division {
    /// Threads of a call.
    pub(super) threads: usize,
    /// Groups of batch rows.
    pub(super) rows: usize,
    /// Parts of the hidden units; more than one only where there is one group of rows.
    pub(super) parts: usize,
}

impl Division {
    /// Among at most `available` threads.
    pub(super) fn new(
        config: &Config,
        layer: &LayerPlan,
        available: usize,
        options: Options,
    ) -> Self {
        if let Some(grid) = layer.tuning.grid {
            return Self::forced(config, layer, available, grid);
        }
        Self::of_units(config, layer, available, options)
            .unwrap_or_else(|| Self::of_rows(config, layer, available, options))
    }

    /// So many groups and parts, as far as rows and blocks of units go.
    fn forced(config: &Config, layer: &LayerPlan, available: usize, grid: [usize; 2]) -> Self {
        let [rows, parts] = grid;
        let rows = rows.clamp(1, config.batch_size);
        let most = if layer.is_divisible() { layer.shape.geometry.blocks } else { 1 };
        let parts = parts.clamp(1, most);
        let threads = (rows * parts * config.layer.directions).min(available);
        Self { threads, rows, parts }
    }

    pub(super) fn of_rows(config: &Config, layer: &LayerPlan, available: usize, options: Options) -> Self {
        let directions = config.layer.directions;
        let possible = config.batch_size.saturating_mul(directions).min(available);
        let (work, of_a_thread) = (config.work(), layer.tuning.thread_work as f64);
        let is_worthwhile = |&threads: &usize| work >= threads as f64 * of_a_thread;
        let useful = || (2..=possible).rev().find(is_worthwhile).unwrap_or(1);
        let threads = if options.force_threads { possible } else { useful() };
        let rows = threads.div_ceil(directions).clamp(1, config.batch_size);
        Self { threads, rows, parts: 1 }
    }

    /// Where a thread would have few rows, and all units are computed in one go.
    fn of_units(
        config: &Config,
        layer: &LayerPlan,
        available: usize,
        options: Options,
    ) -> Option<Self> {
        let Tuning { part_rows, part_rows_far, own_bytes, own_factor, .. } = layer.tuning;
        let directions = config.layer.directions;
        let possible = (available / directions).min(layer.shape.geometry.blocks);
        let rows_of_a_thread = config.batch_size.div_ceil(possible.max(1));
        let most_rows = if layer.is_far() { part_rows_far } else { part_rows };
        if options.training || !layer.shape.is_fused || !layer.is_divisible() || rows_of_a_thread > most_rows {
            return None;
        }
        let factor = if layer.shape.weight_bytes > own_bytes { own_factor } else { 1 };
        let work = factor as f64 * config.work() / directions as f64;
        let steps = (config.seq_len * config.layer.layers) as f64;
        let Tuning { part_work, part_step_work, .. } = layer.tuning;
        let is_worthwhile = |&parts: &usize| {
            let of_a_part = work / parts as f64;
            of_a_part >= part_work as f64 && of_a_part / steps >= part_step_work as f64
        };
        let useful = || (2..=possible).rev().find(is_worthwhile);
        let parts = if options.force_threads { Some(possible) } else { useful() }?;
        (parts > 1).then_some(Self { threads: parts * directions, rows: 1, parts })
    }
}
