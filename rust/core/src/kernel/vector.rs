//! Vectors in slices of floats.
//!
//! In: floats, and where a vector begins. Out: the vector, or the floats with the vector stored. Of what the
//! floats are it knows panels `[block][gate][lane]` only.

use crate::gate::{Gate, Gates};
use fearless_simd::{Simd, SimdBase};

/// One vector of `floats`, from `start` on.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, floats: &[f32], start: usize) -> S::f32s {
    S::f32s::from_slice(simd, &floats[start..start + S::f32s::LEN])
}

/// The weights of `gate` for the vector of units that begins with `unit`, in a panel `[block][gate][lane]`.
#[inline(always)]
pub(super) fn load_gate<S: Simd>(simd: S, panel: &[f32], unit: usize, gate: Gate) -> S::f32s {
    load(simd, panel, Gate::COUNT * unit + gate.index() * S::f32s::LEN)
}

/// As [`load_gate`], of all four gates.
#[inline(always)]
pub(super) fn load_gates<S: Simd>(simd: S, panel: &[f32], unit: usize) -> Gates<S::f32s> {
    Gates {
        input: load_gate(simd, panel, unit, Gate::Input),
        forget: load_gate(simd, panel, unit, Gate::Forget),
        candidate: load_gate(simd, panel, unit, Gate::Candidate),
        output: load_gate(simd, panel, unit, Gate::Output),
    }
}

/// Store one vector to `floats`, from `start` on.
#[inline(always)]
pub(super) fn store<S: Simd>(vector: S::f32s, floats: &mut [f32], start: usize) {
    vector.store_slice(&mut floats[start..start + S::f32s::LEN]);
}
