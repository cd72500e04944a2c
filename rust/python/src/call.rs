//! The functions that compute, as Python calls them.
//!
//! In: the caller's objects. Out: results in the caller's arrays. Objects are read and arrays are borrowed
//! while the interpreter is held; planning, packing and running happen without it.

use crate::borrow::{self, Sources, lend_mut, write_data};
use crate::cache::{Use, check_apart, path, read_cache};
use crate::errors::Failure;
use crate::gradients::Gradients;
use crate::info::{level, products};
use crate::inside::Inside;
use crate::interrupt::interruptible;
use crate::memory::{Array, Reading, Writing};
use crate::params::{Layer, LayerArrays, read_filter, read_layer, read_layer_of_pair};
use crate::reader::Reader;
use crate::sequence::Values;
use bnns_lstm::binding::{
    CellStates, Checked, CheckedBackward, Side, apply_backward, apply_forward, cache_capacity,
    check_after, check_backward_after,
};
use bnns_lstm::{
    Data, DescriptorError, Error, FilterParameters, Issue, LayerParametersLSTM, Options, Path,
};
use numpy::{PyArray4, PyArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// A number for each axis, a tuple in Python.
type Axes = (usize, usize, usize, usize);

/// Check a layer without computing anything.
///
/// Raises `DescriptorError` with every problem of the structure.
#[pyfunction]
#[pyo3(signature = (params, filter_params=None))]
pub(crate) fn validate(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    filter_params: Option<&Bound<'_, PyAny>>,
) -> Result<(), Failure> {
    let _inside = Inside::enter(py);
    read(py, params, filter_params, None).map(|_| ())
}

/// Bytes of the training cache of a layer.
///
/// Raises `DescriptorError` with every problem of the structure.
#[pyfunction]
#[pyo3(signature = (params, filter_params=None))]
pub(crate) fn compute_lstm_training_cache_capacity(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    filter_params: Option<&Bound<'_, PyAny>>,
) -> Result<usize, Failure> {
    let _inside = Inside::enter(py);
    let call = read(py, params, filter_params, None)?;
    let (what, bytes) = ("the training cache", usize::MAX);
    Ok(cache_capacity(call.checked.config()).ok_or(Error::OutOfMemory { what, bytes })?)
}

/// Offset, shape and strides of what a training cache has of the last layer's cell states
/// `[seq_len, batch, directions, units]`, offset and strides in bytes; None with checkpoints.
///
/// Raises `DescriptorError` with every problem of the structure.
#[pyfunction]
#[pyo3(name = "_cached_cell_states", signature = (params, filter_params=None))]
pub(crate) fn cached_cell_states<'py>(
    py: Python<'py>,
    params: &Bound<'py, PyAny>,
    filter_params: Option<&Bound<'py, PyAny>>,
) -> Result<Option<Bound<'py, PyTuple>>, Failure> {
    let _inside = Inside::enter(py);
    let call = read(py, params, filter_params, None)?;
    let Some(cells) = CellStates::new(call.checked.config()) else { return Ok(None) };
    let (shape, strides): (Axes, Axes) = (cells.shape.into(), cells.strides.into());
    Ok(Some((cells.offset, shape, strides).into_pyobject(py)?))
}

/// The factors of dropout, `[num_layers - 1, seq_len, batch_size, directions * hidden_size]`; where the layer has a
/// projection, hidden_size is projection_size.
///
/// Raises `DescriptorError` with every problem of the structure.
#[pyfunction]
#[pyo3(signature = (params, filter_params=None))]
pub(crate) fn dropout_mask<'py>(
    py: Python<'py>,
    params: &Bound<'py, PyAny>,
    filter_params: Option<&Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyArray4<f32>>, Failure> {
    let _inside = Inside::enter(py);
    let call = read(py, params, filter_params, None)?;
    let config = call.checked.config();
    // NumPy allocates it, so that too much of it is a MemoryError.
    let numpy = py.import("numpy")?;
    let mask = numpy.call_method1("ones", (config.dropout_shape(), numpy.getattr("float32")?))?;
    let mask = mask.cast_into::<PyArray4<f32>>().map_err(PyErr::from)?;
    for (layer, mut of_layer) in mask.readwrite().as_array_mut().outer_iter_mut().enumerate() {
        for (step, mut at_step) in of_layer.outer_iter_mut().enumerate() {
            for (sample, mut row) in at_step.outer_iter_mut().enumerate() {
                if let Some(row) = row.as_slice_mut() {
                    config.dropout_factors(layer, step, sample, row);
                }
            }
        }
    }
    Ok(mask)
}

/// Compute a layer: reads `input_descriptor` and the gates, writes `output_descriptor` and the cache.
///
/// Raises `DescriptorError` with every problem of the structure, or `CacheError`; nothing was written then.
#[pyfunction]
#[pyo3(signature = (params, filter_params=None, cache=None))]
pub(crate) fn direct_apply_lstm_batch_training_caching(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    filter_params: Option<&Bound<'_, PyAny>>,
    cache: Option<&Bound<'_, PyAny>>,
) -> Result<(), Failure> {
    let _inside = Inside::enter(py);
    let ForwardArguments { checked, filter, arrays, cache } =
        read(py, params, filter_params, cache)?;
    let sources = Sources::new(&arrays, &checked, &Path::default())?;
    let mut results = write_data(&arrays.output, &Path::default(), Side::Output)?;
    let mut cache = borrow::write::<u8>(cache.as_ref(), path)?;
    let cache = cache.as_mut().and_then(Writing::as_slice_mut);
    let options = options(&filter)?;
    let (weights, inputs, outputs) = (sources.weights(), sources.inputs(), lend_mut(&mut results));
    interruptible(py, |interrupt| {
        apply_forward(&checked, options, &weights, inputs, outputs, cache, Some(interrupt))
    })
}

