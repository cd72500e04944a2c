//! Threads of our own.
//!
//! In: a number of threads. Out: [`Threads`], which runs computations side by side: one on the calling
//! thread, the others in a pool that belongs to this process. It does not know what is computed.
//!
//! Work is handed over through a [`Handoff`]: whoever comes first takes it, so that nobody waits for a thread
//! to wake up. What a computation finds broken comes back to the caller of the threads.

use super::Done;
use super::affinity::Core;
use super::handoff::Handoff;
use super::interrupt::{self, Interrupt};
use super::pool::{self, ThreadPool, run_waiting};
use super::sync::{AtomicBool, AtomicUsize, Ordering, nap, thread_local, yield_now};
use super::wait::{End, spin_until, wait_until};
use crate::error::{Broken, Error};
use crate::place::PerDirection;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The threads of a call: the calling one, and those of a pool, if there are more.
#[derive(Debug)]
pub(in crate::run) struct Threads<'i> {
    pub(super) pool: Option<&'static ThreadPool>,
    /// Whether a thread that comes to help leaves the core of the one that called it.
    moves: bool,
    interrupt: Option<&'i Interrupt<'i>>,
}

/// Work that can be divided among threads.
pub(in crate::run) trait Divide: Sized + Send {
    /// Whether it is not to be divided any further.
    fn is_whole(&self) -> bool;

    /// Two halves of work that is to be divided.
    fn halve(self) -> (Self, Self);
}

/// What comes back from a call that somebody has ended.
const INTERRUPTED: Broken = Broken("a call that was interrupted");

impl<'i> Threads<'i> {
    /// So many threads. `moves`: a thread that comes to help leaves the core of the one that called it.
    pub(in crate::run) fn new(
        threads: usize,
        moves: bool,
        interrupt: Option<&'i Interrupt<'i>>,
    ) -> Result<Self, Error> {
        let is_alone = threads == 1 || interrupt::is_asking();
        let pool = if is_alone { None } else { pool::pool(threads - 1)? };
        Ok(Self { pool, moves, interrupt })
    }

    /// Go on, or not: a computation of some length looks here between two parts of it.
    pub(in crate::run) fn look(&self) -> Done {
        match self.interrupt {
            Some(interrupt) if interrupt.look() => Err(INTERRUPTED),
            Some(_) | None => Ok(()),
        }
    }

    /// The error of a computation that has come to an end too early.
    pub(in crate::run) fn error(&self, broken: Broken) -> Error {
        match self.interrupt {
            // Threads that waited for one that left say so, which is no fault then.
            Some(interrupt) if interrupt.is_raised() => Error::Interrupted,
            Some(_) | None => broken.into(),
        }
    }

    /// Run both: the second elsewhere if a thread comes for it before the first is done, else here.
    pub(in crate::run) fn both(
        &self,
        one: impl FnOnce() -> Done,
        other: impl FnOnce() -> Done + Send,
    ) -> Done {
        let Some(pool) = self.pool else { return one().and(other()) };
        let (work, result) = (Handoff::new(other), Handoff::empty());
        let (is_done, core) = (AtomicBool::new(false), self.core());
        pool.in_place_scope(|scope| {
            scope.spawn(|_| {
                core.move_off();
                let end = || is_done.store(true, Ordering::Release);
                at_last(|| work.take().into_iter().for_each(|work| result.put(work())), end);
            });
            // A thread that woke up on this core comes to run, and leaves.
            yield_now();
            let of_one = one();
            let of_other = if let Some(work) = work.take() {
                work()
            } else {
                self.meet(|| is_done.load(Ordering::Acquire));
                Ok(())
            };
            of_one.and(of_other)
        })
        .and(result.take().unwrap_or(Ok(())))
    }

    /// Run something for each direction, side by side where there are two.
    pub(in crate::run) fn each_direction<W: Send>(
        &self,
        work: PerDirection<W>,
        run: impl Fn(W) -> Done + Sync,
    ) -> Done {
        let PerDirection { forward, backward } = work;
        match backward {
            None => run(forward),
            Some(backward) => self.both(|| run(forward), || run(backward)),
        }
    }

