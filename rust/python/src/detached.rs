//! Computations without the interpreter.
//!
//! In: something to compute. Out: what it gives, on a thread that has the interpreter again. It does not know what is
//! computed.

use crate::inside::Away;
use pyo3::prelude::*;

/// Compute while other threads use the interpreter.
pub(crate) fn detached<T: Send>(py: Python<'_>, compute: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        let _away = Away::go();
        compute()
    })
}
