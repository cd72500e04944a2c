//! One interpreter for each process.
//!
//! In: the interpreter that imports the module. Out: nothing, or `ImportError`: classes and borrowed arrays are kept
//! once for a process, so that objects of two interpreters would mix. It knows no layer.

use crate::class::kept;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// Refuse all interpreters but the first one that comes.
pub(crate) fn refuse_another(py: Python<'_>) -> PyResult<()> {
    // Each interpreter has its own.
    static SYS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let sys = py.import("sys")?;
    if kept(py, &SYS, || Ok(sys.clone()))?.is(&sys) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "bnns_lstm: expected one interpreter in a process, found another one that has imported it (subinterpreters \
         are not supported)",
    ))
}
