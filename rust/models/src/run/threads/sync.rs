//! Loom's atomics and locks, by the names that the core's `sync` has, with faults that can be planted.
//!
//! A thread that naps does so until another one has stored something, if it has looked at the same things before:
//! it could not find anything new, and loom would follow two threads that wait for a third one through all the looks
//! that they might take.

use crate::fault::{Fault, is_planted};
use loom::sync::atomic::AtomicU32;
use loom::thread::{Thread, park};
use std::cell::{Cell, RefCell};
use std::mem::take;

pub(super) use loom::sync::atomic::Ordering;
pub(super) use loom::sync::{Mutex, MutexGuard, RwLock};
pub(super) use loom::thread::{ThreadId, current, yield_now};
pub(super) use std::sync::{LockResult, PoisonError};

std::thread_local! {
    /// How often anything was stored. Loom runs all threads of a model on one.
    static CHANGES: Cell<u64> = const { Cell::new(1) };
    static NAPPING: RefCell<Vec<Thread>> = const { RefCell::new(Vec::new()) };
}

loom::thread_local! {
    static LOOKS: RefCell<Looks> = RefCell::new(Looks::default());
}

/// What a thread has looked at since its last nap, and before; and the changes until then.
#[derive(Default)]
struct Looks {
    since: Vec<usize>,
    before: Vec<usize>,
    changes: u64,
}

/// The thread looks at something.
fn look<T>(at: &T) {
    LOOKS.with(|looks| looks.borrow_mut().since.push(std::ptr::from_ref(at).addr()));
}

/// Begin a model, as it may follow one that failed.
pub(crate) fn begin() {
    CHANGES.set(1);
    NAPPING.take();
}

/// Something was stored.
pub(super) fn change() {
    CHANGES.set(CHANGES.get() + 1);
    NAPPING.take().iter().for_each(Thread::unpark);
}

/// Others' turn; until something changes, if nothing has since the last time.
pub(super) fn nap() {
    let is_idle = LOOKS.with(|looks| {
        let mut looks = looks.borrow_mut();
        let (since, changes) = (take(&mut looks.since), CHANGES.get());
        let is_idle = looks.changes == changes && since.iter().all(|at| looks.before.contains(at));
        (looks.before, looks.changes) = (since, changes);
        is_idle
    });
    if is_idle {
        NAPPING.with_borrow_mut(|napping| napping.push(current()));
        park();
    } else {
        yield_now();
    }
}

/// Others' turn.
pub(super) fn spin_loop() {
    yield_now();
}

/// Enough.
pub(super) fn cores() -> usize {
    usize::MAX
}

pub(super) fn fence(order: Ordering) {
    if !is_planted(Fault::NoFence) {
        loom::sync::atomic::fence(order);
    }
}

/// A flag.
#[derive(Debug)]
pub(in crate::run) struct AtomicBool(loom::sync::atomic::AtomicBool);

impl AtomicBool {
    pub(in crate::run) fn new(value: bool) -> Self {
        Self(loom::sync::atomic::AtomicBool::new(value))
    }

    pub(super) fn load(&self, order: Ordering) -> bool {
        look(self);
        self.0.load(order)
    }

    pub(super) fn store(&self, value: bool, order: Ordering) {
        if !is_planted(if value { Fault::LostFlag } else { Fault::FlagStaysUp }) {
            self.0.store(value, order);
            change();
        }
    }

    pub(super) fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        let before = self.0.fetch_or(value, order);
        change();
        before
    }
}

/// A number.
#[derive(Debug)]
pub(super) struct AtomicUsize(loom::sync::atomic::AtomicUsize);

impl AtomicUsize {
    pub(super) fn new(value: usize) -> Self {
        Self(loom::sync::atomic::AtomicUsize::new(value))
    }

    pub(super) fn load(&self, order: Ordering) -> usize {
        look(self);
        self.0.load(order)
    }

    pub(super) fn store(&self, value: usize, order: Ordering) {
        self.0.store(value, order);
        change();
    }

    pub(super) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        let before = self.0.fetch_add(value, order);
        change();
        before
    }

    pub(super) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
        let before = self.0.fetch_sub(value, order);
        change();
        before
    }
}

/// A word, in two halves that travel together.
#[derive(Debug)]
pub(super) struct AtomicU64 {
    whole: loom::sync::atomic::AtomicU64,
    /// The lower half and the upper one, where words are torn.
    halves: [AtomicU32; 2],
}

impl AtomicU64 {
    pub(super) fn new(value: u64) -> Self {
        let halves = [AtomicU32::new(value as u32), AtomicU32::new((value >> 32) as u32)];
        Self { whole: loom::sync::atomic::AtomicU64::new(value), halves }
    }

    pub(super) fn load(&self, order: Ordering) -> u64 {
        look(self);
        if is_planted(Fault::TornWords) {
            let [lower, upper] = self.halves.each_ref().map(|half| u64::from(half.load(order)));
            return upper << 32 | lower;
        }
        self.whole.load(order)
    }

    pub(super) fn store(&self, value: u64, order: Ordering) {
        if is_planted(Fault::TornWords) {
            self.halves[1].store((value >> 32) as u32, order);
            self.halves[0].store(value as u32, order);
        } else {
            self.whole.store(value, order);
        }
        change();
    }
}

impl Default for AtomicU64 {
    fn default() -> Self {
        Self::new(0)
    }
}

/// What threads sleep at.
#[derive(Debug)]
pub(super) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(super) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(super) fn wait<'m, T>(&self, guard: MutexGuard<'m, T>) -> LockResult<MutexGuard<'m, T>> {
        self.0.wait(guard)
    }

    pub(super) fn notify_all(&self) {
        if is_planted(Fault::OneBell) {
            self.0.notify_one();
        } else if !is_planted(Fault::NoBell) {
            self.0.notify_all();
        }
    }
}

/// The standard library's macro for loom's threads.
macro_rules! of_model_threads {
    ($(#[$attribute:meta])* static $name:ident: $kind:ty = const $value:block;) => {
        loom::thread_local! { $(#[$attribute])* static $name: $kind = $value; }
    };
}
pub(super) use of_model_threads as thread_local;
