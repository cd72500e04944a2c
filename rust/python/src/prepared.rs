//! `PreparedLayer`: a layer that was checked, planned and packed once.
//!
//! In: the arrays of a checked layer, which are kept. Out: results in the caller's arrays, as often as they
//! are asked for. What an array holds may change between calls; its place and its shape cannot, since views
//! of our own are kept.

use crate::borrow::{GateSources, Sources, given, refused};
use crate::call::{Call, options, read};
use crate::errors::Failure;
use crate::memory::{Array, Held, Reading, ReadingInOrder, Writing, WritingInOrder};
use crate::params::{DataArrays, GateArrays, LayerArrays};
use bnns_lstm::{
    Checked, Code, Config, Error, Gate, Gates, InputSlices, Inputs, OutputSlices, Outputs, Path,
    Prepared,
};
use numpy::{PyArray3, PyArrayMethods, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Floating-point operations below which a call keeps the interpreter: giving it up and getting it back
/// takes longer than these.
const LEAST_WORK: f64 = 5e5;

/// A layer that was checked, planned and packed once; made by `prepare`.
#[pyclass(frozen, module = "bnns_lstm")]
pub(crate) struct PreparedLayer {
    prepared: Mutex<Prepared>,
    input: HeldData,
    output: HeldData,
    gates: Gates<HeldGate>,
    is_short: bool,
    /// Whether the elements of all arrays but the weights lie in C order.
    is_in_order: bool,
    shapes: Shapes,
}

/// Output, final hidden state, final cell state.
type NewArrays<'py> =
    (Bound<'py, PyArray3<f32>>, Bound<'py, PyArray3<f32>>, Bound<'py, PyArray3<f32>>);

/// The shapes of the arrays of `PreparedLayer.call`.
#[derive(Debug, Clone, Copy)]
struct Shapes {
    input: [usize; 3],
    output: [usize; 3],
    /// Without an axis of its own for directions, as modules have it.
    state: [usize; 3],
}

impl Shapes {
    fn new(config: &Config) -> Self {
        Self {
            input: config.input_shape(),
            output: config.output_shape(),
            state: config.state_shape(),
        }
    }
}

/// An array of this shape whose elements lie in C order, at addresses that floats may have.
fn in_order<'py>(
    object: &Bound<'py, PyAny>,
    shape: [usize; 3],
) -> Option<PyReadonlyArray3<'py, f32>> {
    let array = object.cast_exact::<PyArray3<f32>>().ok()?;
    if array.shape() != shape || !array.is_c_contiguous() {
        return None;
    }
    array.try_readonly().ok().filter(|array| array.as_slice().is_ok())
}

/// The arrays of a data descriptor.
#[derive(Debug)]
struct HeldData {
    data: Option<Held>,
    hidden: Option<Held>,
    cell: Option<Held>,
}

/// The arrays of a gate; `iw_upper` in the split form only.
#[derive(Debug)]
struct HeldGate {
    iw: Held,
    iw_upper: Option<Held>,
    hw: Held,
    cw: Option<Held>,
    b: Option<Held>,
}

/// Check, plan and pack a layer once.
///
/// Raises `DescriptorError` with every problem of the structure.
#[pyfunction]
#[pyo3(signature = (params, filter_params=None))]
pub(crate) fn prepare(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    filter_params: Option<&Bound<'_, PyAny>>,
) -> Result<PreparedLayer, Failure> {
    let Call { checked, filter, arrays, .. } = read(py, params, filter_params, None)?;
    let sources = Sources::new(&arrays, &checked, &Path::default())?;
    let options = options(&filter)?;
    let weights = sources.weights();
    let prepared = py.detach(|| Prepared::new(&checked, options, &weights))?;
    let LayerArrays { input, output, gates } = &arrays;
    let planned = checked.arrays();
    let gate = |gate: Gate| HeldGate::new(&checked, gate, gates.get(gate));
    let input = HeldData {
        data: hold(input.data.as_ref())?,
        hidden: hold(given(&planned.initial_hidden, input.hidden.as_ref()))?,
        cell: hold(given(&planned.initial_cell, input.cell.as_ref()))?,
    };
    let output = HeldData::new(output)?;
    Ok(PreparedLayer {
        is_short: checked.config().work() < LEAST_WORK,
        shapes: Shapes::new(checked.config()),
        is_in_order: prepared.plan().is_in_order()
            && input.is_in_order(py)
            && output.is_in_order(py),
        prepared: Mutex::new(prepared),
        input,
        output,
        gates: Gates {
            input: gate(Gate::Input)?,
            forget: gate(Gate::Forget)?,
            candidate: gate(Gate::Candidate)?,
            output: gate(Gate::Output)?,
        },
    })
}

