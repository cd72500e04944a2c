//! Pools of threads that belong to this process.
//!
//! In: a number of threads. Out: a `rayon` pool of that size, made once and kept. The global pool is never
//! touched: a forked child would wait for threads that it does not have. It does not know what runs there.

use crate::error::Error;
use crate::tuning::LOCK_ATTEMPTS;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Mutex, TryLockError};

/// Pools by process and size. A child process inherits its parent's entries and never uses them; they are
/// not dropped, since their threads do not exist in the child.
static POOLS: Mutex<Vec<(u32, usize, &'static ThreadPool)>> = Mutex::new(Vec::new());

/// The pool of so many threads; `None` where the list of pools stays locked, so that the caller computes
/// alone.
pub(super) fn pool(threads: usize) -> Result<Option<&'static ThreadPool>, Error> {
    let process = std::process::id();
    for _ in 0..LOCK_ATTEMPTS {
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
