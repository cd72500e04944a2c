//! Tests of the elementary functions and activations at every SIMD level of the machine.

mod activations;
mod elementary;
mod exactness;
mod levels;
mod ulps;