#[pymethods]
impl PreparedLayer {
    /// Compute the layer from what its arrays hold now.
    fn forward(&self, py: Python<'_>) -> Result<(), Failure> {
        if self.is_in_order { self.forward_slices(py) } else { self.forward_views(py) }
    }

    /// Compute from other arrays, into new ones: from an input and initial states, `[layers * directions,
    /// batch, hidden]`, to output and final states. None if one of them is no array of float32 in C order and
    /// of the layer's shape, or if the layer was prepared without some array or in another order.
    fn call<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        hidden: &Bound<'py, PyAny>,
        cell: &Bound<'py, PyAny>,
    ) -> Result<Option<NewArrays<'py>>, Failure> {
        let Shapes { input, output, state } = self.shapes;
        let given = (in_order(data, input), in_order(hidden, state), in_order(cell, state));
        let (true, (Some(data), Some(hidden), Some(cell))) = (self.has_all_in_order(), given)
        else {
            return Ok(None);
        };
        let inputs = InputSlices {
            data: data.as_slice().unwrap_or_default(),
            hidden: Some(hidden.as_slice().unwrap_or_default()),
            cell: Some(cell.as_slice().unwrap_or_default()),
        };
        let new = |shape: [usize; 3]| PyArray3::<f32>::zeros(py, shape, false);
        let (y, hn, cn) = (new(output), new(state), new(state));
        {
            let (mut y, mut hn, mut cn) = (y.readwrite(), hn.readwrite(), cn.readwrite());
            let outputs = OutputSlices {
                data: y.as_slice_mut().ok(),
                hidden: hn.as_slice_mut().ok(),
                cell: cn.as_slice_mut().ok(),
            };
            if self.is_short {
                self.lock(py).forward_slices(inputs, outputs)?;
            } else {
                py.detach(|| lock(&self.prepared).forward_slices(inputs, outputs))?;
            }
        }
        Ok(Some((y, hn, cn)))
    }

    /// Pack the weights again, from what their arrays hold now.
    fn update_weights(&self, py: Python<'_>) -> Result<(), Failure> {
        let gate = |gate: Gate| self.gates.get(gate).read(py, gate);
        let gates = Gates {
            input: gate(Gate::Input)?,
            forget: gate(Gate::Forget)?,
            candidate: gate(Gate::Candidate)?,
            output: gate(Gate::Output)?,
        };
        let weights = Gates::from_fn(|gate| gates.get(gate).views());
        py.detach(|| lock(&self.prepared).update_weights(&weights))?;
        Ok(())
    }

    /// What was decided: level, tiles, threads, memory.
    fn explain(&self, py: Python<'_>) -> String {
        self.lock(py).plan().explain()
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<PreparedLayer: {}>", self.lock(py).plan().summary())
    }
}

impl PreparedLayer {
    /// Compute from arrays whose elements lie in order.
    fn forward_slices(&self, py: Python<'_>) -> Result<(), Failure> {
        let Self { input, output, .. } = self;
        let data = borrow(input.data.as_ref(), from("data_desc"), |held| held.read_in_order(py))?;
        let hidden = borrow(input.hidden.as_ref(), from(HIDDEN), |held| held.read_in_order(py))?;
        let cell = borrow(input.cell.as_ref(), from(CELL), |held| held.read_in_order(py))?;
        let mut y = borrow(output.data.as_ref(), to("data_desc"), |held| held.write_in_order(py))?;
        let mut hn = borrow(output.hidden.as_ref(), to(HIDDEN), |held| held.write_in_order(py))?;
        let mut cn = borrow(output.cell.as_ref(), to(CELL), |held| held.write_in_order(py))?;
        let inputs = InputSlices {
            data: data.as_ref().map(ReadingInOrder::elements).unwrap_or_default(),
            hidden: hidden.as_ref().map(ReadingInOrder::elements),
            cell: cell.as_ref().map(ReadingInOrder::elements),
        };
        let outputs = OutputSlices {
            data: y.as_mut().map(WritingInOrder::elements_mut),
            hidden: hn.as_mut().map(WritingInOrder::elements_mut),
            cell: cn.as_mut().map(WritingInOrder::elements_mut),
        };
        if self.is_short {
            self.lock(py).forward_slices(inputs, outputs)?;
        } else {
            py.detach(|| lock(&self.prepared).forward_slices(inputs, outputs))?;
        }
        Ok(())
    }

