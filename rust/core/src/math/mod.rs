//! Elementary functions and activations on vectors.
//!
//! In: vectors of `f32`, or slices of whole vectors. Out: the same, with a function applied, and its
//! derivative. It knows neither layers nor gates.
//!
//! Everything that handles vectors is inlined into the function that enables the level's instructions;
//! only [`apply_slice`] and [`apply_with_derivative_slice`] are functions of their own at each level.
//!
//! Largest error over all 2^32 inputs, in units in the last place (ULP) of the exact value. Kernels are built
//! for plain code, AVX2, AVX-512 and NEON; the functions are measured at SSE2 and SSE4.2 too:
//!
//! | function | fallback, SSE2, SSE4.2 | AVX2, AVX-512 |
//! | --- | --- | --- |
//! | exp | 1.031 | 1.059 |
//! | expm1 | 1.740 | 1.635 |
//! | sigmoid | 2.481 | 2.481 |
//! | tanh | 2.606 | 2.566 |
//! | softplus, log sigmoid | 2.862 | 2.862 |
//! | x sigmoid(x) | 2.403 | 2.403 |
//! | x - tanh x | 5.321 | 5.321 |

mod activation;
mod bounds;
mod differentiable;
mod exp;
mod functions;
mod log;
mod sigmoid;
mod tanh;
#[cfg(test)]
mod tests;

pub(crate) use activation::{Activation, Function, apply_slice, apply_with_derivative_slice};
pub(crate) use bounds::clamp;
pub(crate) use differentiable::{sigmoid_slope, tanh_slope};
pub(crate) use sigmoid::sigmoid;
pub(crate) use tanh::tanh;
