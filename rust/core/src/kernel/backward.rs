//! The recurrence backwards: from gradients of outputs and states to gradients of gates and earlier states.
//!
//! In: what the forward pass saved of a chunk of steps, incoming gradients, transposed weights. Out: gate
//! gradients `[row][gate][unit]`, which overwrite the saved gates, and the gradients of the states before the chunk.
//! Units beyond `hidden_size` get gate gradients of exactly 0, so that sums may run over them.

use super::generic::GenericFunctions;
use super::geometry::{Geometry, Steps};
use super::projection::BackwardProjection;
use super::transposed::WideRows;
use super::variant::{derive_row, limit_row, share_gradients, stop_row, stopped};
use super::vector::{load, load_gate, store};
use crate::gate::Gate;
use crate::level::Kernel;
use crate::math::{
    Activation, apply_slice, apply_with_derivative_slice, sigmoid_slope, tanh_slope,
};
use crate::variant::Variant;
use fearless_simd::{Simd, SimdBase, SimdFloat};

/// Which half of a step backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackwardHalf {
    /// Both.
    Whole,
    /// To the gradient of the output gate, and what of the new cell states does not come through its full peephole.
    Output,
    /// From the gradients of the new cell states to the other gates.
    Others,
}

/// Transposed panels; empty where no gate has that kind, or somebody else multiplies after each half.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BackwardPanels<'a> {
    /// `[block][gate][unit][vector][lane]`
    pub(crate) hidden: &'a [f32],
    /// Diagonal peepholes as in the forward pass, `[block][gate][lane]`.
    pub(crate) diagonal: &'a [f32],
    /// Full peepholes of input, forget and candidate gate, `[block][gate][unit][vector][lane]`.
    pub(crate) cell: &'a [f32],
    /// Full peephole of the output gate, `[block][unit][vector][lane]`.
    pub(crate) cell_output: &'a [f32],
}

/// What one step needs besides the chunk's rows; one row for each batch row.
pub(crate) struct BackwardScratch<'a> {
    /// Derivatives of the gates, `[row][gate][unit]`; of the output gate its gradient, once that is known.
    pub(crate) derivatives: &'a mut [f32],
    /// Hidden activation of a row's cells, and its derivative, `[2][unit]`.
    pub(crate) activated: &'a mut [f32],
}

/// Run the recurrence backwards over a chunk of steps.
pub(crate) struct BackwardChunk<'a> {
    pub(crate) geometry: &'a Geometry,
    /// The steps, the last one of the forward pass first.
    pub(crate) steps: Steps<'a>,
    /// `None` where the saved gates are activated, as the fused step leaves them; else they are pre-activations.
    pub(crate) functions: Option<GenericFunctions>,
    /// What is computed of each step.
    pub(crate) half: BackwardHalf,
    pub(crate) variant: &'a Variant,
    pub(crate) panels: BackwardPanels<'a>,
    /// Where outputs are projected.
    pub(crate) projection: Option<BackwardProjection<'a>>,
    /// `[row][gate][unit]`: saved gates before, gate gradients after.
    pub(crate) gates: &'a mut [f32],
    /// New cell states, `[row][unit]`.
    pub(crate) cells: &'a [f32],
    /// Cell states before each step, `[row][unit]`.
    pub(crate) previous_cells: &'a [f32],
    /// Incoming gradients of the outputs, `[row][output]`; where outputs are projected, with those from later steps
    /// added, after.
    pub(crate) incoming: &'a mut [f32],
    /// In: gradients of the hidden state after the chunk. Out: of the one before it. `[batch row][output]`
    pub(crate) d_hidden: WideRows<'a>,
    /// The same of the cell state, `[batch row][unit]`.
    pub(crate) d_cell: WideRows<'a>,
    pub(crate) scratch: BackwardScratch<'a>,
}

impl Kernel for BackwardChunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let steps = self.steps;
        let is_plain = self.functions.is_none()
            && !self.variant.changes_cells()
            && self.panels.cell_output.is_empty();
        for (first, rows) in steps.each() {
            let Geometry { output_pitch, .. } = *self.geometry;
            if let Some(projection) = &mut self.projection {
                let incoming = &mut self.incoming[first * output_pitch..];
                projection.gradients(simd, self.geometry, rows, incoming, &self.d_hidden);
            }
            match (is_plain, self.projection.is_some()) {
                (true, true) => self.plain_rows::<S, true>(simd, first, rows),
                (true, false) => self.plain_rows::<S, false>(simd, first, rows),
                (false, true) => self.rows::<S, true>(simd, first, rows),
                (false, false) => self.rows::<S, false>(simd, first, rows),
            }
            if self.half != BackwardHalf::Output {
                self.previous_states(simd, first, rows);
            }
        }
    }
}

