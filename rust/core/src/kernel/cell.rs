//! The cell with default activations, on one vector of hidden units.
//!
//! In: the four pre-activations, the old cell state, diagonal peepholes, if any. Out: the activated gates, the
//! new cell state and the new hidden state.
//! The equations are those of the BNNS layer; the output gate's peephole sees the new cell state.

use crate::gate::Gates;
use crate::math::{sigmoid, tanh};
use fearless_simd::{Simd, SimdFloat};

/// What a step makes of one vector of hidden units.
pub(super) struct NewStates<V> {
    /// The activated gates.
    pub(super) gates: Gates<V>,
    pub(super) cell: V,
    pub(super) hidden: V,
}

/// Activated gates, new cell and hidden state; `peepholes` are the diagonals, if any.
#[inline(always)]
pub(super) fn default_cell<S: Simd>(
    simd: S,
    pre: Gates<S::f32s>,
    cell: S::f32s,
    peepholes: Option<Gates<S::f32s>>,
) -> NewStates<S::f32s> {
    let Gates { mut input, mut forget, mut candidate, mut output } = pre;
    if let Some(weights) = &peepholes {
        input = weights.input.mul_add(cell, input);
        forget = weights.forget.mul_add(cell, forget);
        candidate = weights.candidate.mul_add(cell, candidate);
    }
    let (input, forget) = (sigmoid(simd, input), sigmoid(simd, forget));
    let candidate = tanh(simd, candidate);
    let cell = input.mul_add(candidate, forget * cell);
    if let Some(weights) = &peepholes {
        output = weights.output.mul_add(cell, output);
    }
    let output = sigmoid(simd, output);
    let hidden = output * tanh(simd, cell);
    NewStates { gates: Gates { input, forget, candidate, output }, cell, hidden }
}
