//! The classes of the Python package.
//!
//! In: a module and a name. Out: [`Class`], which says whether an object is an instance. It knows no field.

use crate::reader::{Attribute, Reader};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// A class of the Python package, imported when it is first needed.
pub(crate) struct Class {
    cell: PyOnceLock<Py<PyType>>,
    module: &'static str,
    name: &'static str,
}

impl Class {
    pub(crate) const fn new(module: &'static str, name: &'static str) -> Self {
        Self { cell: PyOnceLock::new(), module, name }
    }

    /// Whether a field holds an instance; reported if not.
    pub(crate) fn fits<'py>(
        &self,
        reader: &mut Reader<'py>,
        field: &Attribute<'py>,
    ) -> PyResult<bool> {
        let class = self.cell.import(reader.py, self.module, self.name)?;
        reader.check_class(field, class, self.name)
    }
}
