//! The functions that compute, as Python calls them.
//!
//! In: the caller's objects. Out: results in the caller's arrays. Objects are read and arrays are borrowed
//! while the interpreter is held; planning, packing and running happen without it.

use crate::borrow::Borrowed;
use crate::errors::Failure;
use crate::info::level;
use crate::params::{Layer, LayerArrays, read_filter, read_layer};
use crate::reader::Reader;
use bnns_lstm::{
    Checked, Data, DescriptorError, Error, FilterParameters, Inputs, Options, Outputs, Plan,
    WeightViews, Weights, Workspace, check_after, forward,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

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
    read(py, params, filter_params).map(|_| ())
}

/// Compute a layer: reads `input_descriptor` and the gates, writes `output_descriptor`.
///
/// Raises `DescriptorError` with every problem of the structure; nothing was written then.
#[pyfunction]
#[pyo3(signature = (params, filter_params=None))]
pub(crate) fn direct_apply_lstm_batch_training_caching(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    filter_params: Option<&Bound<'_, PyAny>>,
) -> Result<(), Failure> {
    let Call { checked, filter, arrays } = read(py, params, filter_params)?;
    let options = Options { level: level()?, n_threads: filter.n_threads, ..Options::default() };
    let mut borrowed = Borrowed::new(&arrays, &checked)?;
    let (weights, inputs, outputs) = borrowed.views();
    py.detach(|| compute(&checked, options, &weights, inputs, outputs))?;
    Ok(())
}

/// What a call needs: a checked layer and its arrays.
struct Call<'py> {
    checked: Checked,
    filter: FilterParameters,
    arrays: LayerArrays<'py>,
}

/// Read and check the objects of a call.
fn read<'py>(
    py: Python<'py>,
    params: &Bound<'py, PyAny>,
    filter_params: Option<&Bound<'py, PyAny>>,
) -> Result<Call<'py>, Failure> {
    let mut reader = Reader::new(py);
    let filter = read_filter(&mut reader, filter_params)?;
    let layer = read_layer(&mut reader, params)?;
    let found = reader.into_issues();
    let Some(Layer { params, batch_sizes, arrays }) = layer else {
        let error = DescriptorError::from_issues(found).map(Failure::from);
        let other = || PyTypeError::new_err("params: expected LayerParametersLSTM").into();
        return Err(error.unwrap_or_else(other));
    };
    let mut params = params;
    if let Some(values) = &batch_sizes {
        params.sequence_descriptor.data = Data::Integers(values.as_integers());
    }
    let checked = check_after(found, &params, &filter)?;
    Ok(Call { checked, filter, arrays })
}

/// Plan, pack and run, without the interpreter.
fn compute<'a>(
    checked: &Checked,
    options: Options,
    weights: &WeightViews<'_>,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
) -> Result<(), Error> {
    let plan = Plan::new(checked, options)?;
    let weights = Weights::pack(&plan, weights)?;
    let mut workspace = Workspace::new(&plan)?;
    forward(&plan, &weights, &mut workspace, inputs, outputs)
}
