//! The arrays of a layer, borrowed.
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

/// The arrays that both passes read.
#[derive(Debug)]
pub(crate) struct Sources<'py> {
    input: Reading<'py, f32>,
    initial_hidden: Option<Reading<'py, f32>>,
    initial_cell: Option<Reading<'py, f32>>,
    gates: Gates<GateSources<'py>>,
}

/// The weights of a gate.
#[derive(Debug)]
pub(crate) struct GateSources<'py> {
    pub(crate) iw: Reading<'py, f32>,
    pub(crate) iw_upper: Option<Reading<'py, f32>>,
    pub(crate) hw: Reading<'py, f32>,
    pub(crate) cw: Option<Reading<'py, f32>>,
    pub(crate) b: Option<Reading<'py, f32>>,
}

/// The arrays that the forward pass writes.
#[derive(Debug)]
pub(crate) struct Results<'py> {
    data: Option<Writing<'py, f32>>,
    hidden: Option<Writing<'py, f32>>,
    cell: Option<Writing<'py, f32>>,
}

impl<'py> Sources<'py> {
    /// Borrow what the checked layer reads; `root` is the path of the layer. A state that is carried on in
    /// place is left to its final state, which is written.
    pub(crate) fn new(
        arrays: &LayerArrays<'py>,
        checked: &Checked,
        root: &Path,
    ) -> Result<Self, Failure> {
        let LayerArrays { input, gates, .. } = arrays;
        let from = |name: &'static str| move || root.then("input_descriptor").then(name);
        let hidden = given(&checked.arrays().initial_hidden, input.hidden.as_ref());
        let cell = given(&checked.arrays().initial_cell, input.cell.as_ref());
        let gate = |gate: Gate| {
            let is_split = checked.arrays().gates.get(gate).iw_upper.is_some();
            GateSources::new(gates.get(gate), &root.then(gate.field()), is_split)
        };
        Ok(Self {
            input: required(input.data.as_ref(), from("data_desc"))?,
            initial_hidden: read(hidden, from("hidden_desc"))?,
            initial_cell: read(cell, from("cell_state_desc"))?,
            gates: Gates {
                input: gate(Gate::Input)?,
                forget: gate(Gate::Forget)?,
                candidate: gate(Gate::Candidate)?,
                output: gate(Gate::Output)?,
            },
        })
    }

    /// The weights for the core.
    pub(crate) fn weights(&self) -> WeightViews<'_> {
        Gates::from_fn(|gate| self.gates.get(gate).views())
    }

    /// Input and initial states for the core.
    pub(crate) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            data: self.input.view(),
            hidden: self.initial_hidden.as_ref().map(Reading::view),
            cell: self.initial_cell.as_ref().map(Reading::view),
        }
    }
}

impl<'py> GateSources<'py> {
    fn new(arrays: &GateArrays<'py>, path: &Path, is_split: bool) -> Result<Self, Failure> {
        let field = |name: &'static str| move || path.then(name);
        let iw = |index: usize| move || path.then("iw_desc").at(index);
        let GateArrays { iw: lowest, iw_upper, hw, cw, b } = arrays;
        Ok(Self {
            iw: required(lowest.as_ref(), iw(0))?,
            iw_upper: read(iw_upper.as_ref().filter(|_| is_split), iw(1))?,
            hw: required(hw.as_ref(), field("hw_desc"))?,
            cw: read(cw.as_ref(), field("cw_desc"))?,
            b: read(b.as_ref(), field("b_desc"))?,
        })
    }

    /// For the core.
    pub(crate) fn views(&self) -> GateViews<'_> {
        GateViews {
            iw: self.iw.view(),
            iw_upper: self.iw_upper.as_ref().map(Reading::view),
            hw: self.hw.view(),
            cw: self.cw.as_ref().map(Reading::view),
            b: self.b.as_ref().map(Reading::view),
        }
    }
}

impl<'py> Results<'py> {
    /// Borrow the outputs.
    pub(crate) fn new(arrays: &LayerArrays<'py>) -> Result<Self, Failure> {
        let DataArrays { data, hidden, cell } = &arrays.output;
        let to = |name: &'static str| move || Path::field("output_descriptor").then(name);
        Ok(Self {
            data: write(data.as_ref(), to("data_desc"))?,
            hidden: write(hidden.as_ref(), to("hidden_desc"))?,
            cell: write(cell.as_ref(), to("cell_state_desc"))?,
        })
    }

    /// The outputs for the core.
    pub(crate) fn outputs(&mut self) -> Outputs<'_> {
        Outputs {
            data: self.data.as_mut().map(Writing::view_mut),
            hidden: self.hidden.as_mut().map(Writing::view_mut),
            cell: self.cell.as_mut().map(Writing::view_mut),
        }
    }
}

/// The array of an initial state that is read from memory of its own.
pub(crate) fn given<'a, 'py>(
    state: &InitialState,
    array: Option<&'a Array<'py>>,
) -> Option<&'a Array<'py>> {
    array.filter(|_| matches!(state, InitialState::Given(_)))
}

/// Borrow an array to read, where there is one.
pub(crate) fn read<'py>(
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

/// Borrow an array to write, where there is one.
pub(crate) fn write<'py>(
    array: Option<&Array<'py>>,
    path: impl FnOnce() -> Path,
) -> Result<Option<Writing<'py, f32>>, Failure> {
    let Some(array) = array else { return Ok(None) };
    array.write()?.map(Some).map_err(|code| refused(path(), code))
}

/// An array that cannot be borrowed.
pub(crate) fn refused(path: Path, code: Code) -> Failure {
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
