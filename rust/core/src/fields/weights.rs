//! All weight arrays of a layer.
//!
//! In: nothing. Out: [`WeightField`], their names, and [`WeightFields`], one value for each: the arrays of the four
//! gates and the projection's. It does not know what a value is.

use super::gate::{GateField, GateFields};
use crate::error::Path;
use crate::gate::{Gate, Gates};

/// One of the weight arrays of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeightField {
    /// Of a gate.
    Gate(Gate, GateField),
    /// Of the projection.
    Projection,
}

impl WeightField {
    /// Where the array stands in a structure at `root`.
    pub fn path(self, root: &Path) -> Path {
        match self {
            Self::Gate(gate, field) => field.path(root, gate),
            Self::Projection => root.then("extensions").then("projection_desc"),
        }
    }
}

/// A value for each weight array of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WeightFields<T> {
    /// Of the gates.
    pub gates: Gates<GateFields<T>>,
    /// Of the projection, `[layers, directions, projection_size, hidden_size]`.
    pub projection: T,
}

impl<T> WeightFields<T> {
    /// What becomes of each value, in the order of the structure.
    pub fn map<U>(self, mut to: impl FnMut(WeightField, T) -> U) -> WeightFields<U> {
        let Self { gates, projection } = self;
        WeightFields {
            gates: gates.map(|gate, arrays| {
                arrays.map(|field, value| to(WeightField::Gate(gate, field), value))
            }),
            projection: to(WeightField::Projection, projection),
        }
    }

    /// As [`map`](Self::map), up to the first error.
    ///
    /// # Errors
    ///
    /// That of the first value that has one.
    pub fn try_map<U, E>(
        self,
        mut to: impl FnMut(WeightField, T) -> Result<U, E>,
    ) -> Result<WeightFields<U>, E> {
        let Self { gates, projection } = self;
        Ok(WeightFields {
            gates: gates.try_map(|gate, arrays| {
                arrays.try_map(|field, value| to(WeightField::Gate(gate, field), value))
            })?,
            projection: to(WeightField::Projection, projection)?,
        })
    }

    /// Pairs with the values of another record.
    pub fn zip<U>(self, other: WeightFields<U>) -> WeightFields<(T, U)> {
        WeightFields {
            gates: self.gates.zip(other.gates).map(|_, (one, other)| one.zip(other)),
            projection: (self.projection, other.projection),
        }
    }

    /// The values, borrowed.
    pub fn as_ref(&self) -> WeightFields<&T> {
        WeightFields {
            gates: self.gates.as_ref().map(|_, arrays| arrays.as_ref()),
            projection: &self.projection,
        }
    }

    /// The values, to change.
    pub fn as_mut(&mut self) -> WeightFields<&mut T> {
        WeightFields {
            gates: self.gates.as_mut().map(|_, arrays| arrays.as_mut()),
            projection: &mut self.projection,
        }
    }

    /// The values in the order of the structure.
    pub fn each(&self) -> impl Iterator<Item = &T> {
        let gates = self.gates.each().into_iter().flat_map(GateFields::each);
        gates.chain(std::iter::once(&self.projection))
    }
}