    /// Halve work until it is not to be divided any further, and run the pieces side by side.
    pub(in crate::run) fn divide<W: Divide>(
        &self,
        work: W,
        run: &(impl Fn(W) -> Done + Sync),
    ) -> Done {
        if work.is_whole() {
            return run(work);
        }
        let (one, other) = work.halve();
        self.both(|| self.divide(one, run), || self.divide(other, run))
    }

    /// Run `work` here, which calls [`both`](Self::both) again and again, while the other threads stay awake
    /// for their parts: waking one up takes as long as a part of a small layer.
    pub(in crate::run) fn keep_awake(&self, work: impl FnOnce() -> Done) -> Done {
        let Some(pool) = self.pool else { return work() };
        let (is_over, core) = (AtomicBool::new(false), self.core());
        let (threads, left) = (pool.current_num_threads(), AtomicUsize::new(0));
        pool.in_place_scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|_| {
                    core.move_off();
                    at_last(
                        || run_parts_until(&is_over),
                        || _ = left.fetch_add(1, Ordering::Release),
                    );
                });
            }
            let end = End(&is_over);
            let done = work();
            drop(end);
            self.meet(|| left.load(Ordering::Acquire) == threads);
            done
        })
    }

    /// Run `lead` here, and call `join` for each of the numbers below `others` elsewhere. Some of these
    /// calls may begin after `lead` has returned.
    pub(in crate::run) fn lead(
        &self,
        others: usize,
        lead: impl FnOnce() -> Done,
        join: impl Fn(usize) -> Done + Sync,
    ) -> Done {
        let Some(pool) = self.pool else { return lead() };
        let (core, joined) = (self.core(), &AtomicUsize::new(0));
        let (join, failure) = (&join, &Handoff::empty());
        pool.in_place_scope(|scope| {
            for number in 0..others {
                scope.spawn(move |_| {
                    core.move_off();
                    let work = || {
                        if let Err(broken) = join(number) {
                            failure.put(broken);
                        }
                    };
                    at_last(work, || _ = joined.fetch_add(1, Ordering::Release));
                });
            }
            // A thread that woke up on this core comes to run, and leaves.
            yield_now();
            let done = lead();
            self.meet(|| joined.load(Ordering::Acquire) == others);
            done
        })
        .and(failure.take().map_or(Ok(()), Err))
    }

    /// Wait for other threads that are about to be done as well. The end of a scope would put this one to sleep
    /// instead, and waking it up again would take 50 us: of a step of 512 units on two threads, half the time.
    /// A caller that may be interrupted stays awake for that.
    fn meet(&self, is_done: impl Fn() -> bool) {
        if !spin_until(&is_done) {
            // Whoever is interrupted waits at the end of the scope: the others look as well.
            let _: Result<bool, Broken> = self.stay_awake(is_done);
        }
    }

    /// Wait on the thread of a caller that may be interrupted, and look whether it is; false at once on any other
    /// thread, which may sleep instead.
    pub(in crate::run) fn stay_awake(&self, is_done: impl Fn() -> bool) -> Result<bool, Broken> {
        let Some(interrupt) = self.interrupt.filter(|interrupt| interrupt.is_caller()) else {
            return Ok(false);
        };
        while !is_done() {
            if interrupt.look() {
                return Err(INTERRUPTED);
            }
            nap();
        }
        Ok(true)
    }

    /// The core that helping threads leave.
    fn core(&self) -> Core {
        if self.moves { Core::current() } else { Core::NONE }
    }
}

/// Work, and then say that it has ended, even if it panicked: somebody may be waiting for that.
fn at_last(work: impl FnOnce(), end: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(work)).err();
    // The first panic says more than one that follows from it.
    let of_end = catch_unwind(AssertUnwindSafe(end)).err();
    if let Some(panic) = panic.or(of_end) {
        resume_unwind(panic);
    }
}

