//! Classes of Python.
//!
//! In: a module and a name. Out: [`Class`], which finds the class and says whether an object is an instance. It
//! knows no field.

use crate::reader::{Attribute, Reader};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// What a cell keeps, looked for if it keeps nothing yet.
///
/// Not by the cell's own methods, which look while they hold a lock and have released the interpreter: a child that
/// is forked at that moment would wait for ever. Threads that look at the same time find the same.
pub(crate) fn kept<'py, T>(
    py: Python<'py>,
    cell: &PyOnceLock<Py<T>>,
    look: impl FnOnce() -> PyResult<Bound<'py, T>>,
) -> PyResult<Bound<'py, T>> {
    if let Some(kept) = cell.get(py) {
        return Ok(kept.bind(py).clone());
    }
    let found = look()?;
    // It fails where another thread was first.
    cell.set(py, found.clone().unbind()).ok();
    Ok(found)
}

/// A class that is imported when it is first needed.
pub(crate) struct Class {
    cell: PyOnceLock<Py<PyType>>,
    module: &'static str,
    name: &'static str,
}

impl Class {
    pub(crate) const fn new(module: &'static str, name: &'static str) -> Self {
        Self { cell: PyOnceLock::new(), module, name }
    }

    /// The class itself.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyType>> {
        kept(py, &self.cell, || Ok(py.import(self.module)?.getattr(self.name)?.cast_into()?))
    }

    /// Whether a field holds an instance; reported if not.
    pub(crate) fn fits<'py>(
        &self,
        reader: &mut Reader<'py>,
        field: &Attribute<'py>,
    ) -> PyResult<bool> {
        let class = self.get(reader.py)?;
        reader.check_class(field, &class, self.name)
    }
}
