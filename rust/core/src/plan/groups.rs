//! How the batch is divided into groups of rows.
//!
//! In: a checked layer and a number of groups. Out: [`Group`]s of batch rows with the same work. It does
//! not know threads, pools or memory.

use crate::check::Config;
use crate::error::Error;
use crate::kernel::GroupRows;
use std::ops::Range;

/// Batch rows that are computed together, from the first step to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The first batch row.
    pub(crate) first: usize,
    /// How many.
    pub(crate) rows: usize,
    /// Where its rows are in buffers of all steps and of chunks.
    pub(crate) order: GroupRows,
}

impl Group {
    fn new(
        config: &Config,
        first: usize,
        rows: usize,
        training_chunk_steps: usize,
    ) -> Result<Self, Error> {
        let mut offsets = Vec::new();
        offsets.try_reserve_exact(config.seq_len + 1).map_err(|_| Error::OutOfMemory {
            what: "step offsets",
            bytes: config.seq_len.saturating_mul(size_of::<usize>()),
        })?;
        let mut offset = 0;
        offsets.push(offset);
        for step in 0..config.seq_len {
            offset += config.active_at(step).saturating_sub(first).min(rows);
            offsets.push(offset);
        }
        let chunk_start = first * training_chunk_steps;
        Ok(Self { first, rows, order: GroupRows { offsets, chunk_start } })
    }

    /// Active (step, row) pairs of some steps.
    pub(crate) fn rows_of(&self, steps: &Range<usize>) -> usize {
        self.order.offsets[steps.end] - self.order.offsets[steps.start]
    }

    /// Rows that are active at `step`.
    pub(crate) fn active_at(&self, step: usize) -> usize {
        self.order.offsets[step + 1] - self.order.offsets[step]
    }
}

/// Divide the batch into this many groups of the same work.
pub(crate) fn divide(
    config: &Config,
    wanted: usize,
    training_chunk_steps: usize,
) -> Result<Vec<Group>, Error> {
    let total: usize = (0..config.seq_len).map(|step| config.active_at(step)).sum();
    let mut groups = Vec::with_capacity(wanted);
    let mut first = 0;
    let mut done = 0;
    for index in 1..=wanted {
        let goal = total * index / wanted;
        let last_possible = config.batch_size - (wanted - index);
        let mut end = first + 1;
        done += length_of(config, first);
        while end < last_possible && (index == wanted || done < goal) {
            done += length_of(config, end);
            end += 1;
        }
        groups.push(Group::new(config, first, end - first, training_chunk_steps)?);
        first = end;
    }
    Ok(groups)
}

/// Steps at which a sample is active; the batch sizes do not increase.
fn length_of(config: &Config, sample: usize) -> usize {
    config
        .batch_sizes
        .as_ref()
        .map_or(config.seq_len, |sizes| sizes.partition_point(|&size| size > sample))
}
