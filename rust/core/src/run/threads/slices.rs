//! How threads that divide a layer see whole slices of each other's states.
//!
//! In: each part's slice of floats, step by step. Out: the slices of all parts, as they lie. Where a slice is some
//! dozens of floats or more, one lock and one counter cost less than a word for each float
//! ([`Exchange`](super::Exchange)). It does not know what is computed.
//!
//! A part has two buffers, for steps in turn, and a counter of the steps that it has published. Two are enough where
//! **every part reads all other parts' step s before it publishes step s + 1**:
//!
//! ```text
//! part p publishes step s + 2, into the buffer of step s
//!   after it has read step s + 1 of every part q           (the rule, for p)
//!     after q published step s + 1                          (nobody reads a step before it is there)
//!       after q read step s of p                            (the rule, for q)
//! ```
//!
//! So nobody reads a buffer while it is written, and nobody waits at a lock. Whoever breaks the rule does not get a
//! wrong slice: each buffer says of which step it is.

use super::Done;
use super::sleep::Sleep;
use super::sync::{AtomicBool, AtomicUsize, Ordering, PoisonError, RwLock, cores};
use super::wait::look_until;
use crate::aligned::Aligned;
use crate::error::{Broken, Error};
use crate::tuning::PAUSES;

/// Where the parts of one direction of a layer exchange slices.
#[derive(Debug)]
pub(in crate::run) struct SliceExchange {
    parts: Vec<Part>,
    /// A thread has left before the end, so that nobody may wait for it.
    is_abandoned: AtomicBool,
    /// How often a thread that waits pauses before it gives up its core: never where there are more parts than
    /// cores, so that the one that it waits for may need it.
    pauses: usize,
}

/// What one part publishes, and who sleeps until it does.
#[derive(Debug)]
struct Part {
    /// The number after the last step that is there.
    published: OnLines<AtomicUsize>,
    buffers: [OnLines<RwLock<Buffer>>; 2],
    sleep: OnLines<Sleep>,
}

/// The slice of one step.
#[derive(Debug)]
struct Buffer {
    step: usize,
    len: usize,
    floats: Aligned,
}

/// On cache lines of its own, and on the ones that are fetched with them.
#[derive(Debug)]
#[repr(align(128))]
struct OnLines<T>(T);

impl SliceExchange {
    /// For so many parts, each with at most `len` floats a step. Nothing is allocated later.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub(in crate::run) fn new(parts: usize, len: usize) -> Result<Self, Error> {
        let mut all = Vec::new();
        let bytes = parts.saturating_mul(size_of::<Part>());
        let out_of_memory = |_| Error::OutOfMemory { what: WORKSPACE, bytes };
        all.try_reserve_exact(parts).map_err(out_of_memory)?;
        for _ in 0..parts {
            all.push(Part::new(len)?);
        }
        let pauses = if parts > cores() { 0 } else { PAUSES };
        Ok(Self { parts: all, is_abandoned: AtomicBool::new(false), pauses })
    }

    /// Begin a sequence, with step 0; nothing is left of the one before.
    pub(in crate::run) fn begin(&mut self) {
        self.is_abandoned.store(false, Ordering::Relaxed);
        self.parts.iter().for_each(|part| part.published.0.store(0, Ordering::Relaxed));
    }

    /// Give the part's slice of a step to the others, after all of its earlier steps. The part has read all others'
    /// slices of the step before.
    pub(in crate::run) fn publish(&self, part: usize, step: usize, slice: &[f32]) -> Done {
        self.parts[part].publish(step, slice)
    }

    /// Let `take` have a part's slice of a step, as soon as it is there.
    pub(in crate::run) fn read(&self, part: usize, step: usize, take: impl FnOnce(&[f32])) -> Done {
        let part = &self.parts[part];
        let is_there = || part.published.0.load(Ordering::Acquire) > step;
        if !is_there() && !look_until(is_there, self.pauses) {
            part.sleep.0.until(|| is_there() || self.is_abandoned.load(Ordering::Acquire));
            if !is_there() {
                return Err(LEFT);
            }
        }
        let buffer = part.buffers[step % 2].0.read().unwrap_or_else(PoisonError::into_inner);
        if buffer.step != step {
            return Err(Broken("a slice of a step that was overwritten"));
        }
        take(&buffer.floats[..buffer.len]);
        Ok(())
    }

    /// A part will publish nothing more, whatever the others wait for.
    pub(in crate::run) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.parts.iter().for_each(|part| part.sleep.0.wake());
    }
}

impl Part {
    fn new(len: usize) -> Result<Self, Error> {
        let buffer = || -> Result<_, Error> {
            let floats = Aligned::zeros(len, WORKSPACE)?;
            Ok(OnLines(RwLock::new(Buffer { step: usize::MAX, len: 0, floats })))
        };
        Ok(Self {
            published: OnLines(AtomicUsize::new(0)),
            buffers: [buffer()?, buffer()?],
            sleep: OnLines(Sleep::new()),
        })
    }

    fn publish(&self, step: usize, slice: &[f32]) -> Done {
        if self.published.0.load(Ordering::Relaxed) != step {
            return Err(Broken("a slice out of turn"));
        }
        {
            let lock = self.buffers[step % 2].0.write();
            let mut buffer = lock.unwrap_or_else(PoisonError::into_inner);
            let Buffer { step: of, len, floats } = &mut *buffer;
            let to =
                floats.get_mut(..slice.len()).ok_or(Broken("a slice longer than its place"))?;
            to.copy_from_slice(slice);
            (*of, *len) = (step, slice.len());
        }
        self.published.0.store(step + 1, Ordering::Release);
        self.sleep.0.wake();
        Ok(())
    }
}

