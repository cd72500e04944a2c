//! Threads of our own.
//!
//! In: a number of threads and a computation. Out: the computation, run in a pool of that size that belongs
//! to this process. The global pool is never touched: a forked child would wait for threads that it does
//! not have. It does not know what is computed.

use crate::error::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Mutex, TryLockError};

/// Pools by process and size. A child process inherits its parent's entries and never uses them; they are
/// not dropped, since their threads do not exist in the child.
static POOLS: Mutex<Vec<(u32, usize, &'static ThreadPool)>> = Mutex::new(Vec::new());

/// How often a busy lock is tried before the computation runs on the calling thread instead. The lock is
/// held for a look-up only; it stays locked for ever where a fork happened during one.
const ATTEMPTS: usize = 1000;

/// Run `compute` where `rayon::join` uses `threads` threads; with one thread, right here.
pub(super) fn run<R: Send>(threads: usize, compute: impl FnOnce() -> R + Send) -> Result<R, Error> {
    if threads == 1 {
        return Ok(compute());
    }
    match pool(threads)? {
        Some(pool) => Ok(pool.install(compute)),
        None => Ok(compute()),
    }
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
            .map_err(|error| Error::Threads { n_threads: threads, reason: error.to_string() })?;
        let pool: &'static ThreadPool = Box::leak(Box::new(pool));
        pools.push((process, threads, pool));
        return Ok(Some(pool));
    }
    Ok(None)
}
