//! How threads that divide the hidden units of a layer see each other's.
//!
//! In: each part's new hidden states, step by step. Out: the hidden states of all units, in every part's own
//! memory. Each float is stored in one word with the number of its step, so that a reader sees in the word
//! itself whether it has come. A counter beside the floats would have to travel from core to core as well. It
//! does not know what is computed.

use super::sync::{AtomicBool, AtomicU64, Ordering, nap};
use super::wait::spin_until;
use crate::error::{Broken, Error};
use std::ops::Range;

/// Where the parts of one direction of a layer exchange their units.
///
/// There are two buffers, for steps in turn: nobody is two steps ahead of another, as each step needs what
/// all others gave in the one before.
#[derive(Debug)]
pub(in crate::run) struct Exchange {
    /// Hidden states `[row][unit]`: the float in the lower half, the number of its step in the upper.
    states: [Vec<AtomicU64>; 2],
    pitch: usize,
    /// The number of the first step; those of earlier sequences are lower, and none is 0.
    first: u32,
    /// The number after the last step.
    end: u32,
    /// A thread has left before the end, so that nobody may wait for it.
    is_abandoned: AtomicBool,
}

/// Some units of the first rows, `[row][unit]` at the pitch of the states.
#[derive(Debug, Clone)]
pub(in crate::run) struct Units {
    pub(in crate::run) rows: usize,
    pub(in crate::run) range: Range<usize>,
}

impl Exchange {
    /// For `rows` rows of `pitch` floats.
    pub(in crate::run) fn new(rows: usize, pitch: usize) -> Result<Self, Error> {
        let count = rows.saturating_mul(pitch);
        let buffer = || -> Result<Vec<AtomicU64>, Error> {
            let mut cells = Vec::new();
            let bytes = count.saturating_mul(size_of::<AtomicU64>());
            let out_of_memory = |_| Error::OutOfMemory { what: "the workspace", bytes };
            cells.try_reserve_exact(count).map_err(out_of_memory)?;
            cells.resize_with(count, AtomicU64::default);
            Ok(cells)
        };
        let states = [buffer()?, buffer()?];
        Ok(Self { states, pitch, first: 1, end: 1, is_abandoned: AtomicBool::new(false) })
    }

    /// Begin a sequence of `steps` steps; what is left of the one before is not taken for it.
    pub(in crate::run) fn begin(&mut self, steps: usize) {
        self.is_abandoned.store(false, Ordering::Relaxed);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.first = self.end;
        if let Some(end) = self.first.checked_add(steps) {
            self.end = end;
        } else {
            self.states.iter().flatten().for_each(|cell| cell.store(0, Ordering::Relaxed));
            (self.first, self.end) = (1, steps.saturating_add(1));
        }
    }

    /// Give units of step number `step` to the others.
    pub(in crate::run) fn publish(&self, step: usize, units: &Units, from: &[f32]) {
        let tag = self.tag(step);
        for row in 0..units.rows {
            let from = &from[row * self.pitch..][units.range.clone()];
            for (cell, float) in self.cells(step, row, &units.range).iter().zip(from) {
                cell.store(u64::from(float.to_bits()) | tag, Ordering::Relaxed);
            }
        }
    }

    /// Read units of step number `step`, as soon as they have come.
    pub(in crate::run) fn receive(
        &self,
        step: usize,
        units: &Units,
        to: &mut [f32],
    ) -> Result<(), Broken> {
        let tag = self.tag(step);
        for row in 0..units.rows {
            let to = &mut to[row * self.pitch..][units.range.clone()];
            for (cell, float) in self.cells(step, row, &units.range).iter().zip(to) {
                let mut bits = cell.load(Ordering::Relaxed);
                while bits & TAG != tag {
                    let has_come = || cell.load(Ordering::Relaxed) & TAG == tag;
                    if !spin_until(has_come) {
                        if self.is_abandoned.load(Ordering::Relaxed) {
                            return Err(Broken("a thread that left before its last step"));
                        }
                        nap();
                    }
                    bits = cell.load(Ordering::Relaxed);
                }
                *float = f32::from_bits(bits as u32);
            }
        }
        Ok(())
    }

    /// A part will publish nothing more, whatever the others wait for.
    pub(in crate::run) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    fn tag(&self, step: usize) -> u64 {
        u64::from(self.first.wrapping_add(step as u32)) << 32
    }

    fn cells(&self, step: usize, row: usize, range: &Range<usize>) -> &[AtomicU64] {
        &self.states[step % 2][row * self.pitch..][range.clone()]
    }
}

/// The bits that hold the number of a step.
const TAG: u64 = !0 << 32;

#[cfg(test)]
mod tests {
    use super::{Exchange, Units};

    /// Two parts of two units each, three steps a sequence.
    fn sequence(exchange: &mut Exchange, offset: f32) {
        exchange.begin(3);
        let exchange = &*exchange;
        let run = |own: std::ops::Range<usize>, other: std::ops::Range<usize>| {
            let mut states = [0.0_f32; 8];
            for step in 0..3 {
                let value =
                    |row: usize, unit: usize| offset + (100 * step + 10 * row + unit) as f32;
                for row in 0..2 {
                    own.clone().for_each(|unit| states[4 * row + unit] = value(row, unit));
                }
                exchange.publish(step, &Units { rows: 2, range: own.clone() }, &states);
                exchange
                    .receive(step, &Units { rows: 2, range: other.clone() }, &mut states)
                    .unwrap();
                for (index, &state) in states.iter().enumerate() {
                    assert_eq!(state.to_bits(), value(index / 4, index % 4).to_bits());
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| run(0..2, 2..4));
            run(2..4, 0..2);
        });
    }

    #[test]
    fn every_part_sees_every_step_also_after_the_numbers_have_run_out() {
        let mut exchange = Exchange::new(2, 4).unwrap();
        (0..100).for_each(|index| sequence(&mut exchange, index as f32));
        exchange.end = u32::MAX - 4;
        (0..100).for_each(|index| sequence(&mut exchange, -(index as f32)));
        assert!(exchange.end < 400);
    }

    #[test]
    fn nobody_waits_for_a_part_that_has_left() {
        let mut exchange = Exchange::new(1, 4).unwrap();
        exchange.begin(1);
        exchange.abandon();
        let mut states = [5.0_f32; 4];
        assert!(exchange.receive(0, &Units { rows: 1, range: 0..2 }, &mut states).is_err());
        assert!(states.iter().all(|state| state.to_bits() == 5.0_f32.to_bits()));
    }
}
