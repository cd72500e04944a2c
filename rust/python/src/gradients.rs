//! The arrays of a gradients' structure, borrowed.
//!
//! In: a checked pair of structures and the arrays of the second. Out: guards that live as long as the
//! computation, and the views that the core takes. It computes nothing.

use crate::borrow::{read, write};
use crate::errors::Failure;
use crate::memory::{Reading, Writing};
use crate::params::{DataArrays, GateArrays, LayerArrays};
use bnns_lstm::{CheckedBackward, Gate, GateGradientViews, Gates, GradientViews, Path};

/// All gradients, incoming and outgoing.
#[derive(Debug)]
pub(crate) struct Gradients<'py> {
    output: Option<Reading<'py, f32>>,
    final_hidden: Option<Reading<'py, f32>>,
    final_cell: Option<Reading<'py, f32>>,
    input: Option<Writing<'py, f32>>,
    initial_hidden: Option<Writing<'py, f32>>,
    initial_cell: Option<Writing<'py, f32>>,
    gates: Gates<GateGradients<'py>>,
}

/// The gradients of a gate.
#[derive(Debug)]
struct GateGradients<'py> {
    iw: Option<Writing<'py, f32>>,
    iw_upper: Option<Writing<'py, f32>>,
    hw: Option<Writing<'py, f32>>,
    cw: Option<Writing<'py, f32>>,
    b: Option<Writing<'py, f32>>,
}

impl<'py> Gradients<'py> {
    /// Borrow what the checked pair reads and writes; `root` is the path of the gradients' structure.
    pub(crate) fn new(
        arrays: &LayerArrays<'py>,
        checked: &CheckedBackward,
        root: &Path,
    ) -> Result<Self, Failure> {
        let LayerArrays { input, output, gates } = arrays;
        let DataArrays { data, hidden, cell } = output;
        let incoming = |name: &'static str| move || root.then("output_descriptor").then(name);
        let outgoing = |name: &'static str| move || root.then("input_descriptor").then(name);
        let gate = |gate: Gate| {
            let is_split = checked.gates().get(gate).iw_upper.is_some();
            GateGradients::new(gates.get(gate), &root.then(gate.field()), is_split)
        };
        Ok(Self {
            output: read(data.as_ref(), incoming("data_desc"))?,
            final_hidden: read(hidden.as_ref(), incoming("hidden_desc"))?,
            final_cell: read(cell.as_ref(), incoming("cell_state_desc"))?,
            input: write(input.data.as_ref(), outgoing("data_desc"))?,
            initial_hidden: write(input.hidden.as_ref(), outgoing("hidden_desc"))?,
            initial_cell: write(input.cell.as_ref(), outgoing("cell_state_desc"))?,
            gates: Gates {
                input: gate(Gate::Input)?,
                forget: gate(Gate::Forget)?,
                candidate: gate(Gate::Candidate)?,
                output: gate(Gate::Output)?,
            },
        })
    }

    /// The views for the core.
    pub(crate) fn views(&mut self) -> GradientViews<'_> {
        let Gates { input, forget, candidate, output } = &mut self.gates;
        GradientViews {
            output: self.output.as_ref().map(Reading::view),
            final_hidden: self.final_hidden.as_ref().map(Reading::view),
            final_cell: self.final_cell.as_ref().map(Reading::view),
            input: self.input.as_mut().map(Writing::view_mut),
            initial_hidden: self.initial_hidden.as_mut().map(Writing::view_mut),
            initial_cell: self.initial_cell.as_mut().map(Writing::view_mut),
            gates: Gates {
                input: input.views(),
                forget: forget.views(),
                candidate: candidate.views(),
                output: output.views(),
            },
        }
    }
}

impl<'py> GateGradients<'py> {
    fn new(arrays: &GateArrays<'py>, path: &Path, is_split: bool) -> Result<Self, Failure> {
        let field = |name: &'static str| move || path.then(name);
        let iw = |index: usize| move || path.then("iw_desc").at(index);
        Ok(Self {
            iw: write(arrays.iw.as_ref(), iw(0))?,
            iw_upper: write(arrays.iw_upper.as_ref().filter(|_| is_split), iw(1))?,
            hw: write(arrays.hw.as_ref(), field("hw_desc"))?,
            cw: write(arrays.cw.as_ref(), field("cw_desc"))?,
            b: write(arrays.b.as_ref(), field("b_desc"))?,
        })
    }

    fn views(&mut self) -> GateGradientViews<'_> {
        GateGradientViews {
            iw: self.iw.as_mut().map(Writing::view_mut),
            iw_upper: self.iw_upper.as_mut().map(Writing::view_mut),
            hw: self.hw.as_mut().map(Writing::view_mut),
            cw: self.cw.as_mut().map(Writing::view_mut),
            b: self.b.as_mut().map(Writing::view_mut),
        }
    }
}
