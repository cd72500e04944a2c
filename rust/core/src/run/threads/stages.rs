//! Stages that pieces of work go through one after the other, by any number of threads.
//!
//! In: how many stages and pieces. Out: each stage takes each piece once, in order, after the stage below has; whoever
//! is free takes what is ready, so that nobody waits for a certain thread to come. It does not know what a stage does.
//!
//! A stage leaves its piece in one of two places, in turn. So it is at most two pieces ahead of the stage above:
//! before it takes piece n, the stage above has finished piece n - 2.

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
    /// Why somebody has left in the middle of a piece.
    broken: Option<Broken>,
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
    Broken(Broken),
}

/// Another thread panicked.
const PANIC: Broken = Broken("a stage that a thread left in the middle");

impl Stages {
    /// So many stages, through which so many pieces go.
    pub(in crate::run) fn new(stages: usize, pieces: usize) -> Self {
        let progress = Progress { stages: vec![Stage::default(); stages], broken: None };
        let (ends, sleep) = (AtomicUsize::new(0), Sleep::new());
        Self { pieces, progress: Mutex::new(progress), ends, sleep }
    }

    /// Do what is ready, `run(stage, piece)`, until nothing is left; every thread that takes part calls this.
    /// `stay_awake` waits for something, or says at once that the thread may sleep instead.
    pub(in crate::run) fn work(
        &self,
        stay_awake: impl Fn(&dyn Fn() -> bool) -> Result<bool, Broken>,
        run: impl Fn(usize, usize) -> Done,
    ) -> Done {
        // Whoever was at a stage has its weights near.
        let mut last = 0;
        loop {
            let ends = self.ends.load(Ordering::Acquire);
            match self.find(last) {
                Found::Work(stage, piece) => {
                    let mut leaving = Leaving { stages: self, stage, end: Err(PANIC) };
                    leaving.end = run(stage, piece);
                    leaving.end?;
                    last = stage;
                }
                Found::Nothing => {
                    let has_changed = || self.ends.load(Ordering::Acquire) != ends;
                    if !spin_until(has_changed) && !stay_awake(&has_changed)? {
                        self.sleep.until(has_changed);
                    }
                }
                Found::End => return Ok(()),
                Found::Broken(broken) => return Err(broken),
            }
        }
    }

    /// Take a stage that is ready: the last one of the thread, else the highest.
    fn find(&self, last: usize) -> Found {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broken) = progress.broken {
            return Found::Broken(broken);
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
    end: Done,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let Stages { progress, ends, sleep, .. } = self.stages;
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = &mut progress.stages[self.stage];
        stage.is_busy = false;
        stage.done += usize::from(self.end.is_ok());
        progress.broken = progress.broken.or(self.end.err());
        drop(progress);
        ends.fetch_add(1, Ordering::Release);
        sleep.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::{PANIC, Stages};
    use crate::error::Broken;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
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
            let work = || all.work(|_| Ok(false), step);
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            assert_eq!(work(), Ok(()));
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
            let call = || catch_unwind(AssertUnwindSafe(|| all.work(|_| Ok(false), step)));
            let ends = scope(|scope| {
                let other = scope.spawn(call);
                [call(), other.join().unwrap()]
            });
            assert_eq!(ends.iter().filter(|end| end.is_err()).count(), usize::from(panics));
            let why = if panics { PANIC } else { Broken("planted") };
            assert!(ends.into_iter().flatten().all(|end| end == Err(why)));
        }
    }

    #[test]
    fn who_is_interrupted_while_it_waits_leaves() {
        let (all, has_left) = (Stages::new(1, 1), AtomicBool::new(false));
        let step = |_, _| {
            while !has_left.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Ok(())
        };
        let (planted, no_step) = (Broken("planted"), |_, _| panic!("another thread has it"));
        scope(|scope| {
            let other = scope.spawn(|| all.work(|_| Ok(false), step));
            while !all.progress.lock().unwrap().stages[0].is_busy {
                std::thread::yield_now();
            }
            assert_eq!(all.work(|_| Err(planted), no_step), Err(planted));
            has_left.store(true, Ordering::Relaxed);
            assert_eq!(other.join().unwrap(), Ok(()));
        });
    }
}
