//! What this build and this machine are.
//!
//! In: the environment. Out: the SIMD level that all calls use, and the table that `info()` shows. It knows
//! nothing of layers.

use crate::errors::{Failure, LEVEL_VARIABLE};
use bnns_lstm::{Code, Error, Level};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::OnceLock;

/// The version of the package.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The SIMD level of all calls, from the environment or else the best one. The environment is read at the
/// first call only; an empty variable counts as none.
pub(crate) fn level() -> Result<Level, Error> {
    static LEVEL: OnceLock<Result<Level, Error>> = OnceLock::new();
    LEVEL.get_or_init(read_level).clone()
}

fn read_level() -> Result<Level, Error> {
    match std::env::var_os(LEVEL_VARIABLE) {
        Some(name) if !name.is_empty() => Level::from_name(&name.to_string_lossy()),
        _ => Ok(Level::best()),
    }
}

/// What computes: versions, SIMD level in use, levels of this machine (slowest first), threads of this
/// machine, and whether the compiler optimised.
///
/// Raises `ConfigurationError` if `BNNSLSTM_LEVEL` names a level that this machine does not have.
#[pyfunction]
pub(crate) fn info(py: Python<'_>) -> Result<Bound<'_, PyDict>, Failure> {
    let levels: Vec<&str> = Level::available().into_iter().map(Level::name).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = PyDict::new(py);
    info.set_item("version", VERSION)?;
    info.set_item("level", level()?.name())?;
    info.set_item("levels", levels)?;
    info.set_item("n_threads", threads)?;
    info.set_item("optimized", !cfg!(debug_assertions))?;
    info.set_item("target", format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS))?;
    info.set_item("numpy", py.import("numpy")?.getattr("__version__")?)?;
    info.set_item("python", py.import("platform")?.call_method0("python_version")?)?;
    Ok(info)
}

/// All codes that an Issue can have, with an explanation each, in the order of the documentation.
#[pyfunction]
pub(crate) fn error_codes() -> Vec<(&'static str, &'static str)> {
    Code::ALL.iter().map(|code| (code.name(), code.explain())).collect()
}
