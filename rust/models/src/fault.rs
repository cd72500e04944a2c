//! Faults that a check must find, and how checks are run.
//!
//! In: a fault, a check. Out: whether the check holds in every order, or finds the fault in one. The files of the core
//! stay as they are: a fault is one of what they stand on.

use crate::run::begin;
use loom::model::Builder;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is wrong with `sync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A word of 64 bits is stored in two halves, the upper one first: the number of a step before its float.
    TornWords,
    /// Fences order nothing.
    NoFence,
    /// Nobody is woken up.
    NoBell,
    /// One thread is woken up where all should be.
    OneBell,
    /// A flag does not go up.
    LostFlag,
    /// A flag does not go down.
    FlagStaysUp,
}

thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// Whether this fault is planted. Loom runs all threads of a model on the thread of its test.
pub(crate) fn is_planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Check every order with at most so many switches from threads that could have gone on.
fn check(switches: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(move || {
        begin();
        run();
    });
}

/// The check holds in every order.
pub fn holds(switches: usize, run: impl Fn() + Sync + Send + 'static) {
    check(switches, run);
}

/// Once a fault is planted, the check fails in some order, and says this.
pub fn finds(fault: Fault, said: &str, switches: usize, run: impl Fn() + Sync + Send + 'static) {
    PLANTED.set(Some(fault));
    let message = failure(switches, run);
    PLANTED.set(None);
    assert!(message.contains(said), "{fault:?}: {message}");
}

/// What the check says where it fails; nothing if it holds.
pub fn failure(switches: usize, run: impl Fn() + Sync + Send + 'static) -> String {
    let result = catch_unwind(AssertUnwindSafe(|| check(switches, run)));
    let Err(panic) = result else { return String::new() };
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or("?".to_owned())
}
