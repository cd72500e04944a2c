//! Python objects into numbers, without ever stopping at the first fault.
//!
//! In: attributes that may hold anything, or raise when they are looked at. Out: values, and an [`Issue`] for
//! each one that cannot be read. It knows no structure and no array.

use bnns_lstm::{Code, Issue, Path};
use pyo3::exceptions::{PyException, PyOverflowError};
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::fmt::Display;

/// An object and where in the structure it was found.
#[derive(Debug)]
pub(crate) struct Attribute<'py> {
    pub(crate) object: Bound<'py, PyAny>,
    pub(crate) path: Path,
}

/// Reads attributes and collects what is wrong with them.
pub(crate) struct Reader<'py> {
    pub(crate) py: Python<'py>,
    issues: Vec<Issue>,
}

impl<'py> Reader<'py> {
    /// A reader that has found nothing yet.
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self { py, issues: Vec::new() }
    }

    /// What was found.
    pub(crate) fn into_issues(self) -> Vec<Issue> {
        self.issues
    }

    /// Add a finding.
    pub(crate) fn report(
        &mut self,
        path: Path,
        code: Code,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        self.issues.push(Issue { path, code, expected: expected.into(), actual: actual.into() });
    }

    /// Report an object of the wrong kind.
    pub(crate) fn report_type(&mut self, field: &Attribute<'py>, expected: &str) -> PyResult<()> {
        let actual = self.type_name(&field.object)?;
        self.report(field.path.clone(), Code::WrongType, expected, actual);
        Ok(())
    }

    /// What the class of an object is called; `None` is its own name.
    pub(crate) fn type_name(&self, object: &Bound<'py, PyAny>) -> PyResult<String> {
        if object.is_none() {
            return Ok("None".to_owned());
        }
        let name = self.attempt(object.get_type().name())?;
        Ok(name.map_or_else(|| "an object".to_owned(), |name| name.to_string_lossy().into_owned()))
    }

    /// The value, or `None` where an exception was raised. What is no `Exception`, such as
    /// `KeyboardInterrupt`, is not ours to swallow.
    pub(crate) fn attempt<T>(&self, result: PyResult<T>) -> PyResult<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_instance_of::<PyException>(self.py) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The attribute `name` of an object.
    pub(crate) fn field(
        &mut self,
        parent: &Attribute<'py>,
        name: &'static str,
    ) -> PyResult<Option<Attribute<'py>>> {
        let path = parent.path.then(name);
        let object = self.attempt(parent.object.getattr(name))?;
        if object.is_none() {
            self.report(
                path.clone(),
                Code::WrongType,
                "a value",
                "an attribute that cannot be read",
            );
        }
        Ok(object.map(|object| Attribute { object, path }))
    }

    /// As [`field`](Self::field), where the attribute is not `None`.
    pub(crate) fn optional(
        &mut self,
        parent: &Attribute<'py>,
        name: &'static str,
    ) -> PyResult<Option<Attribute<'py>>> {
        Ok(self.field(parent, name)?.filter(|field| !field.object.is_none()))
    }

    /// Whether a field holds an instance of a class; reported if not.
    pub(crate) fn check_class(
        &mut self,
        field: &Attribute<'py>,
        class: &Bound<'py, PyType>,
        expected: &str,
    ) -> PyResult<bool> {
        let fits = self.attempt(field.object.is_instance(class))?.unwrap_or(false);
        if !fits {
            self.report_type(field, expected)?;
        }
        Ok(fits)
    }

    /// The integer attribute `name`; 0 where it was reported.
    pub(crate) fn integer<T>(&mut self, parent: &Attribute<'py>, name: &'static str) -> PyResult<T>
    where
        T: Integer,
    {
        Ok(self.try_integer(parent, name)?.unwrap_or_default())
    }

    /// The integer attribute `name`; `None` where it was reported.
    pub(crate) fn try_integer<T>(
        &mut self,
        parent: &Attribute<'py>,
        name: &'static str,
    ) -> PyResult<Option<T>>
    where
        T: Integer,
    {
        match self.field(parent, name)? {
            Some(field) => self.parse_integer(&field),
            None => Ok(None),
        }
    }

    /// An integer, of any class that has `__index__`; `None` where it was reported.
    pub(crate) fn parse_integer<T: Integer>(
        &mut self,
        field: &Attribute<'py>,
    ) -> PyResult<Option<T>> {
        let object = &field.object;
        let number = match object.extract::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(error) if is_overflow(&error, self.py) => object.extract::<i128>(),
            Err(error) => Err(error),
        };
        let actual = match number {
            Ok(number) => match T::try_from(number) {
                Ok(number) => return Ok(Some(number)),
                Err(_) => number.to_string(),
            },
            Err(error) if is_overflow(&error, self.py) => {
                "an integer of more than 127 bits".to_owned()
            }
            Err(error) => {
                self.attempt::<()>(Err(error))?;
                self.report_type(field, "an integer")?;
                return Ok(None);
            }
        };
        let expected = format!("an integer from {} to {}", T::MIN, T::MAX);
        self.report(field.path.clone(), Code::OutOfRange, expected, actual);
        Ok(None)
    }

    /// The number attribute `name`, of any class that has `__float__`; 0 where it was reported.
    pub(crate) fn float(&mut self, parent: &Attribute<'py>, name: &'static str) -> PyResult<f32> {
        let Some(field) = self.field(parent, name)? else { return Ok(0.0) };
        Ok(self.parse_float(&field)?.unwrap_or_default())
    }

    /// A number, of any class that has `__float__`; `None` where it was reported.
    pub(crate) fn parse_float(&mut self, field: &Attribute<'py>) -> PyResult<Option<f32>> {
        match field.object.extract::<f64>() {
            Ok(number) => return Ok(Some(number as f32)),
            Err(error) if is_overflow(&error, self.py) => {
                let (expected, actual) = ("a number that fits a float", "a larger integer");
                self.report(field.path.clone(), Code::OutOfRange, expected, actual);
            }
            Err(error) => {
                self.attempt::<()>(Err(error))?;
                self.report_type(field, "a number")?;
            }
        }
        Ok(None)
    }

    /// The attribute `name`, a `bool` or NumPy's; `None` where it was reported.
    pub(crate) fn boolean(
        &mut self,
        parent: &Attribute<'py>,
        name: &'static str,
    ) -> PyResult<Option<bool>> {
        let Some(field) = self.field(parent, name)? else { return Ok(None) };
        let value = self.attempt(field.object.extract::<bool>())?;
        if value.is_none() {
            self.report_type(&field, "True or False")?;
        }
        Ok(value)
    }
}

/// The integer types that fields of the structure have.
pub(crate) trait Integer: TryFrom<i128> + Default + Display {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
}

macro_rules! integers {
    ($($type:ident),*) => {
        $(impl Integer for $type {
            const MIN: Self = $type::MIN;
            const MAX: Self = $type::MAX;
        })*
    };
}

integers!(i32, u32, u64, usize);

fn is_overflow(error: &PyErr, py: Python<'_>) -> bool {
    error.is_instance_of::<PyOverflowError>(py)
}
