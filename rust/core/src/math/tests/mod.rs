//! Tests of the elementary functions and activations at every SIMD level of the machine.

mod activations;
pub(super) mod cases;
#[cfg(testkit)]
mod derivatives;
mod elementary;
mod exactness;
mod levels;
mod ulps;