thread_local! {
    /// Whether the thread waits for parts already, of this call or another.
    static WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Run parts of calls as they come, until `is_over`.
fn run_parts_until(is_over: &AtomicBool) {
    if WAITS.with(|waits| waits.replace(true)) {
        return;
    }
    while !is_over.load(Ordering::Acquire) {
        wait_until(|| is_over.load(Ordering::Acquire) || run_waiting());
    }
    WAITS.with(|waits| waits.set(false));
}

#[cfg(test)]
mod tests {
    use super::{Divide, Done, Interrupt, Threads};
    use crate::error::Broken;
    use std::ops::Range;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    #[test]
    fn calls_that_share_a_pool_run_all_their_parts_and_end() {
        std::thread::scope(|scope| {
            for (count, moves) in [(1, true), (2, false), (3, true), (3, true), (3, false)] {
                scope.spawn(move || {
                    let threads = Threads::new(count, moves, None).unwrap();
                    let (mut here, elsewhere) = (0, AtomicUsize::new(0));
                    let work = || {
                        for _ in 0..300 {
                            let part = || {
                                elsewhere.fetch_add(1, Ordering::Relaxed);
                                Ok(())
                            };
                            let one = || {
                                here += 1;
                                Ok(())
                            };
                            threads.both(one, || threads.both(part, part))?;
                        }
                        Ok(())
                    };
                    assert_eq!(threads.keep_awake(work), Ok(()));
                    assert_eq!((here, elsewhere.into_inner()), (300, 600));
                });
            }
        });
    }

    impl Divide for Range<usize> {
        fn is_whole(&self) -> bool {
            self.len() == 1
        }

        fn halve(self) -> (Self, Self) {
            let middle = self.start + self.len() / 2;
            (self.start..middle, middle..self.end)
        }
    }

    #[test]
    fn what_one_part_finds_broken_comes_back() {
        for count in [1, 2, 3] {
            let threads = Threads::new(count, true, None).unwrap();
            for wrong in 0..7 {
                let run = |piece: Range<usize>| {
                    if piece.start == wrong { Err(Broken("planted")) } else { Ok(()) }
                };
                assert_eq!(threads.divide(0..7, &run), Err(Broken("planted")), "{count} {wrong}");
                assert_eq!(threads.divide(7..9, &run), Ok(()));
                let join = |number: usize| run(number..7);
                let found = threads.lead(2, || run(6..7), join);
                let is_reached = wrong == 6 || count > 1 && wrong < 2;
                assert_eq!(found.is_err(), is_reached, "{count} {wrong}");
            }
        }
    }

    #[test]
    fn a_panic_ends_the_waiting() {
        let threads = Threads::new(2, true, None).unwrap();
        for _ in 0..3 {
            let call = || threads.keep_awake(|| panic!("as a computation might"));
            assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        }
    }

    #[test]
    fn a_panic_elsewhere_ends_the_waiting_of_a_caller_that_may_be_interrupted() {
        let question = || false;
        let interrupt = Interrupt::new(&question);
        let threads = Threads::new(2, true, Some(&interrupt)).unwrap();
        let is_panic = |call: &dyn Fn() -> Done| catch_unwind(AssertUnwindSafe(call)).is_err();
        for _ in 0..3 {
            let has_come = AtomicBool::new(false);
            let here = || {
                while !has_come.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                Ok(())
            };
            let elsewhere = || -> Done {
                has_come.store(true, Ordering::Relaxed);
                // The caller is done long before, and waits.
                std::thread::sleep(std::time::Duration::from_millis(5));
                panic!("as a computation might")
            };
            assert!(is_panic(&|| threads.both(here, elsewhere)));
            has_come.store(false, Ordering::Relaxed);
            assert!(is_panic(&|| threads.lead(1, here, |_| elsewhere())));
        }
    }
}
