//! The arrays of a call, borrowed.
//!
//! In: a checked layer and its arrays. Out: guards that live as long as the computation, and the views that
//! the core takes; or the field whose array somebody else is using. It computes nothing.

use crate::errors::Failure;
use crate::memory::{Array, Reading, Writing};
use crate::params::{DataArrays, GateArrays, LayerArrays};
use bnns_lstm::{
    Checked, Code, DescriptorError, Error, Gate, GateViews, Gates, InitialState, Inputs, Issue,
    Outputs, Path, WeightViews,
};

/// All arrays of a call.
#[derive(Debug)]
pub(crate) struct Borrowed<'py> {
    input: Reading<'py, f32>,
    initial_hidden: Option<Reading<'py, f32>>,
    initial_cell: Option<Reading<'py, f32>>,
    output: Option<Writing<'py, f32>>,
    final_hidden: Option<Writing<'py, f32>>,
    final_cell: Option<Writing<'py, f32>>,
    gates: Gates<BorrowedGate<'py>>,
}

/// The arrays of a gate.
#[derive(Debug)]
struct BorrowedGate<'py> {
    iw: Reading<'py, f32>,
    iw_upper: Option<Reading<'py, f32>>,
    hw: Reading<'py, f32>,
    cw: Option<Reading<'py, f32>>,
    b: Option<Reading<'py, f32>>,
}

impl<'py> Borrowed<'py> {
    /// Borrow what the checked layer uses. A state that is carried on in place is borrowed once, to write.
    pub(crate) fn new(arrays: &LayerArrays<'py>, checked: &Checked) -> Result<Self, Failure> {
        let LayerArrays { input, output, gates } = arrays;
        let DataArrays { data, hidden, cell } = output;
        let from = |name: &'static str| move || Path::field("input_descriptor").then(name);
        let to = |name: &'static str| move || Path::field("output_descriptor").then(name);
        let hidden_in = given(&checked.arrays().initial_hidden, input.hidden.as_ref());
        let cell_in = given(&checked.arrays().initial_cell, input.cell.as_ref());
        let gate = |gate: Gate| {
            let is_split = checked.arrays().gates.get(gate).iw_upper.is_some();
            BorrowedGate::new(gates.get(gate), gate, is_split)
        };
        Ok(Self {
            input: required(input.data.as_ref(), from("data_desc"))?,
            initial_hidden: read(hidden_in, from("hidden_desc"))?,
            initial_cell: read(cell_in, from("cell_state_desc"))?,
            output: write(data.as_ref(), to("data_desc"))?,
            final_hidden: write(hidden.as_ref(), to("hidden_desc"))?,
            final_cell: write(cell.as_ref(), to("cell_state_desc"))?,
            gates: Gates {
                input: gate(Gate::Input)?,
                forget: gate(Gate::Forget)?,
                candidate: gate(Gate::Candidate)?,
                output: gate(Gate::Output)?,
            },
        })
    }

    /// The views for the core.
    pub(crate) fn views(&mut self) -> (WeightViews<'_>, Inputs<'_>, Outputs<'_>) {
        let gates = &self.gates;
        let weights = Gates::from_fn(|gate| gates.get(gate).views());
        let inputs = Inputs {
            data: self.input.view(),
            hidden: self.initial_hidden.as_ref().map(Reading::view),
            cell: self.initial_cell.as_ref().map(Reading::view),
        };
        let outputs = Outputs {
            data: self.output.as_mut().map(Writing::view_mut),
            hidden: self.final_hidden.as_mut().map(Writing::view_mut),
            cell: self.final_cell.as_mut().map(Writing::view_mut),
        };
        (weights, inputs, outputs)
    }
}

impl<'py> BorrowedGate<'py> {
    fn new(arrays: &GateArrays<'py>, gate: Gate, is_split: bool) -> Result<Self, Failure> {
        let path = |name: &'static str| move || Path::field(gate.field()).then(name);
        let iw = |index: usize| move || Path::field(gate.field()).then("iw_desc").at(index);
        let GateArrays { iw: lowest, iw_upper, hw, cw, b } = arrays;
        Ok(Self {
            iw: required(lowest.as_ref(), iw(0))?,
            iw_upper: read(iw_upper.as_ref().filter(|_| is_split), iw(1))?,
            hw: required(hw.as_ref(), path("hw_desc"))?,
            cw: read(cw.as_ref(), path("cw_desc"))?,
            b: read(b.as_ref(), path("b_desc"))?,
        })
    }

    fn views(&self) -> GateViews<'_> {
        GateViews {
            iw: self.iw.view(),
            iw_upper: self.iw_upper.as_ref().map(Reading::view),
            hw: self.hw.view(),
            cw: self.cw.as_ref().map(Reading::view),
            b: self.b.as_ref().map(Reading::view),
        }
    }
}

/// The array of an initial state that is read from memory of its own.
fn given<'a, 'py>(state: &InitialState, array: Option<&'a Array<'py>>) -> Option<&'a Array<'py>> {
    array.filter(|_| matches!(state, InitialState::Given(_)))
}

fn read<'py>(
    array: Option<&Array<'py>>,
    path: impl FnOnce() -> Path,
) -> Result<Option<Reading<'py, f32>>, Failure> {
    let Some(array) = array else { return Ok(None) };
    array.read()?.map(Some).map_err(|code| refused(path(), code))
}

fn required<'py>(
    array: Option<&Array<'py>>,
    path: impl Fn() -> Path,
) -> Result<Reading<'py, f32>, Failure> {
    read(array, &path)?.ok_or_else(|| {
        let (expected, actual) = ("an array".to_owned(), "none".to_owned());
        Error::ArrayMismatch { path: path(), expected, actual }.into()
    })
}

fn write<'py>(
    array: Option<&Array<'py>>,
    path: impl FnOnce() -> Path,
) -> Result<Option<Writing<'py, f32>>, Failure> {
    let Some(array) = array else { return Ok(None) };
    array.write()?.map(Some).map_err(|code| refused(path(), code))
}

fn refused(path: Path, code: Code) -> Failure {
    let (expected, actual) = match code {
        Code::InUse => ("an array that nobody else is using", "one that is in use"),
        Code::ReadOnly => ("writable memory", "a read-only array"),
        _ => ("the array that was checked", "another one"),
    };
    let issue = Issue {
        path: path.clone(),
        code,
        expected: expected.to_owned(),
        actual: actual.to_owned(),
    };
    let error = DescriptorError::from_issues(vec![issue]).map(Error::from);
    error.unwrap_or(Error::WrongPlan { what: "an array" }).into()
}
