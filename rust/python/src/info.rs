//! What this build and this machine are.
//!
//! In: the environment. Out: the SIMD level and the route of products that all calls use, and the table that
//! `info()` shows. It knows nothing of layers.

use crate::errors::{Failure, LEVEL_VARIABLE, PRODUCTS_VARIABLE};
use crate::inside::Inside;
use bnns_lstm::binding::{GemmRows, Tuning};
use bnns_lstm::{Code, Error, Level, Library, Route};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
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
    variable(LEVEL_VARIABLE).map_or_else(|| Ok(Level::best()), |name| Level::from_name(&name))
}

/// The route that products of matrices are forced to take, from the environment, read in the same way.
pub(crate) fn products() -> Result<Option<Route>, Error> {
    static PRODUCTS: OnceLock<Result<Option<Route>, Error>> = OnceLock::new();
    let read = || variable(PRODUCTS_VARIABLE).map(|name| Route::from_name(&name)).transpose();
    PRODUCTS.get_or_init(read).clone()
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(|value| value.to_string_lossy().into_owned())
}

/// What computes: versions, SIMD level in use, levels of this machine (slowest first), the route of products
/// and the library of the gemm route, threads of this machine, and whether the compiler optimised.
///
/// Raises `ConfigurationError` if `BNNSLSTM_LEVEL` names a level that this machine does not have, or
/// `BNNSLSTM_PRODUCTS` a route that there is not.
#[pyfunction]
pub(crate) fn info(py: Python<'_>) -> Result<Bound<'_, PyDict>, Failure> {
    let _inside = Inside::enter(py);
    let levels: Vec<&str> = Level::available().into_iter().map(Level::name).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = PyDict::new(py);
    info.set_item("version", VERSION)?;
    info.set_item("level", level()?.name())?;
    info.set_item("levels", levels)?;
    let by_default = match Tuning::of_machine().gemm_rows {
        GemmRows::NEVER => Route::Panels.name(),
        _ => "by rows",
    };
    info.set_item("products", products()?.map_or(by_default, Route::name))?;
    info.set_item("gemm", Library::of_build().name())?;
    info.set_item("n_threads", threads)?;
    info.set_item("optimized", !cfg!(debug_assertions))?;
    info.set_item("target", format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS))?;
    info.set_item("numpy", py.import("numpy")?.getattr("__version__")?)?;
    info.set_item("python", py.import("platform")?.call_method0("python_version")?)?;
    Ok(info)
}

/// All codes that an Issue can have, with an explanation each, in the order of the documentation.
#[pyfunction]
pub(crate) fn error_codes(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let _inside = Inside::enter(py);
    PyList::new(py, Code::ALL.iter().map(|code| (code.name(), code.explain())))
}
