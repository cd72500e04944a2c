//! The caller's arrays of a backward call, bound to what was checked.
//!
//! In: a checked pair of structures and views of its arrays. Out: [`BackwardArrays`] with canonical axes, or
//! the name of an array that is not the one that was checked.

use super::super::forward::Inputs;
use super::arrays::{BackwardArrays, GateOutgoing, Outgoing};
use crate::check::{CheckedBackward, GateGradients, Gradient, InitialState, Strided};
use crate::error::{Error, Path};
use crate::gate::{Gate, Gates};
use ndarray::{ArrayView, ArrayViewD, ArrayViewMut, ArrayViewMutD, Dimension};

/// The arrays of the gradients' structure, as they were checked; `None` for what is absent.
#[derive(Debug, Default)]
pub struct GradientViews<'a> {
    /// Incoming: with respect to the output sequence.
    pub output: Option<ArrayViewD<'a, f32>>,
    /// Incoming: with respect to the final hidden state.
    pub final_hidden: Option<ArrayViewD<'a, f32>>,
    /// Incoming: with respect to the final cell state.
    pub final_cell: Option<ArrayViewD<'a, f32>>,
    /// Outgoing: with respect to the input.
    pub input: Option<ArrayViewMutD<'a, f32>>,
    /// Outgoing: with respect to the initial hidden state.
    pub initial_hidden: Option<ArrayViewMutD<'a, f32>>,
    /// Outgoing: with respect to the initial cell state.
    pub initial_cell: Option<ArrayViewMutD<'a, f32>>,
    /// Outgoing: with respect to the weights.
    pub gates: Gates<GateGradientViews<'a>>,
}

/// The arrays of the gradients of one gate, as they were checked; `None` for what is absent.
#[derive(Debug, Default)]
pub struct GateGradientViews<'a> {
    /// `iw_desc[0]`.
    pub iw: Option<ArrayViewMutD<'a, f32>>,
    /// `iw_desc[1]`, in the split form.
    pub iw_upper: Option<ArrayViewMutD<'a, f32>>,
    /// `hw_desc`.
    pub hw: Option<ArrayViewMutD<'a, f32>>,
    /// `cw_desc`.
    pub cw: Option<ArrayViewMutD<'a, f32>>,
    /// `b_desc`.
    pub b: Option<ArrayViewMutD<'a, f32>>,
}

impl<'a> BackwardArrays<'a> {
    /// Bind the caller's arrays to what was checked.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] for an array that is not the one that was checked.
    pub fn bind(
        checked: &CheckedBackward,
        inputs: Inputs<'a>,
        gradients: GradientViews<'a>,
    ) -> Result<Self, Error> {
        let arrays = checked.forward().arrays();
        let (incoming, input) = (checked.incoming(), checked.input());
        let names = ["data_desc", "hidden_desc", "cell_state_desc"];
        let from = |root: &'static str| {
            names.map(|name| Path::field(root).then("input_descriptor").then(name))
        };
        let [data, hidden, cell] = from("params");
        let [d_data, d_hidden, d_cell] = from("delta_params");
        let to = names.map(|name| Path::field("delta_params").then("output_descriptor").then(name));
        let [to_data, to_hidden, to_cell] = to;
        let mut of_gates = gradients.gates;
        let mut gate = |gate: Gate| {
            let views = std::mem::take(of_gates.get_mut(gate));
            bind_gate(gate, checked.gates().get(gate), views)
        };
        Ok(Self {
            gates: Gates {
                input: gate(Gate::Input)?,
                forget: gate(Gate::Forget)?,
                candidate: gate(Gate::Candidate)?,
                output: gate(Gate::Output)?,
            },
            input: arrays.input.bind(|| data, inputs.data)?,
            initial_hidden: read(hidden, given(&arrays.initial_hidden), inputs.hidden)?,
            initial_cell: read(cell, given(&arrays.initial_cell), inputs.cell)?,
            output: read(to_data, incoming.data.as_ref(), gradients.output)?,
            final_hidden: read(to_hidden, incoming.hidden.as_ref(), gradients.final_hidden)?,
            final_cell: read(to_cell, incoming.cell.as_ref(), gradients.final_cell)?,
            d_input: write(d_data, input.data.as_ref(), gradients.input)?,
            d_hidden: write(d_hidden, input.hidden.as_ref(), gradients.initial_hidden)?,
            d_cell: write(d_cell, input.cell.as_ref(), gradients.initial_cell)?,
        })
    }
}

fn bind_gate<'a>(
    gate: Gate,
    planned: &GateGradients,
    views: GateGradientViews<'a>,
) -> Result<GateOutgoing<'a>, Error> {
    let path = Path::field("delta_params").then(gate.field());
    let iw = path.then("iw_desc");
    Ok(GateOutgoing {
        iw: write(iw.at(0), planned.iw.as_ref(), views.iw)?,
        iw_upper: write(iw.at(1), planned.iw_upper.as_ref(), views.iw_upper)?,
        hw: write(path.then("hw_desc"), planned.hw.as_ref(), views.hw)?,
        cw: write(path.then("cw_desc"), planned.cw.as_ref(), views.cw)?,
        b: write(path.then("b_desc"), planned.b.as_ref(), views.b)?,
    })
}

/// Where an initial state of its own is.
fn given(state: &InitialState) -> Option<&Strided> {
    match state {
        InitialState::Given(layout) => Some(layout),
        InitialState::Zero | InitialState::InPlace => None,
    }
}

fn read<'a, D: Dimension>(
    path: Path,
    planned: Option<&Strided>,
    array: Option<ArrayViewD<'a, f32>>,
) -> Result<Option<ArrayView<'a, f32, D>>, Error> {
    match (planned, array) {
        (Some(planned), Some(array)) => planned.bind(|| path, array).map(Some),
        (None, None) => Ok(None),
        (planned, array) => Err(differing(path, planned, array.as_ref().map(ArrayViewD::shape))),
    }
}

fn write<'a, D: Dimension>(
    path: Path,
    planned: Option<&Gradient>,
    array: Option<ArrayViewMutD<'a, f32>>,
) -> Result<Option<Outgoing<ArrayViewMut<'a, f32, D>>>, Error> {
    match (planned, array) {
        (Some(Gradient { layout, accumulate }), Some(array)) => {
            let view = layout.bind_mut(|| path, array)?;
            Ok(Some(Outgoing { view, accumulate: *accumulate }))
        }
        (None, None) => Ok(None),
        (planned, array) => {
            let planned = planned.map(|gradient| &gradient.layout);
            Err(differing(path, planned, array.as_ref().map(ArrayViewMutD::shape)))
        }
    }
}

/// An array that is there and was not planned, or the other way round.
fn differing(path: Path, planned: Option<&Strided>, found: Option<&[usize]>) -> Error {
    let text =
        |shape: Option<&[usize]>| shape.map_or("none".to_owned(), |shape| format!("{shape:?}"));
    Error::ArrayMismatch { path, expected: text(planned.map(Strided::shape)), actual: text(found) }
}
