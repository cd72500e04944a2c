//! What variants of the layer do to whole rows of gates.
//!
//! In: rows of the generic recurrence and of the backward pass, and the limits and the coupled gates of a variant.
//! Out: the rows limited, slopes stopped where a limit acted, gates computed from others. The fused cell does the
//! same in registers ([`super::cell`]).

use super::vector::{load, store};
use crate::gate::Gates;
use crate::math::clamp;
use crate::variant::{Coupled, Variant};
use fearless_simd::{Select, Simd, SimdBase};

/// A vector limited in both directions, where there is a limit; NaN stays NaN.
#[inline(always)]
pub(super) fn limited<S: Simd>(simd: S, values: S::f32s, clip: Option<f32>) -> S::f32s {
    match clip {
        Some(clip) => clamp(simd, values, -clip, clip),
        None => values,
    }
}

/// A gradient behind a limit: 0 where the limit acted on the argument, else as it is. NaN was not limited.
#[inline(always)]
pub(super) fn stopped<S: Simd>(
    simd: S,
    gradient: S::f32s,
    argument: S::f32s,
    clip: Option<f32>,
) -> S::f32s {
    match clip {
        Some(clip) => argument.abs().simd_gt(clip).select(S::f32s::splat(simd, 0.0), gradient),
        None => gradient,
    }
}

/// What is left of 1.
#[inline(always)]
pub(super) fn rest<S: Simd>(simd: S, gate: S::f32s) -> S::f32s {
    S::f32s::splat(simd, 1.0) - gate
}

/// [`limited`], of whole vectors.
#[inline(always)]
pub(super) fn limit_row<S: Simd>(simd: S, values: &mut [f32], clip: Option<f32>) {
    if clip.is_some() {
        for at in (0..values.len()).step_by(S::f32s::LEN) {
            store::<S>(limited(simd, load(simd, values, at), clip), values, at);
        }
    }
}

/// [`stopped`], of whole vectors.
#[inline(always)]
pub(super) fn stop_row<S: Simd>(simd: S, slopes: &mut [f32], arguments: &[f32], clip: Option<f32>) {
    if clip.is_some() {
        for at in (0..slopes.len()).step_by(S::f32s::LEN) {
            let slope = stopped(simd, load(simd, slopes, at), load(simd, arguments, at), clip);
            store::<S>(slope, slopes, at);
        }
    }
}

/// The gate that another one gives, over a row of activated gates.
#[inline(always)]
pub(super) fn derive_row<S: Simd>(simd: S, gates: &mut Gates<&mut [f32]>, variant: &Variant) {
    let Gates { input, forget, .. } = gates;
    let (source, derived) = match variant.coupled {
        None => return,
        Some(Coupled::Forget) => (input, forget),
        Some(Coupled::Input) => (forget, input),
    };
    for at in (0..source.len()).step_by(S::f32s::LEN) {
        store::<S>(rest(simd, load(simd, source, at)), derived, at);
    }
}

/// Gradients of the pre-activations of input and forget gate, from those of the gates and the slopes of their
/// activations. Of two coupled gates one falls by what the other one rises, and the derived one has no pre-activation:
/// whatever stands as its slope is not looked at.
#[inline(always)]
pub(super) fn share_gradients<S: Simd>(
    simd: S,
    (input, forget): (S::f32s, S::f32s),
    (input_slope, forget_slope): (S::f32s, S::f32s),
    coupled: Option<Coupled>,
) -> (S::f32s, S::f32s) {
    let zero = S::f32s::splat(simd, 0.0);
    match coupled {
        None => (input * input_slope, forget * forget_slope),
        Some(Coupled::Forget) => ((input - forget) * input_slope, zero),
        Some(Coupled::Input) => (zero, (forget - input) * forget_slope),
    }
}
