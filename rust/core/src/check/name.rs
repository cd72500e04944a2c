//! Which array a finding is about.
//!
//! In: the structure that is being checked, and the array's own name in it. Out: a small value that becomes a
//! [`Path`] only where there is something to report. It does not know descriptors.

use crate::error::Path;
use crate::fields::{DataField, GateField, Side, WeightField};
use crate::gate::Gate;

/// An array of one of the structures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ArrayName {
    structure: Option<&'static str>,
    field: ArrayField,
}

/// An array of a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArrayField {
    Sequence,
    Data(Side, DataField),
    Weight(Gate, GateField),
    Projection,
}

impl ArrayName {
    /// The array of the structure with this name; `None` stands for the only one there is.
    pub(super) fn new(structure: Option<&'static str>, field: ArrayField) -> Self {
        Self { structure, field }
    }

    /// Where the array stands.
    pub(super) fn path(self) -> Path {
        let root = self.structure.map_or_else(Path::default, Path::field);
        match self.field {
            ArrayField::Sequence => root.then("sequence_descriptor"),
            ArrayField::Data(side, field) => field.path(&root, side),
            ArrayField::Weight(gate, field) => field.path(&root, gate),
            ArrayField::Projection => WeightField::Projection.path(&root),
        }
    }

    /// A field of its descriptor.
    pub(super) fn then(self, field: &'static str) -> Path {
        self.path().then(field)
    }
}
