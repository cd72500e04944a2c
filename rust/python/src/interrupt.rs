//! Computations that a signal can end.
//!
//! In: something to compute. Out: what it gives, or the exception of a signal handler: `KeyboardInterrupt` where
//! Ctrl-C was pressed and nobody has set another handler. It does not know what is computed.
//!
//! Python runs handlers of signals on its main thread alone, between two instructions of Python code. So a long
//! computation of that thread stops every now and then to let them run. Those of other threads ask once.

use crate::detached::detached;
use crate::errors::Failure;
use crate::inside::Inside;
use bnns_lstm::Error;
use bnns_lstm::binding::Interrupt;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Compute without the interpreter, until a signal ends it.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    compute: impl FnOnce(&Interrupt<'_>) -> Result<T, Error> + Send,
) -> Result<T, Failure> {
    let raised = Mutex::new(None);
    let is_elsewhere = AtomicBool::new(false);
    let question = || {
        if is_elsewhere.load(Ordering::Relaxed) {
            return false;
        }
        let Some(_inside) = Inside::before_attaching() else { return false };
        Python::attach(|py| match run_handlers(py) {
            Ok(has_run) => {
                is_elsewhere.store(!has_run, Ordering::Relaxed);
                false
            }
            Err(error) => {
                *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                true
            }
        })
    };
    let result = detached(py, || compute(&Interrupt::new(&question)));
    match raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(Failure::Python(error)),
        None => Ok(result?),
    }
}

/// Run the handlers of signals that have come; says whether this is the thread that may.
fn run_handlers(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    if !main.eq(threading.call_method0("get_ident")?)? {
        return Ok(false);
    }
    py.check_signals()?;
    Ok(true)
}
