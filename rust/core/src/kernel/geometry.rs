//! The numbers that all kernels share.
//!
//! In: padded sizes. Out: [`Geometry`], which finds the gates of a row, [`Rows`] of floats at a pitch, and
//! [`Steps`] of a chunk. No arithmetic on floats happens here.

use crate::gate::{Gate, Gates};
use std::ops::Range;

/// Padded sizes of one layer, in floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Real units of the cell.
    pub(crate) units: usize,
    /// Floats of a hidden state, which recurrent weights are multiplied by: as many as units, or fewer where they are
    /// projected.
    pub(crate) outputs: usize,
    /// Blocks of vector-width units.
    pub(crate) blocks: usize,
    /// From one row of cell state to the next.
    pub(crate) cell_pitch: usize,
    /// From one row of hidden state, or of outputs, to the next; where these are projected, with room for all vectors of
    /// a product in blocks of four.
    pub(crate) output_pitch: usize,
    /// From one row of pre-activations to the next.
    pub(crate) gate_pitch: usize,
    /// Batch rows of the widest register tile.
    pub(crate) tile_rows: usize,
    /// Unit blocks of the one-row register tile.
    pub(crate) tile_blocks: usize,
    /// Whether the weights are too many to stay close, so that tiles prefetch them.
    pub(crate) prefetches: bool,
}

impl Geometry {
    /// The gates of a row of `[row][gate][unit]`, each with all vectors of `lanes` units.
    #[inline(always)]
    pub(super) fn gates<'f>(
        &self,
        floats: &'f [f32],
        row: usize,
        lanes: usize,
    ) -> Gates<&'f [f32]> {
        let units = self.blocks * lanes;
        let row = &floats[row * self.gate_pitch..][..Gate::COUNT * units];
        let (input, row) = row.split_at(units);
        let (forget, row) = row.split_at(units);
        let (candidate, output) = row.split_at(units);
        Gates { input, forget, candidate, output }
    }

    /// As [`gates`](Self::gates), to write.
    #[inline(always)]
    pub(super) fn gates_mut<'f>(
        &self,
        floats: &'f mut [f32],
        row: usize,
        lanes: usize,
    ) -> Gates<&'f mut [f32]> {
        let units = self.blocks * lanes;
        let row = &mut floats[row * self.gate_pitch..][..Gate::COUNT * units];
        let (input, row) = row.split_at_mut(units);
        let (forget, row) = row.split_at_mut(units);
        let (candidate, output) = row.split_at_mut(units);
        Gates { input, forget, candidate, output }
    }
}

/// The gates of one block of a panel, `[gate]`.
#[inline(always)]
pub(super) fn gates_of_panel<V>([input, forget, candidate, output]: [V; Gate::COUNT]) -> Gates<V> {
    Gates { input, forget, candidate, output }
}

/// The unit blocks that a kernel computes, and from which end.
///
/// Weights that do not fit a cache are best swept to and fro: what the last sweep read at its end is still
/// there when the next one begins with it. The order changes no sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockOrder {
    /// The lowest block.
    pub(crate) first: usize,
    /// How many blocks.
    pub(crate) count: usize,
    /// Whether the highest block comes first.
    pub(crate) descending: bool,
}

impl BlockOrder {
    /// The first `count` blocks, the lowest first.
    pub(crate) fn ascending(count: usize) -> Self {
        Self { first: 0, count, descending: false }
    }

    /// The padded units of the blocks.
    #[inline(always)]
    pub(super) fn units(&self, lanes: usize) -> Range<usize> {
        self.first * lanes..(self.first + self.count) * lanes
    }

    /// The same blocks from the other end.
    pub(crate) fn reversed(self) -> Self {
        Self { descending: !self.descending, ..self }
    }

    /// The lowest of `width` blocks, when `done` blocks have been computed.
    #[inline(always)]
    pub(super) fn at(&self, done: usize, width: usize) -> usize {
        if self.descending { self.first + self.count - done - width } else { self.first + done }
    }
}

/// Rows of `width` floats, `pitch` floats apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) floats: &'a [f32],
    pub(crate) pitch: usize,
    pub(crate) width: usize,
}

impl<'a> Rows<'a> {
    /// No inputs at all.
    pub(crate) const NONE: Self = Self { floats: &[], pitch: 0, width: 0 };

    /// The rows from `first` on.
    #[inline(always)]
    pub(super) fn rows_from(self, first: usize) -> Self {
        Self { floats: &self.floats[first * self.pitch..], ..self }
    }

    /// `ROWS` rows from `first` on.
    #[inline(always)]
    pub(super) fn tile<const ROWS: usize>(&self, first: usize) -> [&'a [f32]; ROWS] {
        let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
        for (index, row) in rows.iter_mut().enumerate() {
            *row = &self.floats[(first + index) * self.pitch..][..self.width];
        }
        rows
    }
}

/// Where the rows of one group of batch rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupRows {
    /// Where the rows of each step begin in a buffer of all active (step, row) pairs of the group;
    /// `seq_len + 1` values.
    pub(crate) offsets: Vec<usize>,
    /// Where the group's rows begin in a buffer that holds a chunk of steps of all groups.
    pub(crate) chunk_start: usize,
}

/// The steps of a chunk in the order in which a direction reads them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps<'a> {
    /// Where the rows of each step begin, and where the last step's end.
    pub(crate) offsets: &'a [usize],
    /// Whether the last step comes first.
    pub(crate) reverse: bool,
}

impl Steps<'_> {
    /// Position of each step's first row within the chunk, and how many rows it has.
    #[inline(always)]
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let base = self.offsets[0];
        let steps = self.offsets.len() - 1;
        (0..steps)
            .map(move |index| if self.reverse { steps - 1 - index } else { index })
            .map(move |step| {
                let (begin, end) = (self.offsets[step], self.offsets[step + 1]);
                (begin - base, end - begin)
            })
            .filter(|&(_, rows)| rows > 0)
    }
}
