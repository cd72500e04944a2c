//! Computations without the interpreter.
//!
//! In: something to compute. Out: what it gives, on a thread that has the interpreter again. It does not know what is
//! computed.
//!
//! While the interpreter ends, no thread but the one that ends it may come back: Python before 3.14 ends such a
//! thread in the middle of a call, which aborts the process. So whoever comes back says so (`RETURNING`), and waits
//! for ever, as newer ones have it, where the end has begun; the end begins when nobody is on the way.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Whether the interpreter is about to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Threads that are on their way back.
static RETURNING: AtomicUsize = AtomicUsize::new(0);

/// How many forks lie between this process and the one that imported the module.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// How long the end waits between two looks at [`RETURNING`].
const NAP: Duration = Duration::from_micros(50);

thread_local! {
    /// Whether this thread ends the interpreter.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// A thread on its way back, until it has the interpreter; with the number of forks before.
pub(crate) struct Returning(usize);

impl Returning {
    /// None where the end has begun.
    pub(crate) fn new() -> Option<Self> {
        RETURNING.fetch_add(1, Ordering::SeqCst);
        let returning = Self(FORKS.load(Ordering::SeqCst));
        (!ENDING.load(Ordering::SeqCst) || ENDS.get()).then_some(returning)
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        // What was counted in the parent is not counted in a child.
        if self.0 == FORKS.load(Ordering::SeqCst) {
            RETURNING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Compute while other threads use the interpreter.
pub(crate) fn detached<T: Send>(py: Python<'_>, compute: impl FnOnce() -> T + Send) -> T {
    let (result, _returning) = py.detach(|| {
        let result = compute();
        loop {
            if let Some(returning) = Returning::new() {
                return (result, returning);
            }
            std::thread::park();
        }
    });
    result
}

/// Called by Python before the interpreter ends, on the thread that ends it.
#[pyfunction]
fn end(py: Python<'_>) {
    ENDS.set(true);
    ENDING.store(true, Ordering::SeqCst);
    py.detach(|| {
        while RETURNING.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(NAP);
        }
    });
}

/// Called by Python in a forked child, in which the threads of its parent do not come back.
#[pyfunction]
fn begin_anew() {
    FORKS.fetch_add(1, Ordering::SeqCst);
    RETURNING.store(0, Ordering::SeqCst);
}

/// Let Python say when the interpreter ends, and when it goes on in a child.
pub(crate) fn expect_the_end(py: Python<'_>) -> PyResult<()> {
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(end, py)?,))?;
    let os = py.import("os")?;
    if os.hasattr("register_at_fork")? {
        let hooks = PyDict::new(py);
        hooks.set_item("after_in_child", wrap_pyfunction!(begin_anew, py)?)?;
        os.call_method("register_at_fork", (), Some(&hooks))?;
    }
    Ok(())
}
