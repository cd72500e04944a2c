//! Stages that pieces of work go through one after the other, by any number of threads.
//!
//! In: how many stages and pieces. Out: each stage takes each piece once, in order, after the stage below has; whoever
//! is free takes what is ready, so that nobody waits for a certain thread to come. It does not know what a stage does.
//!
//! A stage leaves its piece in one of two places, in turn. So it is at most two pieces ahead of the stage above:
//! before it takes piece n, the stage above has taken piece n - 2.

use super::Done;
use super::sleep::Sleep;
use super::sync::{AtomicUsize, Mutex, Ordering, PoisonError};
use super::wait::spin_until;
use crate::error::Broken;

/// How far each stage has come.
#[derive(Debug)]
pub(in crate::run) struct Stages {
    pieces: usize,
    progress: Mutex<Progress>,
    /// How often something has ended, so that other work may be ready.
    ends: AtomicUsize,
    sleep: Sleep,
}

#[derive(Debug)]
struct Progress {
    stages: Vec<Stage>,
    /// Somebody has left in the middle of a piece.
    is_broken: bool,
}

/// One stage.
#[derive(Debug, Clone, Copy, Default)]
struct Stage {
    /// Pieces that have left it.
    done: usize,
    /// A thread is at the next one.
    is_busy: bool,
}

/// What a thread finds.
enum Found {
    /// A stage, which it has taken, and a piece.
    Work(usize, usize),
    /// Others are at everything that is ready.
    Nothing,
    /// There is nothing left to take.
    End,
    Broken,
}

/// Another thread broke off, which says why.
const ELSEWHERE: Broken = Broken("a stage that a thread left in the middle");

impl Stages {
    /// So many stages, through which so many pieces go.
    pub(in crate::run) fn new(stages: usize, pieces: usize) -> Self {
        let progress = Progress { stages: vec![Stage::default(); stages], is_broken: false };
        let (ends, sleep) = (AtomicUsize::new(0), Sleep::new());
        Self { pieces, progress: Mutex::new(progress), ends, sleep }
    }

    /// Do what is ready, `run(stage, piece)`, until nothing is left; every thread that takes part calls this.
    pub(in crate::run) fn work(&self, run: impl Fn(usize, usize) -> Done) -> Done {
        // Whoever was at a stage has its weights near.
        let mut last = 0;
        loop {
            let ends = self.ends.load(Ordering::Acquire);
            match self.find(last) {
                Found::Work(stage, piece) => {
                    let mut leaving = Leaving { stages: self, stage, is_done: false };
                    run(stage, piece)?;
                    leaving.is_done = true;
                    last = stage;
                }
                Found::Nothing => {
                    let has_changed = || self.ends.load(Ordering::Acquire) != ends;
                    if !spin_until(has_changed) {
                        self.sleep.until(has_changed);
                    }
                }
                Found::End => return Ok(()),
                Found::Broken => return Err(ELSEWHERE),
            }
        }
    }

    /// Take a stage that is ready: the last one of the thread, else the highest.
    fn find(&self, last: usize) -> Found {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.is_broken {
            return Found::Broken;
        }
        let all = &progress.stages;
        if all.iter().all(|stage| stage.done == self.pieces) {
            return Found::End;
        }
        let is_ready = |&stage: &usize| {
            let Stage { done, is_busy } = all[stage];
            let is_filled = stage == 0 || all[stage - 1].done > done;
            let has_room = all.get(stage + 1).is_none_or(|above| done < above.done + 2);
            !is_busy && done < self.pieces && is_filled && has_room
        };
        let found = std::iter::once(last).chain((0..all.len()).rev()).find(is_ready);
        let Some(stage) = found else { return Found::Nothing };
        progress.stages[stage].is_busy = true;
        Found::Work(stage, progress.stages[stage].done)
    }
}

/// A thread at a stage, which it leaves when this is dropped, in whatever way.
struct Leaving<'s> {
    stages: &'s Stages,
    stage: usize,
    is_done: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let Stages { progress, ends, sleep, .. } = self.stages;
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = &mut progress.stages[self.stage];
        stage.is_busy = false;
        stage.done += usize::from(self.is_done);
        progress.is_broken |= !self.is_done;
        drop(progress);
        ends.fetch_add(1, Ordering::Release);
        sleep.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::Stages;
    use crate::error::Broken;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::thread::scope;

    /// All pieces by so many threads; what each stage took, and that it was there and its place was free.
    fn run(threads: usize, stages: usize, pieces: usize) {
        let (all, taken) = (Stages::new(stages, pieces), Mutex::new(vec![0; stages]));
        let step = |stage: usize, piece: usize| {
            let check = |taken: &[usize]| {
                assert_eq!(taken[stage], piece);
                assert!(stage == 0 || taken[stage - 1] > piece);
                assert!(taken.get(stage + 1).is_none_or(|&above| piece < above + 2));
            };
            check(&taken.lock().unwrap());
            if piece.is_multiple_of(3) {
                std::thread::yield_now();
            }
            let mut taken = taken.lock().unwrap();
            check(&taken);
            taken[stage] += 1;
            Ok(())
        };
        scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| all.work(step))).collect();
            assert_eq!(all.work(step), Ok(()));
            assert!(others.into_iter().all(|other| other.join().unwrap() == Ok(())));
        });
        assert_eq!(*taken.lock().unwrap(), vec![pieces; stages]);
    }

    #[test]
    fn each_stage_takes_each_piece_in_order_by_any_number_of_threads() {
        for threads in [1, 2, 3, 8, 16] {
            for (stages, pieces) in [(1, 5), (2, 1), (2, 300), (4, 100), (7, 3), (3, 0)] {
                run(threads, stages, pieces);
            }
        }
    }

    #[test]
    fn who_breaks_off_lets_the_others_go() {
        for panics in [false, true] {
            let all = Stages::new(3, 50);
            let step = |stage: usize, piece: usize| match (stage, piece) {
                (1, 7) if panics => panic!("as a computation might"),
                (1, 7) => Err(Broken("planted")),
                _ => Ok(()),
            };
            let call = || catch_unwind(AssertUnwindSafe(|| all.work(step)));
            let ends = scope(|scope| {
                let other = scope.spawn(call);
                [call(), other.join().unwrap()]
            });
            let planted = |end: &std::thread::Result<_>| match end {
                Ok(done) => *done == Err(Broken("planted")),
                Err(_) => panics,
            };
            assert_eq!(ends.iter().filter(|end| planted(end)).count(), 1);
            assert!(ends.iter().all(|end| !matches!(end, Ok(Ok(())))));
        }
    }
}