impl BackwardChunk<'_> {
    /// Gate gradients of the rows of a step, and gradients of the earlier cell states; through a projection if it
    /// `PROJECTS`. Where nothing but defaults acts, `plain_backward` has them.
    #[inline(always)]
    fn rows<S: Simd, const PROJECTS: bool>(&mut self, simd: S, first: usize, rows: usize) {
        if self.half != BackwardHalf::Others {
            for row in 0..rows {
                self.derive(simd, first, row);
                if PROJECTS {
                    self.keep_values(simd, first, row);
                }
                self.output_gate::<S, PROJECTS>(simd, first, row);
            }
            self.through_output_peephole(simd, rows);
        }
        if self.half == BackwardHalf::Output {
            return;
        }
        let varies = self.variant.changes_cells();
        for row in 0..rows {
            if varies {
                self.other_gates::<S, true>(simd, first, row);
            } else {
                self.other_gates::<S, false>(simd, first, row);
            }
        }
    }

    /// Values and derivatives of the five activations of a row.
    #[inline(always)]
    fn derive<S: Simd>(&mut self, simd: S, first: usize, row: usize) {
        let Geometry { blocks, cell_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let units = blocks * lanes;
        let mut gates = self.geometry.gates_mut(self.gates, first + row, lanes);
        let mut derivatives = self.geometry.gates_mut(self.scratch.derivatives, row, lanes);
        let cells = &self.cells[(first + row) * cell_pitch..][..units];
        let (values, slopes) = self.scratch.activated.split_at_mut(units);
        let Variant { gate_clip, hidden_clip, .. } = *self.variant;
        let Some(functions) = &self.functions else {
            values.copy_from_slice(cells);
            apply_slice(simd, Activation::TANH, values);
            for gate in Gate::ALL {
                let is_tanh = gate == Gate::Candidate;
                slopes_of_default(simd, is_tanh, gates.get(gate), derivatives.get_mut(gate));
            }
            slopes_of_default(simd, true, values, &mut slopes[..units]);
            return;
        };
        for gate in Gate::ALL {
            let (gates, derivatives) = (gates.get_mut(gate), derivatives.get_mut(gate));
            if gate_clip.is_some() {
                // What is limited must be known afterwards.
                values.copy_from_slice(gates);
                limit_row(simd, gates, gate_clip);
            }
            apply_with_derivative_slice(simd, *functions.gates.get(gate), gates, derivatives);
            stop_row(simd, derivatives, values, gate_clip);
        }
        derive_row(simd, &mut gates, self.variant);
        values.copy_from_slice(cells);
        limit_row(simd, values, hidden_clip);
        apply_with_derivative_slice(simd, functions.hidden, values, &mut slopes[..units]);
        stop_row(simd, &mut slopes[..units], cells, hidden_clip);
    }

    /// The values of a row that the projection reads.
    #[inline(always)]
    fn keep_values<S: Simd>(&mut self, simd: S, first: usize, row: usize) {
        let gate = self.geometry.gates(self.gates, first + row, S::f32s::LEN).output;
        if let Some(projection) = &mut self.projection {
            let factors = (gate, &*self.scratch.activated);
            projection.keep_values(simd, self.geometry, first + row, factors);
        }
    }

    /// Gradient of the output gate, to its place among the derivatives, and of the new cell state; through a projection
    /// if it `PROJECTS`.
    #[inline(always)]
    fn output_gate<S: Simd, const PROJECTS: bool>(&mut self, simd: S, first: usize, row: usize) {
        let Geometry { units: real, blocks, output_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let units = blocks * lanes;
        let gate = self.geometry.gates(self.gates, first + row, lanes).output;
        let slopes_of_gate = self.geometry.gates_mut(self.scratch.derivatives, row, lanes).output;
        let (incoming, d_hidden, d_values): (&[f32], &[f32], &[f32]) = match &self.projection {
            Some(BackwardProjection { d_values, .. }) if PROJECTS => {
                (&[], &[], &d_values.floats[row * d_values.pitch..][..units])
            }
            _ => (
                &self.incoming[(first + row) * output_pitch..][..units],
                &self.d_hidden.floats[row * self.d_hidden.pitch..][..units],
                &[],
            ),
        };
        let d_cell = &mut self.d_cell.floats[row * self.d_cell.pitch..][..units];
        let (values, slopes) = self.scratch.activated.split_at(units);
        for at in (0..units).step_by(lanes) {
            let d_h = if PROJECTS {
                load(simd, d_values, at)
            } else {
                load(simd, incoming, at) + load(simd, d_hidden, at)
            };
            let d_output = d_h * load(simd, values, at) * load(simd, slopes_of_gate, at);
            let through = d_h * load(simd, gate, at);
            let mut d_c = through.mul_add(load(simd, slopes, at), load(simd, d_cell, at));
            if !self.panels.diagonal.is_empty() {
                let weight = load_gate(simd, self.panels.diagonal, at, Gate::Output);
                d_c = weight.mul_add(d_output, d_c);
            }
            store::<S>(d_output, slopes_of_gate, at);
            store::<S>(d_c, d_cell, at);
        }
        slopes_of_gate[real..].fill(0.0);
    }

    /// Gradients of all gates of a row over its saved gates, and of the old cell state; of a variant of the layer
    /// if it `VARIES`.
    #[inline(always)]
    fn other_gates<S: Simd, const VARIES: bool>(&mut self, simd: S, first: usize, row: usize) {
        let Geometry { units: real, blocks, cell_pitch, .. } = *self.geometry;
        let lanes = S::f32s::LEN;
        let units = blocks * lanes;
        let mut gates = self.geometry.gates_mut(self.gates, first + row, lanes);
        let derivatives = self.geometry.gates(self.scratch.derivatives, row, lanes);
        let previous = &self.previous_cells[(first + row) * cell_pitch..][..units];
        let d_cell = &mut self.d_cell.floats[row * self.d_cell.pitch..][..units];
        for at in (0..units).step_by(lanes) {
            let mut d_c = load(simd, d_cell, at);
            let (input, forget) = (load(simd, gates.input, at), load(simd, gates.forget, at));
            let candidate = load(simd, gates.candidate, at);
            if VARIES && self.variant.cell_clip.is_some() {
                // As the forward pass computed it, with the same roundings.
                let cell = input.mul_add(candidate, forget * load(simd, previous, at));
                d_c = stopped(simd, d_c, cell, self.variant.cell_clip);
            }
            let mut d_input = d_c * candidate;
            let mut d_forget = d_c * load(simd, previous, at);
            let slopes = (load(simd, derivatives.input, at), load(simd, derivatives.forget, at));
            (d_input, d_forget) = if VARIES {
                share_gradients(simd, (d_input, d_forget), slopes, self.variant.coupled)
            } else {
                (d_input * slopes.0, d_forget * slopes.1)
            };
            let d_candidate = d_c * input * load(simd, derivatives.candidate, at);
            let mut d_previous = d_c * forget;
            if !self.panels.diagonal.is_empty() {
                for (gate, d_gate) in Gate::EARLY.into_iter().zip([d_input, d_forget, d_candidate])
                {
                    let weight = load_gate(simd, self.panels.diagonal, at, gate);
                    d_previous = weight.mul_add(d_gate, d_previous);
                }
            }
            store::<S>(d_input, gates.input, at);
            store::<S>(d_forget, gates.forget, at);
            store::<S>(d_candidate, gates.candidate, at);
            store::<S>(load(simd, derivatives.output, at), gates.output, at);
            store::<S>(d_previous, d_cell, at);
        }
        for gate in Gate::ALL {
            gates.get_mut(gate)[real..].fill(0.0);
        }
    }
}

/// The derivative of a sigmoid or of a tanh, from the function's value.
#[inline(always)]
fn slopes_of_default<S: Simd>(simd: S, is_tanh: bool, values: &[f32], slopes: &mut [f32]) {
    let lanes = S::f32s::LEN;
    for at in (0..slopes.len()).step_by(lanes) {
        let value = load(simd, values, at);
        let slope = if is_tanh { tanh_slope(simd, value) } else { sigmoid_slope(simd, value) };
        store::<S>(slope, slopes, at);
    }
}
