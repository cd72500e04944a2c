//! The arrays of the structure, by name.
//!
//! In: nothing. Out: records with a value for each array of a gate or of a data descriptor, and the names and
//! paths of these arrays. Besides the reading order of `error`, the only place that names them. It does not
//! know what a value is.

mod data;
mod gate;

pub use data::{DataField, DataFields, Side};
pub use gate::{GateField, GateFields};
