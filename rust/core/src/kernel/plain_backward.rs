//! A row of a step backwards where nothing but defaults acts, in registers from the gradient of the output to that of
//! the earlier cell state.
//!
//! In: a chunk whose saved gates are activated, gradients of its outputs and of the new cell states. Out: gate gradients
//! over the gates, and gradients of the earlier cell states. The formulas and their order are
//! those of [`super::backward`], which goes over a row once for each of them, so that the bits are the same. It knows
//! no other activation, no variant of the cell and no full peephole.

use super::backward::BackwardChunk;
use super::geometry::Geometry;
use super::projection::BackwardProjection;
use super::vector::{load, load_gate, store};
use crate::gate::{Gate, Gates};
use crate::math::{sigmoid_slope, tanh, tanh_slope};
use fearless_simd::{Simd, SimdBase, SimdFloat};

impl BackwardChunk<'_> {
    /// Gate gradients of the rows of a step, and gradients of the earlier cell states, where nothing but defaults
    /// acts; through a projection if it `PROJECTS`.
    #[inline(always)]
    pub(super) fn plain_rows<S: Simd, const PROJECTS: bool>(
        &mut self,
        simd: S,
        first: usize,
        rows: usize,
    ) {
        let Geometry { units: real, blocks, cell_pitch, output_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let units = blocks * lanes;
        for row in 0..rows {
            let at = first + row;
            let (d_values, values): (_, &mut [f32]) = match &mut self.projection {
                Some(BackwardProjection { d_values, values, .. }) if PROJECTS => (
                    (&d_values.floats[row * d_values.pitch..][..units], &[][..]),
                    &mut values[at * cell_pitch..][..units],
                ),
                _ => {
                    let incoming = &self.incoming[at * output_pitch..][..units];
                    let later = &self.d_hidden.floats[row * self.d_hidden.pitch..][..units];
                    ((incoming, later), &mut [])
                }
            };
            PlainRow {
                gates: self.geometry.gates_mut(self.gates, at, lanes),
                cells: &self.cells[at * cell_pitch..][..units],
                previous_cells: &self.previous_cells[at * cell_pitch..][..units],
                d_values,
                d_cell: &mut self.d_cell.floats[row * self.d_cell.pitch..][..units],
                diagonal: self.panels.diagonal,
                values,
            }
            .compute::<S, PROJECTS>(simd, real);
        }
    }
}

/// A row of a step, whole vectors of units.
struct PlainRow<'a> {
    /// Activated gates before, their gradients after.
    gates: Gates<&'a mut [f32]>,
    /// New cell states.
    cells: &'a [f32],
    /// Cell states before the step.
    previous_cells: &'a [f32],
    /// Gradient of the units' values; where they are the output, the incoming one, and that from later steps.
    d_values: (&'a [f32], &'a [f32]),
    /// Gradient of the new cell state before, of the earlier one after.
    d_cell: &'a mut [f32],
    /// Diagonal peepholes, `[block][gate][lane]`; empty without any.
    diagonal: &'a [f32],
    /// Receives the units' values where they are projected; else empty.
    values: &'a mut [f32],
}

impl PlainRow<'_> {
    /// Compute the row; the units' values are projected if the layer `PROJECTS`. Gates of units beyond `real` become 0.
    #[inline(always)]
    fn compute<S: Simd, const PROJECTS: bool>(self, simd: S, real: usize) {
        let Self { mut gates, cells, previous_cells, d_values, d_cell, diagonal, values } = self;
        for at in (0..d_cell.len()).step_by(S::f32s::LEN) {
            let (input, forget) = (load(simd, gates.input, at), load(simd, gates.forget, at));
            let (candidate, output) =
                (load(simd, gates.candidate, at), load(simd, gates.output, at));
            let activated = tanh(simd, load(simd, cells, at));
            let d_value = if PROJECTS {
                store::<S>(output * activated, values, at);
                load(simd, d_values.0, at)
            } else {
                load(simd, d_values.0, at) + load(simd, d_values.1, at)
            };
            let d_output = d_value * activated * sigmoid_slope(simd, output);
            let through = d_value * output;
            let mut d_c = through.mul_add(tanh_slope(simd, activated), load(simd, d_cell, at));
            if !diagonal.is_empty() {
                d_c = load_gate(simd, diagonal, at, Gate::Output).mul_add(d_output, d_c);
            }
            let d_input = d_c * candidate * sigmoid_slope(simd, input);
            let d_forget = d_c * load(simd, previous_cells, at) * sigmoid_slope(simd, forget);
            let d_candidate = d_c * input * tanh_slope(simd, candidate);
            let mut d_previous = d_c * forget;
            if !diagonal.is_empty() {
                for (gate, d_gate) in Gate::EARLY.into_iter().zip([d_input, d_forget, d_candidate])
                {
                    let weight = load_gate(simd, diagonal, at, gate);
                    d_previous = weight.mul_add(d_gate, d_previous);
                }
            }
            store::<S>(d_input, gates.input, at);
            store::<S>(d_forget, gates.forget, at);
            store::<S>(d_candidate, gates.candidate, at);
            store::<S>(d_output, gates.output, at);
            store::<S>(d_previous, d_cell, at);
        }
        for gate in Gate::ALL {
            gates.get_mut(gate)[real..].fill(0.0);
        }
    }
}
