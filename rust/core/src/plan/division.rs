//! How many threads a call uses, and what they divide.
//!
//! In: a checked layer, its padded shape, how many threads there are. Out: [`Division`]: groups of batch
//! rows, or parts of the hidden units where there are few rows. It does not know which rows or units.

use super::Options;
use super::shape::Shape;
use crate::check::Config;

/// Floating-point operations below which a second thread costs more than it brings: waking one takes
/// several microseconds.
const LEAST_WORK_OF_A_THREAD: f64 = 2e6;

/// As many, where threads share the units of every step; one that joins late finds less to do.
const LEAST_WORK_OF_A_PART: f64 = 4e6;

/// Floating-point operations of one step of a part below which the threads would mostly wait for each
/// other.
const LEAST_WORK_OF_A_STEP: f64 = 3e4;

/// Bytes of a layer's weights that a core keeps close to it, and how many times as long a step with few
/// rows takes where they are more.
const NEAR_BYTES: usize = 2 << 20;
const FAR_FACTOR: f64 = 4.0;

/// Rows for which a thread needs the weights of all units; with fewer, reading them takes longer than
/// computing with them, so that threads rather read a part of the weights each.
const ROWS_OF_A_THREAD: usize = 4;

/// As many, where a layer's weights are far: 32 rows and 1024 units on two threads take 8% less time; with
/// 512 units, 8 MiB, they would take 2% more.
const ROWS_OF_FAR_WEIGHTS: usize = 16;

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
    pub(super) fn new(config: &Config, shape: &Shape, available: usize, options: Options) -> Self {
        Self::of_units(config, shape, available, options)
            .unwrap_or_else(|| Self::of_rows(config, available, options))
    }

    fn of_rows(config: &Config, available: usize, options: Options) -> Self {
        let possible = config.batch_size.saturating_mul(config.directions).min(available);
        let work = config.work();
        let is_worthwhile = |&threads: &usize| work >= threads as f64 * LEAST_WORK_OF_A_THREAD;
        let useful = || (2..=possible).rev().find(is_worthwhile).unwrap_or(1);
        let threads = if options.force_threads { possible } else { useful() };
        let rows = threads.div_ceil(config.directions).clamp(1, config.batch_size);
        Self { threads, rows, parts: 1 }
    }

    /// Where a thread would have few rows, and all units are computed in one go.
    fn of_units(
        config: &Config,
        shape: &Shape,
        available: usize,
        options: Options,
    ) -> Option<Self> {
        let possible = (available / config.directions).min(shape.geometry.blocks);
        let rows_of_a_thread = config.batch_size.div_ceil(possible.max(1));
        let most_rows = if shape.is_far() { ROWS_OF_FAR_WEIGHTS } else { ROWS_OF_A_THREAD };
        if options.training || !shape.is_fused || rows_of_a_thread > most_rows {
            return None;
        }
        let factor = if shape.weight_bytes > NEAR_BYTES { FAR_FACTOR } else { 1.0 };
        let (work, directions) = (factor * config.work(), config.directions as f64);
        let steps = (config.seq_len * config.num_layers) as f64;
        let is_worthwhile = |&parts: &usize| {
            let of_a_part = work / directions / parts as f64;
            of_a_part >= LEAST_WORK_OF_A_PART && of_a_part / steps >= LEAST_WORK_OF_A_STEP
        };
        let useful = || (2..=possible).rev().find(is_worthwhile);
        let parts = if options.force_threads { Some(possible) } else { useful() }?;
        (parts > 1).then_some(Self { threads: parts * config.directions, rows: 1, parts })
    }
}
