//! The collector of findings.
//!
//! In: findings in any order, and those that a binding layer made before. Out: one error with all of them,
//! or none. It does not know what is being checked.

use super::name::{ArrayField, ArrayName};
use crate::error::{Code, DescriptorError, Issue, Path};

/// Names of the two structures of a backward call, with which all paths begin there.
pub(crate) const PARAMS: &str = "params";
pub(crate) const DELTA: &str = "delta_params";

/// Findings so far. A finding about a field that was already reported, or about a part of it, is dropped:
/// it would only repeat the first.
#[derive(Debug)]
pub(super) struct Issues {
    found: Vec<Issue>,
    reported: usize,
    /// The structure that is being checked, where there are two.
    structure: Option<&'static str>,
}

impl Issues {
    /// Start with what was found before the check.
    pub(super) fn starting_with(found: Vec<Issue>) -> Self {
        let reported = found.len();
        Self { found, reported, structure: None }
    }

    /// From now on, fields are those of the structure with this name.
    pub(super) fn enter(&mut self, structure: &'static str) {
        self.structure = Some(structure);
    }

    /// The path of a field of the structure that is being checked.
    pub(super) fn field(&self, name: &'static str) -> Path {
        match self.structure {
            Some(structure) => Path::field(structure).then(name),
            None => Path::field(name),
        }
    }

    /// An array of the structure that is being checked.
    pub(super) fn array(&self, field: ArrayField) -> ArrayName {
        ArrayName::new(self.structure, field)
    }

    /// Add one finding.
    pub(super) fn push(
        &mut self,
        path: Path,
        code: Code,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        if !self.is_reported(&path) {
            self.found.push(Issue { path, code, expected: expected.into(), actual: actual.into() });
        }
    }

    /// Whether the field, a part of it or its whole was reported before the check.
    pub(super) fn is_reported(&self, path: &Path) -> bool {
        self.found.iter().take(self.reported).any(|issue| issue.path.is_related_to(path))
    }

    /// As [`is_reported`](Self::is_reported), of an array.
    pub(super) fn is_array_reported(&self, array: ArrayName) -> bool {
        self.reported > 0 && self.is_reported(&array.path())
    }

    /// How many there are now.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// The error, if there is anything to report.
    pub(super) fn into_error(self) -> Option<DescriptorError> {
        DescriptorError::from_issues(self.found)
    }
}
