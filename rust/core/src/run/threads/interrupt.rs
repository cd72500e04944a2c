//! Calls that end before they are done.
//!
//! In: a question of the caller's, such as whether Ctrl-C was pressed. Out: [`Interrupt`], at which all threads of
//! a call look between two chunks of steps. It does not know what is computed, nor why somebody wants it to end.

use super::sync::{AtomicBool, AtomicU64, Ordering, ThreadId, current, thread_local};
use crate::tuning::BETWEEN_QUESTIONS;
use std::cell::Cell;
use std::fmt;
use std::time::Instant;

thread_local! {
    /// Whether the thread asks, in the middle of a call.
    static IS_ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread asks a question in the middle of a call. Threads of the pool may wait for it then, so that
/// a call that it makes while it looks for the answer must not wait for them.
pub(super) fn is_asking() -> bool {
    IS_ASKING.with(Cell::get)
}

/// Whether a call is to end before it is done. Made for one call, on the thread that makes it.
pub struct Interrupt<'c> {
    question: &'c (dyn Fn() -> bool + Sync),
    caller: ThreadId,
    began: Instant,
    /// Milliseconds between two questions.
    between: u64,
    /// When the question is asked next, in milliseconds after `began`.
    due: AtomicU64,
    is_raised: AtomicBool,
}

impl<'c> Interrupt<'c> {
    /// `question` says whether the call is to end. It is asked between chunks of steps, every
    /// 100 ms at most, and by the calling thread only, for the first time after as long: short calls never ask.
    pub fn new(question: &'c (dyn Fn() -> bool + Sync)) -> Self {
        Self::asking(question, BETWEEN_QUESTIONS)
    }

    fn asking(question: &'c (dyn Fn() -> bool + Sync), between: u64) -> Self {
        Self {
            question,
            caller: current().id(),
            began: Instant::now(),
            between,
            due: AtomicU64::new(between),
            is_raised: AtomicBool::new(false),
        }
    }

    /// With a question that is asked whenever somebody looks, for tests.
    #[cfg(test)]
    pub(in crate::run) fn at_every_look(question: &'c (dyn Fn() -> bool + Sync)) -> Self {
        Self::asking(question, 0)
    }

    /// Whether this is the thread that makes the call.
    pub(super) fn is_caller(&self) -> bool {
        current().id() == self.caller
    }

    /// Whether the call is to end; asked, if it is time to.
    pub(super) fn look(&self) -> bool {
        if self.is_raised() {
            return true;
        }
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now < self.due.load(Ordering::Relaxed) || !self.is_caller() {
            return false;
        }
        let outer = IS_ASKING.with(|asking| asking.replace(true));
        let answer = (self.question)();
        IS_ASKING.with(|asking| asking.set(outer));
        let then = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.due.store(then.saturating_add(self.between), Ordering::Relaxed);
        self.is_raised.fetch_or(answer, Ordering::Relaxed);
        answer
    }

    /// Whether the answer has been yes.
    pub(in crate::run) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Interrupt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interrupt(raised: {})", self.is_raised())
    }
}

#[cfg(test)]
mod tests {
    use super::Interrupt;
    use crate::error::{Broken, Error};
    use crate::run::threads::Threads;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// Answers no so many times.
    fn after(count: usize, asked: &AtomicUsize) -> impl Fn() -> bool + Sync {
        move || asked.fetch_add(1, Ordering::Relaxed) == count
    }

    #[test]
    fn a_call_ends_with_the_first_yes_and_stays_ended() {
        let asked = AtomicUsize::new(0);
        let question = after(1, &asked);
        let interrupt = Interrupt::new(&question);
        let threads = Threads::new(1, false, Some(&interrupt)).unwrap();
        assert_eq!(threads.look(), Ok(()), "not asked as early as this");
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        while threads.look().is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert!(threads.look().is_err());
        assert_eq!(threads.error(Broken("a thread that left")), Error::Interrupted);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn another_thread_never_asks_and_learns_the_answer() {
        let asked = AtomicUsize::new(0);
        let question = after(0, &asked);
        let interrupt = Interrupt::new(&question);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                while interrupt.began.elapsed().as_millis() < 150 {
                    assert!(!interrupt.look());
                }
            });
            other.join().unwrap();
            assert_eq!(asked.load(Ordering::Relaxed), 0);
            assert!(interrupt.look());
            assert!(scope.spawn(|| interrupt.look()).join().unwrap());
        });
    }

    #[test]
    fn a_call_within_a_question_computes_alone() {
        let has_pool = || Threads::new(2, false, None).unwrap().pool.is_some();
        let question = || has_pool();
        let interrupt = Interrupt::at_every_look(&question);
        assert!(has_pool());
        assert!(!interrupt.look(), "no pool within the question");
        assert!(has_pool());
    }

    #[test]
    fn who_waits_for_another_thread_asks_as_well() {
        let question = || true;
        let interrupt = Interrupt::new(&question);
        let threads = Threads::new(2, false, Some(&interrupt)).unwrap();
        let has_come = AtomicBool::new(false);
        let wait_for = |is_true: &dyn Fn() -> bool| {
            while !is_true() {
                std::thread::yield_now();
            }
            Ok(())
        };
        // Neither part looks: the first one, here, is done when the other begins, which then waits for the answer.
        let here = || wait_for(&|| has_come.load(Ordering::Relaxed));
        let elsewhere = || {
            has_come.store(true, Ordering::Relaxed);
            wait_for(&|| interrupt.is_raised())
        };
        assert_eq!(threads.both(here, elsewhere), Ok(()));
        assert!(interrupt.is_raised());
    }
}
