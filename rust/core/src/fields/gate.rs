//! The arrays of a gate.
//!
//! In: nothing. Out: [`GateField`], their names, and [`GateFields`], one value for each. It does not know what
//! a value is.

use crate::error::Path;
use crate::gate::Gate;

/// One of the arrays of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GateField {
    /// Input weights of all layers, or of layer 0 in the split form.
    Iw,
    /// Input weights of the layers above, in the split form.
    IwUpper,
    /// Hidden weights.
    Hw,
    /// Peephole.
    Cw,
    /// Bias.
    B,
}

impl GateField {
    /// The name of the field of the gate's structure that the array stands in.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iw | Self::IwUpper => "iw_desc",
            Self::Hw => "hw_desc",
            Self::Cw => "cw_desc",
            Self::B => "b_desc",
        }
    }

    /// Where the array stands in a structure at `root`.
    pub fn path(self, root: &Path, gate: Gate) -> Path {
        let field = root.then(gate.field()).then(self.name());
        match self {
            Self::Iw => field.at(0),
            Self::IwUpper => field.at(1),
            Self::Hw | Self::Cw | Self::B => field,
        }
    }
}

/// A value for each array of a gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GateFields<T> {
    /// Input weights, `[layers or 1, directions, hidden_size, layer input]`: of all layers, or of layer 0 in
    /// the split form.
    pub iw: T,
    /// Input weights of layers 1 and up in the split form,
    /// `[layers - 1, directions, hidden_size, directions * outputs]`; outputs are `hidden_size` many, or
    /// `projection_size` many where the layer has a projection.
    pub iw_upper: T,
    /// Hidden weights, `[layers, directions, hidden_size, outputs]`.
    pub hw: T,
    /// Peephole, `[layers, directions, hidden_size, hidden_size]`, or the diagonal without the last axis.
    pub cw: T,
    /// Bias, `[layers, directions, hidden_size]`.
    pub b: T,
}

impl<T> GateFields<T> {
    /// What becomes of each value, in the order of the BNNS structure.
    pub fn map<U>(self, mut to: impl FnMut(GateField, T) -> U) -> GateFields<U> {
        GateFields {
            iw: to(GateField::Iw, self.iw),
            iw_upper: to(GateField::IwUpper, self.iw_upper),
            hw: to(GateField::Hw, self.hw),
            cw: to(GateField::Cw, self.cw),
            b: to(GateField::B, self.b),
        }
    }

    /// As [`map`](Self::map), up to the first error.
    ///
    /// # Errors
    ///
    /// That of the first value that has one.
    pub fn try_map<U, E>(
        self,
        mut to: impl FnMut(GateField, T) -> Result<U, E>,
    ) -> Result<GateFields<U>, E> {
        Ok(GateFields {
            iw: to(GateField::Iw, self.iw)?,
            iw_upper: to(GateField::IwUpper, self.iw_upper)?,
            hw: to(GateField::Hw, self.hw)?,
            cw: to(GateField::Cw, self.cw)?,
            b: to(GateField::B, self.b)?,
        })
    }

    /// Pairs with the values of another record.
    pub fn zip<U>(self, other: GateFields<U>) -> GateFields<(T, U)> {
        GateFields {
            iw: (self.iw, other.iw),
            iw_upper: (self.iw_upper, other.iw_upper),
            hw: (self.hw, other.hw),
            cw: (self.cw, other.cw),
            b: (self.b, other.b),
        }
    }

    /// The values, borrowed.
    pub fn as_ref(&self) -> GateFields<&T> {
        let Self { iw, iw_upper, hw, cw, b } = self;
        GateFields { iw, iw_upper, hw, cw, b }
    }

    /// The values, to change.
    pub fn as_mut(&mut self) -> GateFields<&mut T> {
        let Self { iw, iw_upper, hw, cw, b } = self;
        GateFields { iw, iw_upper, hw, cw, b }
    }

    /// The values in the order of the BNNS structure.
    pub fn each(&self) -> [&T; 5] {
        let Self { iw, iw_upper, hw, cw, b } = self;
        [iw, iw_upper, hw, cw, b]
    }
}