const WORKSPACE: &str = "the workspace";

const LEFT: Broken = Broken("a thread that left before its last step");

#[cfg(test)]
mod tests {
    use super::SliceExchange;
    use crate::error::Broken;
    use std::sync::Barrier;
    use std::thread::{scope, sleep};
    use std::time::{Duration, Instant};

    /// What part `part` has at a step: as many floats as the step has left, as in ragged batches.
    fn slice(part: usize, step: usize, steps: usize, len: usize) -> Vec<f32> {
        let count = (len * (steps - step)).div_ceil(steps);
        (0..count).map(|index| (1000 * part + 10 * step + index) as f32).collect()
    }

    /// All parts of a sequence, each on a thread; every slice arrives as it was sent.
    fn sequence(exchange: &mut SliceExchange, parts: usize, steps: usize, len: usize) {
        exchange.begin();
        let exchange = &*exchange;
        let run = |own: usize| {
            for step in 0..steps {
                exchange.publish(own, step, &slice(own, step, steps, len)).unwrap();
                for other in (own + 1..parts).chain(0..own) {
                    let mut has_come = false;
                    let take = |found: &[f32]| {
                        has_come = true;
                        assert_eq!(found, slice(other, step, steps, len), "{other} {step}");
                    };
                    exchange.read(other, step, take).unwrap();
                    assert!(has_come);
                }
            }
        };
        scope(|scope| {
            (1..parts).for_each(|own| drop(scope.spawn(move || run(own))));
            run(0);
        });
    }

    #[test]
    fn every_part_sees_every_slice_also_with_more_threads_than_cores() {
        for (parts, steps, len) in [(1, 3, 4), (2, 2000, 9), (3, 500, 64), (16, 60, 33)] {
            let mut exchange = SliceExchange::new(parts, len).unwrap();
            (0..3).for_each(|_| sequence(&mut exchange, parts, steps, len));
        }
    }

    #[test]
    fn who_waits_for_long_sleeps_and_is_woken_up() {
        let exchange = SliceExchange::new(2, 1).unwrap();
        scope(|scope| {
            scope.spawn(|| {
                for step in 0..3 {
                    // Until the other one sleeps, so that only a bell wakes it up.
                    while exchange.parts[0].sleep.0.is_empty() {
                        sleep(Duration::from_millis(1));
                    }
                    exchange.publish(0, step, &[step as f32]).unwrap();
                    exchange.read(1, step, |_| {}).unwrap();
                }
            });
            for step in 0..3 {
                exchange.read(0, step, |slice| assert_eq!(slice, [step as f32])).unwrap();
                exchange.publish(1, step, &[]).unwrap();
            }
        });
    }

    #[test]
    fn nobody_waits_for_a_part_that_has_left() {
        let mut exchange = SliceExchange::new(3, 1).unwrap();
        let meet = Barrier::new(3);
        let waits = |part| exchange.read(part, 0, |_| panic!("there is nothing"));
        scope(|scope| {
            let one = scope.spawn(|| (meet.wait(), waits(0)).1);
            let other = scope.spawn(|| (meet.wait(), waits(1)).1);
            meet.wait();
            exchange.abandon();
            assert!(one.join().unwrap().is_err());
            assert!(other.join().unwrap().is_err());
        });
        exchange.publish(0, 0, &[7.0]).unwrap();
        assert_eq!(exchange.read(0, 0, |slice| assert_eq!(slice, [7.0])), Ok(()));
        exchange.begin();
        sequence(&mut exchange, 3, 5, 1);
    }

    #[test]
    fn who_breaks_the_rule_gets_an_error_and_no_other_slice() {
        let exchange = SliceExchange::new(1, 2).unwrap();
        assert_eq!(exchange.publish(0, 1, &[]), Err(Broken("a slice out of turn")));
        assert!(exchange.publish(0, 0, &[0.0; 3]).is_err());
        for step in 0..3 {
            exchange.publish(0, step, &[step as f32]).unwrap();
        }
        let read = |step| exchange.read(0, step, |slice| assert_eq!(slice, [step as f32]));
        assert!(read(0).is_err());
        assert_eq!((read(1), read(2)), (Ok(()), Ok(())));
    }

    /// What an exchange costs two threads that do nothing else: `cargo test --release --lib -p bnns-lstm
    /// print_cost_of_an_exchange -- --ignored --nocapture`.
    #[test]
    #[ignore = "it measures"]
    fn print_cost_of_an_exchange() {
        for (parts, len) in
            [1, 4, 16, 64].map(|kilo| (2, kilo << 10)).into_iter().chain([(16, 1024)])
        {
            let steps = 20_000 / (len / 1024) / (parts / 2);
            let mut exchange = SliceExchange::new(parts, len).unwrap();
            let mut best = f64::INFINITY;
            for _ in 0..5 {
                exchange.begin();
                let exchange = &exchange;
                let run = |own: usize| {
                    let (mut states, all) = (vec![1.0_f32; len * parts], 0..parts);
                    for step in 0..steps {
                        exchange.publish(own, step, &states[own * len..][..len]).unwrap();
                        for other in all.clone().filter(|&other| other != own) {
                            let to = &mut states[other * len..][..len];
                            exchange.read(other, step, |slice| to.copy_from_slice(slice)).unwrap();
                        }
                    }
                };
                let began = Instant::now();
                scope(|scope| {
                    (1..parts).for_each(|own| drop(scope.spawn(move || run(own))));
                    run(0);
                });
                best = best.min(began.elapsed().as_secs_f64() / steps as f64 * 1e6);
            }
            println!("{parts} parts of {len:>6} floats: {best:8.2} us a step");
        }
    }
}
