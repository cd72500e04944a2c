//! The cell with default activations, on one vector of hidden units.
//!
//! In: the four pre-activations, the old cell state, diagonal peepholes, if any. Out: what training keeps of the
//! gates, the new cell state and the new hidden state.
//! The equations are those of the BNNS layer; the output gate's peephole sees the new cell state. Variants have a
//! function of their own, so that they cost others nothing.

use super::variant::{limited, rest};
use crate::gate::Gates;
use crate::math::{sigmoid, tanh};
use crate::variant::{Coupled, Variant};
use fearless_simd::{Simd, SimdFloat};

/// What a step makes of one vector of hidden units.
pub(super) struct NewStates<V> {
    /// The activated gates; where arguments are limited, the pre-activations before that.
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

/// As [`default_cell`], of a variant: each limit acts where the layer's description says, before what sees the value.
#[inline(always)]
pub(super) fn variant_cell<S: Simd>(
    simd: S,
    pre: Gates<S::f32s>,
    cell: S::f32s,
    peepholes: Option<Gates<S::f32s>>,
    variant: &Variant,
) -> NewStates<S::f32s> {
    let Variant { cell_clip, gate_clip, hidden_clip, coupled, .. } = *variant;
    let mut pre = pre;
    if let Some(weights) = &peepholes {
        pre.input = weights.input.mul_add(cell, pre.input);
        pre.forget = weights.forget.mul_add(cell, pre.forget);
        pre.candidate = weights.candidate.mul_add(cell, pre.candidate);
    }
    let gate = |value| sigmoid(simd, limited(simd, value, gate_clip));
    let (input, forget) = match coupled {
        None => (gate(pre.input), gate(pre.forget)),
        Some(Coupled::Forget) => {
            let input = gate(pre.input);
            (input, rest(simd, input))
        }
        Some(Coupled::Input) => {
            let forget = gate(pre.forget);
            (rest(simd, forget), forget)
        }
    };
    let candidate = tanh(simd, limited(simd, pre.candidate, gate_clip));
    let cell = limited(simd, input.mul_add(candidate, forget * cell), cell_clip);
    if let Some(weights) = &peepholes {
        pre.output = weights.output.mul_add(cell, pre.output);
    }
    let output = gate(pre.output);
    let hidden = output * tanh(simd, limited(simd, cell, hidden_clip));
    let activated = Gates { input, forget, candidate, output };
    NewStates { gates: if gate_clip.is_some() { pre } else { activated }, cell, hidden }
}