/// Compute gradients: reads `params` and the incoming ones in `delta_params.output_descriptor`, writes the
/// other arrays of `delta_params`.
///
/// Raises `DescriptorError` with every problem of both structures, or `CacheError`; nothing was written then.
#[pyfunction]
#[pyo3(signature = (params, delta_params, filter_params=None, cache=None))]
pub(crate) fn direct_apply_lstm_batch_backward(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    delta_params: &Bound<'_, PyAny>,
    filter_params: Option<&Bound<'_, PyAny>>,
    cache: Option<&Bound<'_, PyAny>>,
) -> Result<(), Failure> {
    let _inside = Inside::enter(py);
    let call = read_pair(py, params, delta_params, filter_params, cache)?;
    let BackwardArguments { checked, filter, arrays, delta, cache } = call;
    let sources = Sources::new(&arrays, checked.forward(), &Path::field("params"))?;
    let mut gradients = Gradients::new(&delta, &checked, &Path::field("delta_params"))?;
    let cache = borrow::read::<u8>(cache.as_ref(), path)?;
    let cache = cache.as_ref().and_then(Reading::as_slice);
    let options = options(&filter)?;
    let (weights, inputs, gradients) = (sources.weights(), sources.inputs(), gradients.views());
    interruptible(py, |interrupt| {
        apply_backward(&checked, options, &weights, inputs, gradients, cache, Some(interrupt))
    })
}

/// How the core is to run.
pub(crate) fn options(filter: &FilterParameters) -> Result<Options, Error> {
    let (level, products) = (level()?, products()?);
    Ok(Options { level, products, n_threads: filter.n_threads, ..Options::default() })
}

/// What a forward call needs: a checked layer and its arrays.
pub(crate) struct ForwardArguments<'py> {
    pub(crate) checked: Checked,
    pub(crate) filter: FilterParameters,
    pub(crate) arrays: LayerArrays<'py>,
    cache: Option<Array<'py>>,
}

/// What a backward call needs.
pub(crate) struct BackwardArguments<'py> {
    pub(crate) checked: CheckedBackward,
    pub(crate) filter: FilterParameters,
    pub(crate) arrays: LayerArrays<'py>,
    pub(crate) delta: LayerArrays<'py>,
    cache: Option<Array<'py>>,
}

/// Read and check the objects of a forward call.
pub(crate) fn read<'py>(
    py: Python<'py>,
    params: &Bound<'py, PyAny>,
    filter_params: Option<&Bound<'py, PyAny>>,
    cache: Option<&Bound<'py, PyAny>>,
) -> Result<ForwardArguments<'py>, Failure> {
    let mut reader = Reader::new(py);
    let filter = read_filter(&mut reader, filter_params)?;
    let layer = read_layer(&mut reader, params)?;
    let cache = read_cache(&mut reader, cache, Use::Fill)?;
    if let Some(Layer { arrays, .. }) = &layer {
        let all = arrays.inputs().chain(arrays.outputs());
        check_apart(&mut reader, cache.as_ref(), all)?;
    }
    let found = reader.into_issues();
    let Some(Layer { mut params, batch_sizes, arrays }) = layer else {
        return Err(refused(found));
    };
    lend(&mut params, batch_sizes.as_ref());
    let checked = check_after(found, &params, &filter)?;
    Ok(ForwardArguments { checked, filter, arrays, cache })
}

/// Read and check the objects of a backward call.
pub(crate) fn read_pair<'py>(
    py: Python<'py>,
    params: &Bound<'py, PyAny>,
    delta_params: &Bound<'py, PyAny>,
    filter_params: Option<&Bound<'py, PyAny>>,
    cache: Option<&Bound<'py, PyAny>>,
) -> Result<BackwardArguments<'py>, Failure> {
    let mut reader = Reader::new(py);
    let filter = read_filter(&mut reader, filter_params)?;
    let layer = read_layer_of_pair(&mut reader, params, "params")?;
    let delta = read_layer_of_pair(&mut reader, delta_params, "delta_params")?;
    let cache = read_cache(&mut reader, cache, Use::Read)?;
    if let Some(Layer { arrays, .. }) = &delta {
        check_apart(&mut reader, cache.as_ref(), arrays.inputs())?;
    }
    let found = reader.into_issues();
    let (Some(layer), Some(delta)) = (layer, delta) else { return Err(refused(found)) };
    let Layer { mut params, batch_sizes, arrays } = layer;
    lend(&mut params, batch_sizes.as_ref());
    let Layer { params: mut delta_params, batch_sizes, arrays: delta } = delta;
    lend(&mut delta_params, batch_sizes.as_ref());
    let checked = check_backward_after(found, &params, &delta_params, &filter)?;
    Ok(BackwardArguments { checked, filter, arrays, delta, cache })
}

/// Give a structure the integers of its sequence descriptor.
fn lend<'v>(params: &mut LayerParametersLSTM<'v>, batch_sizes: Option<&'v Values<'_>>) {
    if let Some(values) = batch_sizes {
        params.sequence_descriptor.data = Data::Integers(values.as_integers());
    }
}

/// What was found in the arguments; where nothing was, `params` is no layer at all.
pub(crate) fn refused(found: Vec<Issue>) -> Failure {
    let error = DescriptorError::from_issues(found).map(Failure::from);
    error.unwrap_or_else(|| PyTypeError::new_err("params: expected LayerParametersLSTM").into())
}
