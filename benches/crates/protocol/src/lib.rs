//! What the programs of this workspace share.
//!
//! In: a function that sets an engine up for a [`Row`]. Out: a program that answers requests on standard input, as
//! `benches/python/lib/worker.py` does, whose protocol this is. It knows no engine.

mod failure;
mod row;
mod serve;

pub use failure::{Failure, Unsupported};
pub use ndarray;
pub use row::{Kind, Row, Weights};
pub use serve::{Engine, Results, engine, serve};
