//! The arrays of a data descriptor.
//!
//! In: nothing. Out: [`DataField`], their names, [`DataFields`], one value for each, and [`Side`], the two
//! descriptors that hold them. It does not know what a value is.

use crate::error::Path;

/// One of the two data descriptors of a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The input and the initial states.
    Input,
    /// The output and the final states.
    Output,
}

impl Side {
    /// The name of the descriptor in the BNNS structure.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input_descriptor",
            Self::Output => "output_descriptor",
        }
    }
}

/// One of the arrays of a data descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataField {
    /// The sequence.
    Data,
    /// The hidden state.
    Hidden,
    /// The cell state.
    Cell,
}

impl DataField {
    /// The name of the array in the BNNS structure.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data_desc",
            Self::Hidden => "hidden_desc",
            Self::Cell => "cell_state_desc",
        }
    }

    /// Where the array stands in a structure at `root`.
    pub fn path(self, root: &Path, side: Side) -> Path {
        root.then(side.name()).then(self.name())
    }
}

/// A value for each array of a data descriptor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DataFields<T> {
    /// The sequence, `[seq_len, batch, input_size]` or `[seq_len, batch, directions * outputs]`; outputs
    /// are `hidden_size` many, or `projection_size` many where the layer has a projection.
    pub data: T,
    /// The hidden state, `[layers, directions, batch, outputs]`.
    pub hidden: T,
    /// The cell state, `[layers, directions, batch, hidden_size]`.
    pub cell: T,
}

impl<T> DataFields<T> {
    /// The value of each array, computed in the order of the BNNS structure, up to the first error.
    ///
    /// # Errors
    ///
    /// That of the first value that has one.
    pub fn try_from_fn<E>(mut value: impl FnMut(DataField) -> Result<T, E>) -> Result<Self, E> {
        DataFields::<()>::default().try_map(|field, ()| value(field))
    }

    /// What becomes of each value, in the order of the BNNS structure.
    pub fn map<U>(self, mut to: impl FnMut(DataField, T) -> U) -> DataFields<U> {
        DataFields {
            data: to(DataField::Data, self.data),
            hidden: to(DataField::Hidden, self.hidden),
            cell: to(DataField::Cell, self.cell),
        }
    }

    /// As [`map`](Self::map), up to the first error.
    ///
    /// # Errors
    ///
    /// That of the first value that has one.
    pub fn try_map<U, E>(
        self,
        mut to: impl FnMut(DataField, T) -> Result<U, E>,
    ) -> Result<DataFields<U>, E> {
        Ok(DataFields {
            data: to(DataField::Data, self.data)?,
            hidden: to(DataField::Hidden, self.hidden)?,
            cell: to(DataField::Cell, self.cell)?,
        })
    }

    /// Pairs with the values of another record.
    pub fn zip<U>(self, other: DataFields<U>) -> DataFields<(T, U)> {
        DataFields {
            data: (self.data, other.data),
            hidden: (self.hidden, other.hidden),
            cell: (self.cell, other.cell),
        }
    }

    /// The values, borrowed.
    pub fn as_ref(&self) -> DataFields<&T> {
        let Self { data, hidden, cell } = self;
        DataFields { data, hidden, cell }
    }

    /// The values, to change.
    pub fn as_mut(&mut self) -> DataFields<&mut T> {
        let Self { data, hidden, cell } = self;
        DataFields { data, hidden, cell }
    }

    /// The values in the order of the BNNS structure.
    pub fn each(&self) -> [&T; 3] {
        let Self { data, hidden, cell } = self;
        [data, hidden, cell]
    }
}
