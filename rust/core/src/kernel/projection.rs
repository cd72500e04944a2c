//! The projection: hidden states from the values of the units, and gradients the other way.
//!
//! In: values of the units of a step, o ⊙ τ(c'), or gradients of its outputs; weights of the projection in blocks of
//! vectors. Out: outputs of the step, or gradients of the units' values. It is one product a step, by panels in both
//! routes, and does not know how the values come about.
//!
//! Sak, Senior and Beaufays, "Long Short-Term Memory Recurrent Neural Network Architectures for Large Scale Acoustic
//! Modeling", Interspeech 2014, without their second, non-recurrent projection; `proj_size` of `PyTorch`'s LSTM.

use super::geometry::{Geometry, Rows};
use super::transposed::{TransposedProduct, WideRows, vectors};
use super::vector::{load, store};
use fearless_simd::{Simd, SimdBase};

/// What a step of the forward pass needs to project.
pub(crate) struct StepProjection<'a> {
    /// `[block of four vectors of outputs][unit][vector][lane]`
    pub(crate) weights: &'a [f32],
    /// Room for the values of one step, `[row][unit]`, at the pitch of cells.
    pub(crate) values: &'a mut [f32],
}

impl StepProjection<'_> {
    /// The outputs of so many rows of values, `[row][output]`.
    #[inline(always)]
    pub(super) fn compute<S: Simd>(
        &self,
        simd: S,
        geometry: &Geometry,
        count: usize,
        floats: &mut [f32],
    ) {
        let Geometry { units, outputs, cell_pitch, output_pitch, .. } = *geometry;
        TransposedProduct {
            geometry,
            rows: Rows { floats: self.values, pitch: cell_pitch, width: units },
            count,
            weights: self.weights,
            out: WideRows { floats, pitch: output_pitch, vectors: vectors(outputs, S::f32s::LEN) },
            add: false,
        }
        .compute(simd);
    }
}

/// What a chunk of the backward pass needs to go through the projection.
pub(crate) struct BackwardProjection<'a> {
    /// `[block of four vectors of units][output][vector][lane]`
    pub(crate) weights: &'a [f32],
    /// Receives the values of the units of all rows of the chunk, `[row][unit]`, at the pitch of cells.
    pub(crate) values: &'a mut [f32],
    /// Gradients of these values at one step, `[batch row][unit]`.
    pub(crate) d_values: WideRows<'a>,
}

impl BackwardProjection<'_> {
    /// Gradients of the values of so many rows of a step. Those of its outputs, `[row][output]`, are the sum of
    /// `incoming` and of what later steps give, `d_hidden`; the sum stays in `incoming`.
    #[inline(always)]
    pub(super) fn gradients<S: Simd>(
        &mut self,
        simd: S,
        geometry: &Geometry,
        count: usize,
        incoming: &mut [f32],
        d_hidden: &WideRows<'_>,
    ) {
        let Geometry { outputs, output_pitch, .. } = *geometry;
        let padded = outputs.next_multiple_of(S::f32s::LEN);
        for row in 0..count {
            let sums = &mut incoming[row * output_pitch..][..padded];
            let later = &d_hidden.floats[row * d_hidden.pitch..][..padded];
            for at in (0..padded).step_by(S::f32s::LEN) {
                store::<S>(load(simd, sums, at) + load(simd, later, at), sums, at);
            }
        }
        TransposedProduct {
            geometry,
            rows: Rows { floats: incoming, pitch: output_pitch, width: outputs },
            count,
            weights: self.weights,
            out: self.d_values.reborrow(),
            add: false,
        }
        .compute(simd);
    }

    /// The values of a row of the chunk, as the forward pass computed them: output gates times activated cells.
    #[inline(always)]
    pub(super) fn keep_values<S: Simd>(
        &mut self,
        simd: S,
        geometry: &Geometry,
        row: usize,
        (gates, activated): (&[f32], &[f32]),
    ) {
        let values = &mut self.values[row * geometry.cell_pitch..][..gates.len()];
        for at in (0..gates.len()).step_by(S::f32s::LEN) {
            store::<S>(load(simd, gates, at) * load(simd, activated, at), values, at);
        }
    }
}
