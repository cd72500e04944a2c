//! Elementary functions and activations on vectors.
//!
//! In: vectors of `f32`, or slices of whole vectors. Out: the same, with a function applied. It knows
//! neither layers nor gates.

mod activation;
mod bounds;
mod derivative;
mod exp;
mod log;
mod piecewise;
mod sigmoid;
mod smooth;
mod tanh;

pub(crate) use activation::{Activation, Function, apply_slice};
pub(crate) use derivative::apply_with_derivative_slice;
pub(crate) use sigmoid::sigmoid;
pub(crate) use tanh::tanh;
