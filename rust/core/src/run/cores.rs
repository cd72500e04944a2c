//! Which core a thread runs on.
//!
//! In: the core of a thread that asks for help. Out: the helping thread, on another core. Linux may wake a
//! thread up on the core of the one that woke it, although others are idle, and leave it there for
//! milliseconds: then both take turns, and two threads take as long as one. So the one that asks gives way
//! for a moment, and a helper that finds itself on its core leaves. Nothing is pinned: the helper may run
//! wherever it might before. On other systems, threads stay where they are.

#[cfg(target_os = "linux")]
pub(super) use linux::{Core, leave};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{Core, leave};

#[cfg(target_os = "linux")]
mod linux {
    use rustix::thread::{sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// A core.
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Core(usize);

    impl Core {
        /// The calling thread's.
        pub(in super::super) fn current() -> Self {
            Self(sched_getcpu())
        }
    }

    /// Move the calling thread off this core, if it is there and may run on another.
    pub(in super::super) fn leave(core: Core) {
        let Core(number) = core;
        if sched_getcpu() != number {
            return;
        }
        let Ok(allowed) = sched_getaffinity(None) else { return };
        if allowed.count() < 2 || !allowed.is_set(number) {
            return;
        }
        let mut others = allowed;
        others.unset(number);
        if sched_setaffinity(None, &others).is_ok() {
            // Should this fail, the thread may still run on all cores but one.
            sched_setaffinity(None, &allowed).ok();
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// A core.
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Core;

    impl Core {
        /// The calling thread's.
        pub(in super::super) fn current() -> Self {
            Self
        }
    }

    /// Move the calling thread off this core.
    pub(in super::super) fn leave(_: Core) {}
}
