//! Errors of the core into the Python classes of `bnns_lstm.errors`.
//!
//! In: an error of the core, or a Python exception on its way through. Out: a Python exception. It decides
//! which class an error has, and nothing else.

use crate::inside::Inside;
use bnns_lstm::{Code, DescriptorError, Error, Issue};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The environment variable that forces a SIMD level.
pub(crate) const LEVEL_VARIABLE: &str = "BNNSLSTM_LEVEL";

/// The environment variable that forces a route of products.
pub(crate) const PRODUCTS_VARIABLE: &str = "BNNSLSTM_PRODUCTS";

/// Where the classes are.
const MODULE: &str = "bnns_lstm.errors";

/// What a function of this module fails with.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The core refused or could not.
    Core(Error),
    /// An exception was raised by an object of the caller.
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<DescriptorError> for Failure {
    fn from(error: DescriptorError) -> Self {
        Self::Core(error.into())
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Python(error) => error,
            Failure::Core(error) => Python::attach(|py| {
                let _inside = Inside::enter(py);
                exception(py, error).unwrap_or_else(|error| error)
            }),
        }
    }
}

/// The exception for an error of the core.
fn exception(py: Python<'_>, error: Error) -> PyResult<PyErr> {
    match error {
        Error::Descriptor(error) => with_issues(py, "DescriptorError", error.issues()),
        Error::Cache(issue) => with_issues(py, "CacheError", &[issue]),
        Error::ArrayMismatch { path, expected, actual } => {
            let issue = Issue { path, code: Code::SizeMismatch, expected, actual };
            with_issues(py, "DescriptorError", &[issue])
        }
        Error::UnknownLevel { requested, available } => {
            let text = format!(
                "environment variable {LEVEL_VARIABLE}: expected one of {available}, found {requested:?}"
            );
            with_text(py, "ConfigurationError", &text)
        }
        Error::UnknownRoute { requested } => {
            let text = format!(
                "environment variable {PRODUCTS_VARIABLE}: expected panels or gemm, found {requested:?}"
            );
            with_text(py, "ConfigurationError", &text)
        }
        Error::OutOfMemory { .. } | Error::Threads { .. } | Error::WrongPlan { .. } => {
            with_text(py, "ComputeError", &error.to_string())
        }
        // The core's errors can grow; what is not listed above happened while computing.
        _ => with_text(py, "ComputeError", &error.to_string()),
    }
}

fn with_issues(py: Python<'_>, name: &str, issues: &[Issue]) -> PyResult<PyErr> {
    let module = py.import(MODULE)?;
    let class = module.getattr("Issue")?;
    let issue = |Issue { path, code, expected, actual }: &Issue| {
        class.call1((path.to_string(), code.name(), expected, actual))
    };
    let issues = issues.iter().map(issue).collect::<PyResult<Vec<_>>>()?;
    let error = module.getattr(name)?.call1((PyTuple::new(py, issues)?,))?;
    Ok(PyErr::from_value(error))
}

fn with_text(py: Python<'_>, class: &str, text: &str) -> PyResult<PyErr> {
    let error = py.import(MODULE)?.getattr(class)?.call1((text,))?;
    Ok(PyErr::from_value(error))
}
