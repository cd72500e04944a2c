//! Which core a thread runs on.
//!
//! In: the core of a thread that asks for help. Out: the helping thread, on another core. Linux may wake a
//! thread up on the core of the one that woke it, although others are idle, and leave it there for
//! milliseconds: then both take turns, and two threads take as long as one. So the one that asks gives way
//! for a moment, and a helper that finds itself on its core leaves. Nothing is pinned: the helper may run
//! wherever it might before. On other systems, threads stay where they are.

/// A core that helping threads leave, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Core(
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "no other system tells it"))]
    Option<usize>,
);

impl Core {
    /// Threads stay where they are.
    pub(super) const NONE: Self = Self(None);

    /// The calling thread's.
    #[cfg(target_os = "linux")]
    pub(super) fn current() -> Self {
        Self(Some(rustix::thread::sched_getcpu()))
    }

    /// The calling thread's, which this system does not tell.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn current() -> Self {
        Self::NONE
    }

    /// Move the calling thread off this core, if it is there and may run on another.
    #[cfg(target_os = "linux")]
    pub(super) fn move_off(self) {
        use rustix::thread::{sched_getaffinity, sched_getcpu, sched_setaffinity};

        let Some(core) = self.0.filter(|&core| core == sched_getcpu()) else { return };
        let Ok(allowed) = sched_getaffinity(None) else { return };
        if allowed.count() < 2 || !allowed.is_set(core) {
            return;
        }
        let mut others = allowed;
        others.unset(core);
        if sched_setaffinity(None, &others).is_ok() {
            // Should this fail, the thread may still run on all cores but one.
            sched_setaffinity(None, &allowed).ok();
        }
    }

    /// Nothing, where threads cannot be moved.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn move_off(self) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Core;
    use rustix::thread::{sched_getaffinity, sched_getcpu};

    #[test]
    fn a_thread_leaves_its_core_and_may_still_run_on_all() {
        std::thread::spawn(|| {
            let allowed = sched_getaffinity(None).unwrap();
            Core::NONE.move_off();
            Core::current().move_off();
            assert!(sched_getaffinity(None).unwrap() == allowed);
            assert!(allowed.is_set(sched_getcpu()));
        })
        .join()
        .unwrap();
    }
}
