//! Threads of our own.
//!
//! In: a number of threads. Out: a [`Crew`], which runs computations side by side: one on the calling
//! thread, the others in a pool that belongs to this process. The global pool is never touched: a forked
//! child would wait for threads that it does not have. It does not know what is computed.

use super::cores::{Core, leave};
use crate::error::Error;
use rayon::{ThreadPool, ThreadPoolBuilder, Yield};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

/// Pools by process and size. A child process inherits its parent's entries and never uses them; they are
/// not dropped, since their threads do not exist in the child.
static POOLS: Mutex<Vec<(u32, usize, &'static ThreadPool)>> = Mutex::new(Vec::new());

/// How often a busy lock is tried before the computation runs on the calling thread alone. The lock is
/// held for a look-up only; it stays locked for ever where a fork happened during one.
const ATTEMPTS: usize = 1000;

/// How often a waiting thread looks before it takes a break between two looks: less than a microsecond.
const LOOKS: usize = 100;

/// How often it looks then before it gives up its core: some ten microseconds.
const SPINS: usize = 400;

/// How often it gives up its core before it may sleep: at least some hundred microseconds.
const YIELDS: usize = 400;

/// How long a thread sleeps once it has waited for longer than that.
pub(super) const NAP: Duration = Duration::from_micros(50);

/// The threads of a call: the calling one, and those of a pool, if there are more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crew(Option<&'static ThreadPool>);

/// Work that has one place, until the first who comes takes it.
pub(super) struct Seat<T>(Mutex<Option<T>>);

impl<T> Seat<T> {
    pub(super) fn new(work: T) -> Self {
        Self(Mutex::new(Some(work)))
    }

    /// Offer the work again.
    pub(super) fn put(&self, work: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
    }

    /// The work, if nobody has taken it yet.
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Crew {
    /// A crew of this many threads.
    pub(super) fn new(threads: usize) -> Result<Self, Error> {
        if threads == 1 { Ok(Self(None)) } else { pool(threads - 1).map(Self) }
    }

    /// Run both: the second elsewhere if a thread comes for it before the first is done, else here.
    pub(super) fn both(self, one: impl FnOnce(), other: impl FnOnce() + Send) {
        let Some(pool) = self.0 else {
            one();
            return other();
        };
        let (seat, is_done) = (Seat::new(other), AtomicBool::new(false));
        let core = Core::current();
        pool.in_place_scope(|scope| {
            scope.spawn(|_| {
                leave(core);
                seat.take().into_iter().for_each(|work| work());
                is_done.store(true, Ordering::Release);
            });
            // A thread that woke up on this core comes to run, and leaves.
            std::thread::yield_now();
            one();
            match seat.take() {
                Some(work) => work(),
                None => meet(|| is_done.load(Ordering::Acquire)),
            }
        });
    }

    /// Run `work` here, which calls [`both`](Self::both) again and again, while the other threads stay awake
    /// for their parts: waking one up takes as long as a part of a small layer.
    pub(super) fn accompany(self, work: impl FnOnce()) {
        let Some(pool) = self.0 else { return work() };
        let (is_over, core) = (AtomicBool::new(false), Core::current());
        let (threads, left) = (pool.current_num_threads(), AtomicUsize::new(0));
        pool.in_place_scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|_| {
                    leave(core);
                    wait_for_parts(&is_over);
                    left.fetch_add(1, Ordering::Release);
                });
            }
            let end = End(&is_over);
            work();
            drop(end);
            meet(|| left.load(Ordering::Acquire) == threads);
        });
    }

    /// Run `lead` here, and call `join` for each of the numbers below `others` elsewhere. Some of these
    /// calls may begin after `lead` has returned.
    pub(super) fn lead(self, others: usize, lead: impl FnOnce(), join: impl Fn(usize) + Sync) {
        let Some(pool) = self.0 else { return lead() };
        let (join, core, joined) = (&join, Core::current(), &AtomicUsize::new(0));
        pool.in_place_scope(|scope| {
            for number in 0..others {
                scope.spawn(move |_| {
                    leave(core);
                    join(number);
                    joined.fetch_add(1, Ordering::Release);
                });
            }
            // A thread that woke up on this core comes to run, and leaves.
            std::thread::yield_now();
            lead();
            meet(|| joined.load(Ordering::Acquire) == others);
        });
    }
}

thread_local! {
    /// Whether the thread waits for parts already, of this call or another.
    static WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Run parts of calls as they come, until `is_over`.
fn wait_for_parts(is_over: &AtomicBool) {
    if WAITS.replace(true) {
        return;
    }
    let has_run = || rayon::yield_now() == Some(Yield::Executed);
    while !is_over.load(Ordering::Acquire) {
        if !spin_until(|| is_over.load(Ordering::Acquire) || has_run()) {
            std::thread::sleep(NAP);
        }
    }
    WAITS.set(false);
}

/// Tells waiting threads that there is nothing left, even if a computation panicked.
pub(super) struct End<'e>(pub(super) &'e AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Wait for other threads that are about to be done as well. The end of a scope would put this one to sleep
/// instead, and waking it up again would take 50 us: of a step of 512 units on two threads, half the time.
fn meet(is_done: impl Fn() -> bool) {
    spin_until(is_done);
}

/// Wait a little for something that another thread is about to do. Returns whether it happened.
pub(super) fn spin_until(is_done: impl Fn() -> bool) -> bool {
    let pauses: [(usize, fn()); 3] =
        [(LOOKS, || {}), (SPINS, std::hint::spin_loop), (YIELDS, std::thread::yield_now)];
    for (attempts, pause) in pauses {
        for _ in 0..attempts {
            if is_done() {
                return true;
            }
            pause();
        }
    }
    is_done()
}

fn pool(threads: usize) -> Result<Option<&'static ThreadPool>, Error> {
    let process = std::process::id();
    for _ in 0..ATTEMPTS {
        let mut pools = match POOLS.try_lock() {
            Ok(pools) => pools,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                std::thread::yield_now();
                continue;
            }
        };
        let known = pools.iter().find(|&&(owner, size, _)| (owner, size) == (process, threads));
        if let Some(&(_, _, pool)) = known {
            return Ok(Some(pool));
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("bnns-lstm-{index}"))
            .build()
            .map_err(|error| Error::Threads {
                n_threads: threads + 1,
                reason: error.to_string(),
            })?;
        let pool: &'static ThreadPool = Box::leak(Box::new(pool));
        pools.push((process, threads, pool));
        return Ok(Some(pool));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::Crew;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn calls_that_share_a_pool_run_all_their_parts_and_end() {
        std::thread::scope(|scope| {
            for threads in [1, 2, 3, 3, 3] {
                scope.spawn(move || {
                    let crew = Crew::new(threads).unwrap();
                    let (mut here, elsewhere) = (0, AtomicUsize::new(0));
                    crew.accompany(|| {
                        for _ in 0..300 {
                            let part = || {
                                elsewhere.fetch_add(1, Ordering::Relaxed);
                            };
                            crew.both(|| here += 1, || crew.both(part, part));
                        }
                    });
                    assert_eq!((here, elsewhere.into_inner()), (300, 600));
                });
            }
        });
    }

    #[test]
    fn a_panic_ends_the_waiting() {
        let crew = Crew::new(2).unwrap();
        for _ in 0..3 {
            let call = || crew.accompany(|| panic!("as a computation might"));
            assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        }
    }
}
