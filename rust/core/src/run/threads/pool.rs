//! Pools of threads that belong to this process.
//!
//! In: a number of threads. Out: a `rayon` pool of that size, made once and kept. The global pool is never
//! touched: a forked child would wait for threads that it does not have. It does not know what runs there.
//!
//! A forked child inherits the memory of its parent as it was at that moment, locked locks of other threads
//! included, which nobody will ever unlock. So each process has a list with a lock of its own.

use crate::error::Error;
use rayon::{ThreadPoolBuilder, Yield};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

pub(super) use rayon::ThreadPool;

/// How many processes, each a child of the one before, can have pools; whoever comes later computes alone.
const PROCESSES: usize = 64;

/// The pools of one process. A child never uses its parent's, whose threads it does not have; they are not dropped.
struct Process {
    /// 0 where no process has come yet.
    id: AtomicU32,
    /// By size.
    pools: Mutex<Vec<(usize, &'static ThreadPool)>>,
}

static PROCESS: [Process; PROCESSES] =
    [const { Process { id: AtomicU32::new(0), pools: Mutex::new(Vec::new()) } }; PROCESSES];

/// The pool of so many threads; `None` in a process that finds no place for a list of its own, so that the caller
/// computes alone.
pub(super) fn pool(threads: usize) -> Result<Option<&'static ThreadPool>, Error> {
    let Some(process) = own(&PROCESS, std::process::id()) else { return Ok(None) };
    let mut pools = process.pools.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(&(_, pool)) = pools.iter().find(|&&(size, _)| size == threads) {
        return Ok(Some(pool));
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("bnns-lstm-{index}"))
        .build()
        .map_err(|error| Error::Threads { n_threads: threads + 1, reason: error.to_string() })?;
    let pool: &'static ThreadPool = Box::leak(Box::new(pool));
    pools.push((threads, pool));
    Ok(Some(pool))
}

/// Run some work that waits in the pool of the calling thread, and say whether there was any.
pub(super) fn run_waiting() -> bool {
    rayon::yield_now() == Some(Yield::Executed)
}

/// The place of a process: the first one that is its own or nobody's, which becomes its own.
fn own(places: &[Process], id: u32) -> Option<&Process> {
    places.iter().find(|place| {
        let before = place.id.compare_exchange(0, id, Ordering::AcqRel, Ordering::Acquire);
        before.is_ok() || before == Err(id)
    })
}

#[cfg(test)]
mod tests {
    use super::{Process, own};
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn each_process_finds_its_own_place_and_never_a_lock_of_another() {
        let places =
            [(); 2].map(|()| Process { id: AtomicU32::new(0), pools: Mutex::new(Vec::new()) });
        let first = own(&places, 7).unwrap();
        let _held_at_the_fork = first.pools.lock().unwrap();
        let second = own(&places, 8).unwrap();
        assert!(second.pools.try_lock().is_ok());
        assert!(std::ptr::eq(own(&places, 7).unwrap(), first));
        assert!(std::ptr::eq(own(&places, 8).unwrap(), second));
        assert!(own(&places, 9).is_none(), "no place is left");
    }
}
