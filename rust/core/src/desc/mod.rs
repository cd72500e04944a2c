//! The BNNS structures as plain data: what a caller says, right or wrong.
//!
//! In: numbers, slices and views of the caller. Out: [`LayerParametersLSTM`] for `check`. This module
//! decides nothing and knows nothing of what comes after it.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod activation;
mod array;
mod constants;
mod data;
mod extensions;
mod lstm;

pub use activation::{Activation, ActivationFunction};
pub use array::{MAX_RANK, NDArrayDescriptor};
pub use constants::{DataLayout, DataType, LayerFlags, NDArrayFlags};
pub use data::{Data, Integers, Memory};
pub use extensions::LSTMExtensions;
pub(crate) use lstm::Parts;
pub use lstm::{
    Checkpoints, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor, LayerParametersLSTM,
};
