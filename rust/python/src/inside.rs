//! Threads that are inside of this module, with the interpreter.
//!
//! In: where a call begins, where it goes on without the interpreter, and where it ends. Out: the end of the
//! interpreter waits until nobody is inside. It does not know what is computed.
//!
//! While the interpreter ends, no other thread may come back to it: Python before 3.14 ends such a thread wherever it
//! asks for the interpreter, which aborts the process if functions of Rust are among those that called. NumPy gives
//! the interpreter away too, while it allocates, and so does code of Python that is called from here. So every function
//! that Python calls enters ([`Inside`]), and is away only while it computes ([`Away`]). Whoever comes when
//! the end has begun waits for ever, as newer Pythons have it.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Whether the interpreter is about to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Threads that are inside.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// How long the end waits between two looks at [`COUNT`].
const NAP: Duration = Duration::from_micros(50);

thread_local! {
    /// Calls that this thread is in: more than one where a call runs code of Python that calls again.
    static DEPTH: Cell<usize> = const { Cell::new(0) };

    /// Whether this thread ends the interpreter.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// Count this thread, if the end has not begun.
fn is_let_in() -> bool {
    COUNT.fetch_add(1, Ordering::SeqCst);
    if !ENDING.load(Ordering::SeqCst) || ENDS.get() {
        return true;
    }
    COUNT.fetch_sub(1, Ordering::SeqCst);
    false
}

/// Wait for ever, without the interpreter, if the end has begun; else count this thread.
fn come_in() {
    while !is_let_in() {
        std::thread::park();
    }
}

/// A call of this module, from its first line to its last.
pub(crate) struct Inside(());

impl Inside {
    /// Begin a call.
    pub(crate) fn enter(py: Python<'_>) -> Self {
        if DEPTH.get() == 0 && !is_let_in() {
            py.detach(come_in);
        }
        DEPTH.set(DEPTH.get() + 1);
        Self(())
    }

    /// Begin one without the interpreter, for a thread that may ask for it then; None if the end has begun.
    pub(crate) fn before_attaching() -> Option<Self> {
        if DEPTH.get() == 0 && !is_let_in() {
            return None;
        }
        DEPTH.set(DEPTH.get() + 1);
        Some(Self(()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            COUNT.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A time without the interpreter in the middle of a call; over before the thread asks for it again.
pub(crate) struct Away {
    depth: usize,
}

impl Away {
    /// Go away, for a thread that has given the interpreter away already.
    pub(crate) fn go() -> Self {
        let depth = DEPTH.replace(0);
        if depth > 0 {
            COUNT.fetch_sub(1, Ordering::SeqCst);
        }
        Self { depth }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if self.depth > 0 {
            come_in();
            DEPTH.set(self.depth);
        }
    }
}

/// Called by Python before the interpreter ends, on the thread that ends it.
#[pyfunction]
fn end(py: Python<'_>) {
    ENDS.set(true);
    ENDING.store(true, Ordering::SeqCst);
    let own = usize::from(DEPTH.get() > 0);
    py.detach(|| {
        while COUNT.load(Ordering::SeqCst) > own {
            std::thread::sleep(NAP);
        }
    });
}

/// Called by Python in a forked child, in which the threads of its parent do not come back: but for the one that
/// forked, nobody is inside.
#[pyfunction]
fn begin_anew() {
    COUNT.store(usize::from(DEPTH.get() > 0), Ordering::SeqCst);
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
