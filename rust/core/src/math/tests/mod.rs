//! Tests of the elementary functions and activations at every SIMD level of the machine.

mod activations;
mod derivatives;
mod elementary;
mod exactness;
mod levels;
mod ulps;