    /// Compute from arrays with any strides.
    fn forward_views(&self, py: Python<'_>) -> Result<(), Failure> {
        let Self { input, output, .. } = self;
        let data = borrow(input.data.as_ref(), from("data_desc"), |held| held.read(py))?;
        let hidden = borrow(input.hidden.as_ref(), from(HIDDEN), |held| held.read(py))?;
        let cell = borrow(input.cell.as_ref(), from(CELL), |held| held.read(py))?;
        let mut y = borrow(output.data.as_ref(), to("data_desc"), |held| held.write(py))?;
        let mut hn = borrow(output.hidden.as_ref(), to(HIDDEN), |held| held.write(py))?;
        let mut cn = borrow(output.cell.as_ref(), to(CELL), |held| held.write(py))?;
        let data = data.as_ref().map(Reading::view);
        let inputs = Inputs {
            data: data.ok_or_else(|| missing(from("data_desc")()))?,
            hidden: hidden.as_ref().map(Reading::view),
            cell: cell.as_ref().map(Reading::view),
        };
        let outputs = Outputs {
            data: y.as_mut().map(Writing::view_mut),
            hidden: hn.as_mut().map(Writing::view_mut),
            cell: cn.as_mut().map(Writing::view_mut),
        };
        if self.is_short {
            self.lock(py).forward(inputs, outputs)?;
        } else {
            py.detach(|| lock(&self.prepared).forward(inputs, outputs))?;
        }
        Ok(())
    }

    /// Whether all arrays are given, none of them in place, and lie in order.
    fn has_all_in_order(&self) -> bool {
        let Self { input, output, is_in_order, .. } = self;
        *is_in_order
            && [&input.hidden, &input.cell, &output.data, &output.hidden, &output.cell]
                .iter()
                .all(|held| held.is_some())
    }

    /// Wait for a call of another thread without keeping it from the interpreter.
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, Prepared> {
        loop {
            match self.prepared.try_lock() {
                Ok(prepared) => return prepared,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => py.detach(|| drop(lock(&self.prepared))),
            }
        }
    }
}

/// A panic during a computation leaves nothing behind that the next one reads.
fn lock(prepared: &Mutex<Prepared>) -> MutexGuard<'_, Prepared> {
    prepared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HeldData {
    fn is_in_order(&self, py: Python<'_>) -> bool {
        let Self { data, hidden, cell } = self;
        [data, hidden, cell].into_iter().flatten().all(|held| held.is_in_order(py))
    }

    fn new(arrays: &DataArrays<'_>) -> PyResult<Self> {
        let DataArrays { data, hidden, cell } = arrays;
        Ok(Self {
            data: hold(data.as_ref())?,
            hidden: hold(hidden.as_ref())?,
            cell: hold(cell.as_ref())?,
        })
    }
}

impl HeldGate {
    fn new(checked: &Checked, gate: Gate, arrays: &GateArrays<'_>) -> Result<Self, Failure> {
        let is_split = checked.arrays().gates.get(gate).iw_upper.is_some();
        let path = Path::field(gate.field());
        let required =
            |array: Option<&Array<'_>>, name| hold(array)?.ok_or_else(|| missing(path.then(name)));
        Ok(Self {
            iw: required(arrays.iw.as_ref(), "iw_desc")?,
            iw_upper: hold(arrays.iw_upper.as_ref().filter(|_| is_split))?,
            hw: required(arrays.hw.as_ref(), "hw_desc")?,
            cw: hold(arrays.cw.as_ref())?,
            b: hold(arrays.b.as_ref())?,
        })
    }

    fn read<'py>(&self, py: Python<'py>, gate: Gate) -> Result<GateSources<'py>, Failure> {
        let path = |name: &'static str| move || Path::field(gate.field()).then(name);
        let required = |held: &Held, name| {
            held.read(py).map_err(|code| refused(Path::field(gate.field()).then(name), code))
        };
        Ok(GateSources {
            iw: required(&self.iw, "iw_desc")?,
            iw_upper: borrow(self.iw_upper.as_ref(), path("iw_desc"), |held| held.read(py))?,
            hw: required(&self.hw, "hw_desc")?,
            cw: borrow(self.cw.as_ref(), path("cw_desc"), |held| held.read(py))?,
            b: borrow(self.b.as_ref(), path("b_desc"), |held| held.read(py))?,
        })
    }
}

fn hold(array: Option<&Array<'_>>) -> PyResult<Option<Held>> {
    array.map(Array::hold).transpose()
}

const HIDDEN: &str = "hidden_desc";
const CELL: &str = "cell_state_desc";

fn from(name: &'static str) -> impl FnOnce() -> Path {
    move || Path::field("input_descriptor").then(name)
}

fn to(name: &'static str) -> impl FnOnce() -> Path {
    move || Path::field("output_descriptor").then(name)
}

/// Borrow a kept array, where there is one.
fn borrow<'h, G>(
    held: Option<&'h Held>,
    path: impl FnOnce() -> Path,
    lend: impl FnOnce(&'h Held) -> Result<G, Code>,
) -> Result<Option<G>, Failure> {
    let Some(held) = held else { return Ok(None) };
    lend(held).map(Some).map_err(|code| refused(path(), code))
}

fn missing(path: Path) -> Failure {
    let (expected, actual) = ("an array".to_owned(), "none".to_owned());
    Error::ArrayMismatch { path, expected, actual }.into()
}
