//! Test support for `bnns-lstm`: what a test needs in order to say whether the layer is right.
//!
//! Tests take from here an LSTM layer in plain `f64` loops (forward and backward), random layers,
//! the golden cases, a comparison and a counting allocator. Everything that comes out is plain
//! vectors in C order, whose shapes stand in brackets in the documentation:
//! `I` input size, `H` hidden size, `N` batch size, `L` layers, `S` steps, `D` directions.
//! This crate must not know the crate it tests: it is written from the specification alone.

#![deny(unsafe_code)]

pub mod activation;
#[allow(unsafe_code)]
pub mod alloc;
pub mod backward;
pub mod compare;
pub mod forward;
pub mod golden;
pub mod layer;
pub mod random;

pub use backward::{GateGradients, Gradients, Incoming, backward};
pub use compare::{assert_close, narrow};
pub use forward::{Trace, forward};
pub use layer::{
    Activation, Coupled, Gate, Gates, Inputs, Layer, Outputs, Peephole, PerGate, Projection,
    Variant,
};
