//! Rows of a chunk into the order in which weight gradients are summed.
//!
//! In: gate gradients and what the gates read, row by row, as the recurrence leaves them. Out: the same
//! numbers `[block][row][gate][lane]` and `[input][row]`, rows step by step and within a step by batch row,
//! however they are divided among groups and chunks. Sums over them then read memory from one end to the
//! other, and do not depend on that division.

use super::geometry::{Geometry, GroupRows, Rows};
use super::transpose::{ROWS, RowsToPanel};
use super::vector::{load, store};
use crate::level::Kernel;
use fearless_simd::{Simd, SimdBase};
use std::ops::Range;

/// The rows of a chunk of steps, in the order in which they are summed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkRows<'a> {
    /// Where each group's rows are.
    pub(crate) groups: &'a [GroupRows],
    pub(crate) first_step: usize,
    pub(crate) end_step: usize,
    /// Whether the first step comes first.
    pub(crate) ascending: bool,
}

impl ChunkRows<'_> {
    /// The steps, in their order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = usize> + use<> {
        let Self { first_step: first, end_step: end, ascending, .. } = *self;
        (first..end).map(move |step| if ascending { step } else { first + end - 1 - step })
    }

    /// For each step and group, the range of its active rows in the chunk's buffers.
    #[inline(always)]
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let first = self.first_step;
        self.steps().flat_map(move |step| {
            self.groups.iter().map(move |group| {
                let position =
                    |step: usize| group.chunk_start + group.offsets[step] - group.offsets[first];
                position(step)..position(step + 1)
            })
        })
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.runs().map(|run| run.len()).sum()
    }
}

/// Arrange some parts of rows, such as gates, of some blocks of units.
pub(crate) struct ArrangeUnits<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) rows: ChunkRows<'a>,
    /// `[row][part][unit]`
    pub(crate) from: Rows<'a>,
    /// Positions of the parts that are wanted: a gate's is its index.
    pub(crate) parts: &'a [usize],
    pub(crate) blocks: Range<usize>,
    /// `[block][row][part][lane]`, only the parts and blocks that are wanted.
    pub(crate) to: &'a mut [f32],
}

impl Kernel for ArrangeUnits<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let all_blocks = self.geometry.blocks;
        let Rows { floats, pitch, width } = self.from;
        let lanes = S::f32s::LEN;
        let group = self.parts.len() * lanes;
        let panel = self.rows.count() * group;
        let mut index = 0;
        for run in self.rows.runs() {
            for row in run {
                let from = &floats[row * pitch..][..width];
                for (place, block) in self.blocks.clone().enumerate() {
                    let to = &mut self.to[place * panel + index * group..][..group];
                    for (at, part) in self.parts.iter().enumerate() {
                        let vector = load(simd, from, (part * all_blocks + block) * lanes);
                        store::<S>(vector, to, at * lanes);
                    }
                }
                index += 1;
            }
        }
    }
}

/// Arrange what the gates read.
pub(crate) struct ArrangeInputs<'a> {
    pub(crate) rows: ChunkRows<'a>,
    /// `[row][input]`
    pub(crate) from: Rows<'a>,
    /// `[input][row]`
    pub(crate) to: &'a mut [f32],
}

impl Kernel for ArrangeInputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Rows { floats, pitch, width } = self.from;
        let count = self.rows.count();
        if width == 0 {
            return;
        }
        let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
        let (mut filled, mut first) = (0, 0);
        for row in self.rows.runs().flatten() {
            rows[filled] = &floats[row * pitch..][..width];
            filled += 1;
            if filled == ROWS || first + filled == count {
                let to = &mut self.to[first..];
                RowsToPanel { rows: &rows[..filled], to, pitch: count }.run(simd);
                first += filled;
                filled = 0;
            }
        }
    }
}
