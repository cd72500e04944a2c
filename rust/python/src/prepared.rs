//! `PreparedLayer`: a layer that was checked, planned and packed once.
//!
//! In: the arrays of a checked layer, which are kept, and weights that were packed before, if there are any.
//! Out: results in the caller's arrays, as often as they are asked for. What an array holds may change between
//! calls; its place and its shape cannot, since views of our own are kept.

use crate::borrow::{Sources, checked_inputs, lend, lend_mut, refused};
use crate::call::{Call, options, read};
use crate::errors::Failure;
use crate::memory::{Array, Held};
use crate::weights::PackedWeights;
use bnns_lstm::{
    Code, Config, DataField, DataFields, Inputs, Lent, LentMut, Outputs, Path, Prepared, Side,
};
use numpy::{PyArray3, PyArrayMethods, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// A layer that was checked, planned and packed once; made by `prepare`.
#[pyclass(frozen, module = "bnns_lstm")]
pub(crate) struct PreparedLayer {
    prepared: Mutex<Prepared>,
    input: DataFields<Option<Held>>,
    output: DataFields<Option<Held>>,
    weights: Py<PackedWeights>,
    /// Whether a call is so short that it keeps the interpreter.
    is_short: bool,
    /// Whether all arrays but the weights are given, none of them in place, and their elements lie in C order.
    takes_others: bool,
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
    hidden: [usize; 3],
    /// As `hidden`.
    cell: [usize; 3],
}

impl Shapes {
    fn new(config: &Config) -> Self {
        Self {
            input: config.input_shape(),
            output: config.output_shape(),
            hidden: config.hidden_shape(),
            cell: config.cell_shape(),
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

/// Check, plan and pack a layer once; or not pack it, where its weights have been packed before.
///
/// Raises `DescriptorError` with every problem of the structure, `ComputeError` for weights of another layer.
#[pyfunction]
#[pyo3(signature = (params, filter_params=None, weights=None))]
pub(crate) fn prepare(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    filter_params: Option<&Bound<'_, PyAny>>,
    weights: Option<Py<PackedWeights>>,
) -> Result<PreparedLayer, Failure> {
    let Call { checked, filter, arrays, .. } = read(py, params, filter_params, None)?;
    let options = options(&filter)?;
    let (prepared, weights) = if let Some(weights) = weights {
        let packed = Arc::clone(&weights.get().current());
        (py.detach(|| Prepared::sharing(&checked, options, &packed))?, weights)
    } else {
        let sources = Sources::new(&arrays, &checked, &Path::default())?;
        let views = sources.weights();
        let prepared = py.detach(|| Prepared::new(&checked, options, &views))?;
        let weights = PackedWeights::new(&checked, &arrays, prepared.weights())?;
        (prepared, Py::new(py, weights)?)
    };
    let hold = |array: Option<&Array<'_>>| array.map(Array::hold).transpose();
    let input = checked_inputs(&arrays, &checked).try_map(|_, array| hold(array))?;
    let output = arrays.output.as_ref().try_map(|_, array| hold(array.as_ref()))?;
    let is_in_order = |held: &Option<Held>| held.as_ref().is_some_and(|held| held.is_in_order(py));
    Ok(PreparedLayer {
        is_short: prepared.plan().is_short(),
        shapes: Shapes::new(checked.config()),
        takes_others: checked.arrays().is_in_order()
            && input.each().into_iter().chain(output.each()).all(is_in_order),
        prepared: Mutex::new(prepared),
        input,
        output,
        weights,
    })
}

#[pymethods]
impl PreparedLayer {
    /// Compute the layer from what its arrays hold now.
    fn forward(&self, py: Python<'_>) -> Result<(), Failure> {
        let path = |field: DataField, side| move || field.path(&Path::default(), side);
        let inputs = self.input.as_ref().try_map(|field, held| {
            borrow(held.as_ref(), path(field, Side::Input), |held| held.read(py))
        })?;
        let mut outputs = self.output.as_ref().try_map(|field, held| {
            borrow(held.as_ref(), path(field, Side::Output), |held| held.write(py))
        })?;
        self.run(py, lend(&inputs), lend_mut(&mut outputs))
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
        let shapes = self.shapes;
        let given = (
            in_order(data, shapes.input),
            in_order(hidden, shapes.hidden),
            in_order(cell, shapes.cell),
        );
        let (true, (Some(data), Some(hidden), Some(cell))) = (self.takes_others, given) else {
            return Ok(None);
        };
        let inputs = DataFields { data: &data, hidden: &hidden, cell: &cell };
        let inputs = inputs.map(|_, array| array.as_slice().ok().map(Lent::InOrder));
        let new = |shape: [usize; 3]| PyArray3::<f32>::zeros(py, shape, false);
        let (y, hn, cn) = (new(shapes.output), new(shapes.hidden), new(shapes.cell));
        {
            let (y, hn, cn) = (y.readwrite(), hn.readwrite(), cn.readwrite());
            let mut outputs = DataFields { data: y, hidden: hn, cell: cn };
            let outputs = outputs.as_mut();
            let outputs = outputs.map(|_, array| array.as_slice_mut().ok().map(LentMut::InOrder));
            self.run(py, inputs, outputs)?;
        }
        Ok(Some((y, hn, cn)))
    }

    /// Pack the weights again, from what their arrays hold now.
    fn update_weights(&self, py: Python<'_>) -> Result<(), Failure> {
        self.weights.get().update(py)
    }

    /// The packed weights, to prepare other layers with.
    #[getter]
    fn weights(&self, py: Python<'_>) -> Py<PackedWeights> {
        self.weights.clone_ref(py)
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
    /// Compute; without the interpreter where that is worth it.
    fn run<'a>(
        &self,
        py: Python<'_>,
        inputs: Inputs<'a>,
        outputs: Outputs<'a>,
    ) -> Result<(), Failure> {
        let weights = self.weights.get();
        let forward = |mut prepared: MutexGuard<'_, Prepared>| {
            // They may have been packed anew since the last call.
            prepared.share_weights(&weights.current())?;
            prepared.forward(inputs, outputs)
        };
        if self.is_short {
            forward(self.lock(py))?;
        } else {
            py.detach(|| forward(lock(&self.prepared)))?;
        }
        Ok(())
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

/// Borrow a kept array, where there is one.
fn borrow<'h, G>(
    held: Option<&'h Held>,
    path: impl FnOnce() -> Path,
    lend: impl FnOnce(&'h Held) -> Result<G, Code>,
) -> Result<Option<G>, Failure> {
    let Some(held) = held else { return Ok(None) };
    lend(held).map(Some).map_err(|code| refused(path(), code))
}
