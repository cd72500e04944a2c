//! The products of a step backwards: gate gradients by transposed weights.
//!
//! In: a chunk whose gate gradients are known. Out: gradients of the states before the step, and, through a full
//! peephole, of the new cell state. Where a panel is empty, nobody has such weights, or somebody else multiplies.

use super::backward::BackwardChunk;
use super::geometry::{Geometry, Rows};
use super::transposed::{TransposedProduct, WideRows};
use crate::gate::Gate;
use fearless_simd::{Simd, SimdBase};

impl BackwardChunk<'_> {
    /// A full peephole of the output gate passes its gradient on to the new cell state.
    #[inline(always)]
    pub(super) fn through_output_peephole<S: Simd>(&mut self, simd: S, rows: usize) {
        if self.panels.cell_output.is_empty() {
            return;
        }
        let Geometry { blocks, gate_pitch, .. } = *self.geometry;
        let units = blocks * S::f32s::LEN;
        let floats = &self.scratch.derivatives[Gate::Output.index() * units..];
        TransposedProduct {
            geometry: self.geometry,
            rows: Rows { floats, pitch: gate_pitch, width: units },
            count: rows,
            weights: self.panels.cell_output,
            out: self.d_cell.reborrow(),
            add: true,
        }
        .compute(simd);
    }

    /// Gradients of the states before the step, through hidden weights and full peepholes.
    #[inline(always)]
    pub(super) fn previous_states<S: Simd>(&mut self, simd: S, first: usize, rows: usize) {
        let Geometry { blocks, gate_pitch, .. } = *self.geometry;
        let units = blocks * S::f32s::LEN;
        let floats = &self.gates[first * gate_pitch..];
        let geometry = self.geometry;
        let multiply = |gates: usize, weights: &[f32], out: WideRows<'_>, add| {
            let rows_of_gates = Rows { floats, pitch: gate_pitch, width: gates * units };
            TransposedProduct { geometry, rows: rows_of_gates, count: rows, weights, out, add }
                .compute(simd);
        };
        if !self.panels.hidden.is_empty() {
            multiply(Gate::COUNT, self.panels.hidden, self.d_hidden.reborrow(), false);
        }
        if !self.panels.cell.is_empty() {
            multiply(Gate::EARLY.len(), self.panels.cell, self.d_cell.reborrow(), true);
        }
    }
}
