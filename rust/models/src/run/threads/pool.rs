//! A pool of threads that keeps what `rayon` promises, as far as the core relies on it.
//!
//! In: work of a scope. Out: it is run, once, by any of the threads, at any time before the scope ends. Work of
//! the pool may look for other work that waits ([`run_waiting`]).

use super::sync::{PoisonError, change};
use crate::error::Error;
use loom::sync::{Condvar, Mutex, MutexGuard};
use loom::thread::{JoinHandle, spawn};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{take, transmute};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

type Work<'scope> = Box<dyn FnOnce() + Send + 'scope>;

/// So many threads, and work that waits for them.
pub(in crate::run) struct ThreadPool {
    size: usize,
    queue: Arc<Queue>,
    threads: std::sync::Mutex<Vec<JoinHandle<()>>>,
}

struct Queue {
    state: Mutex<State>,
    /// Rings whenever the state changes.
    bell: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work<'static>>,
    is_closed: bool,
}

std::thread_local! {
    /// The pool of the model, all of whose threads loom runs on one.
    static OPEN: RefCell<Option<&'static ThreadPool>> = const { RefCell::new(None) };
}

loom::thread_local! {
    /// Whether the thread is one of the pool's.
    static IS_WORKER: Cell<bool> = Cell::new(false);
}

/// The pool of this model, which has so many threads.
#[expect(clippy::unnecessary_wraps, reason = "as the core has it")]
pub(super) fn pool(threads: usize) -> Result<Option<&'static ThreadPool>, Error> {
    let open = OPEN.with_borrow(|open| *open);
    let pool = open.unwrap_or_else(|| ThreadPool::open(threads));
    assert_eq!(pool.size, threads, "one pool a model");
    Ok(Some(pool))
}

/// The end of a model: no thread of the pool is left behind.
pub(in crate::run) fn close() {
    let Some(pool) = OPEN.take() else { return };
    pool.queue.lock().is_closed = true;
    pool.queue.bell.notify_all();
    let threads = take(&mut *pool.threads.lock().unwrap_or_else(PoisonError::into_inner));
    for thread in threads {
        thread.join().expect("a thread of the pool");
    }
}

/// Run some work that waits, and say whether there was any.
pub(super) fn run_waiting() -> bool {
    let pool = OPEN.with_borrow(|open| *open).expect("a thread of the pool asks");
    let work = pool.queue.lock().waiting.pop_front();
    let Some(work) = work else { return false };
    work();
    true
}

impl ThreadPool {
    fn open(size: usize) -> &'static Self {
        let queue = Arc::new(Queue { state: Mutex::default(), bell: Condvar::new() });
        let serve = || {
            let queue = Arc::clone(&queue);
            spawn(move || {
                IS_WORKER.with(|is_worker| is_worker.set(true));
                queue.serve(|state| state.is_closed);
            })
        };
        let threads = std::sync::Mutex::new((0..size).map(|_| serve()).collect());
        let pool: &'static Self = Box::leak(Box::new(Self { size, queue, threads }));
        OPEN.set(Some(pool));
        pool
    }

    pub(super) fn current_num_threads(&self) -> usize {
        self.size
    }

    /// Run something here, whose work may run elsewhere; all of it is done at the end, also after a panic.
    pub(super) fn in_place_scope<'scope, R>(&self, run: impl FnOnce(&Scope<'scope>) -> R) -> R {
        let scope = Scope::new(Arc::clone(&self.queue));
        let result = catch_unwind(AssertUnwindSafe(|| run(&scope)));
        let left = &scope.left;
        if IS_WORKER.with(Cell::get) {
            self.queue.serve(|_| Scope::is_done(left));
        } else {
            self.queue.wait(|_| Scope::is_done(left));
        }
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadPool({})", self.size)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait until it is over.
    fn wait(&self, is_over: impl Fn(&State) -> bool) {
        let mut state = self.lock();
        while !is_over(&state) {
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Run work until it is over.
    fn serve(&self, is_over: impl Fn(&State) -> bool) {
        let mut state = self.lock();
        loop {
            if is_over(&state) {
                return;
            }
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                work();
                state = self.lock();
            } else {
                state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Work of one call, which may borrow what outlives the call.
pub(super) struct Scope<'scope> {
    queue: Arc<Queue>,
    /// How much of it is not done; touched under the lock of the queue.
    left: Arc<std::sync::Mutex<usize>>,
    borrows: PhantomData<&'scope mut &'scope ()>,
}

impl<'scope> Scope<'scope> {
    fn new(queue: Arc<Queue>) -> Self {
        Self { queue, left: Arc::default(), borrows: PhantomData }
    }

    fn is_done(left: &std::sync::Mutex<usize>) -> bool {
        *left.lock().unwrap_or_else(PoisonError::into_inner) == 0
    }

    fn add(&self, change: isize) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.wrapping_add_signed(change);
    }

    pub(super) fn spawn(&self, work: impl FnOnce(&Self) + Send + 'scope) {
        let inner = Self { left: Arc::clone(&self.left), ..Self::new(Arc::clone(&self.queue)) };
        let work: Work<'scope> = Box::new(move || {
            work(&inner);
            let state = inner.queue.lock();
            inner.add(-1);
            drop(state);
            inner.queue.bell.notify_all();
        });
        // SAFETY: the scope waits until the work is done, before anything that it borrows ends.
        let work = unsafe { transmute::<Work<'scope>, Work<'static>>(work) };
        let mut state = self.queue.lock();
        self.add(1);
        state.waiting.push_back(work);
        drop(state);
        self.queue.bell.notify_all();
        change();
    }
}
