//! `PreparedTraining`: training calls of one shape, planned once.
//!
//! In: a layer, whose weights' arrays are kept; for each call arrays of the same shapes, and a seed. Out: outputs and a
//! filled training cache. Weights are packed in each call, from what their arrays hold then.

use crate::borrow::{HeldWeights, lend_weights};
use crate::call::{ForwardArguments, options, read};
use crate::detached::detached;
use crate::errors::Failure;
use crate::given::{
    Given, GivenReading, GivenWriting, Three, are_apart, read_all, takes_others, write_all,
};
use crate::inside::Inside;
use crate::pool::Pool;
use bnns_lstm::binding::{LayerPlan, Plan, Workspace, cache_capacity, planned_training};
use bnns_lstm::{Error, Options};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

/// Training calls of one shape; made by `prepare_training`.
#[pyclass(frozen, module = "bnns_lstm")]
pub(crate) struct PreparedTraining {
    plan: Plan,
    workspaces: Pool<Workspace>,
    weights: HeldWeights,
    bytes: usize,
    /// Whether all arrays but the weights are given, and others can stand for them.
    takes_others: bool,
}

/// Check and plan training calls of a layer once; its weights are kept, of its other arrays the shapes and strides.
///
/// Raises `DescriptorError` with every problem of the structure.
#[pyfunction]
pub(crate) fn prepare_training(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    filter_params: &Bound<'_, PyAny>,
) -> Result<PreparedTraining, Failure> {
    let _inside = Inside::enter(py);
    let ForwardArguments { checked, filter, arrays, .. } =
        read(py, params, Some(filter_params), None)?;
    let options = Options { training: true, ..options(&filter)? };
    let (plan, workspace) = detached(py, || {
        let plan = Plan::new(&LayerPlan::new(&checked, options), &checked, options)?;
        let workspace = Workspace::new(&plan)?;
        Ok::<_, Error>((plan, workspace))
    })?;
    let (what, bytes) = ("the training cache", usize::MAX);
    let from = checked.arrays().input.as_ref().map(|_, array| array.given());
    let to = checked.arrays().output.as_ref().map(|_, array| array.as_ref());
    let mut all = from.each().into_iter().chain(to.each());
    Ok(PreparedTraining {
        bytes: cache_capacity(checked.config()).ok_or(Error::OutOfMemory { what, bytes })?,
        takes_others: all.all(|array| array.is_some_and(takes_others)),
        weights: HeldWeights::new(&arrays, &checked)?,
        workspaces: Pool::new(workspace),
        plan,
    })
}

#[pymethods]
impl PreparedTraining {
    /// Bytes of the training cache.
    #[getter]
    fn nbytes(&self) -> usize {
        self.bytes
    }

    /// Compute with dropout of this seed, from input and states before into output and states after, each of the shape
    /// of the array that it was prepared with and, where that one had gaps, with any strides; and fill the cache.
    /// False, and nothing is computed, if one of them is no such array of float32, or is in use, or if the layer was
    /// prepared without some array.
    fn forward(
        &self,
        py: Python<'_>,
        inputs: Three<'_>,
        outputs: Three<'_>,
        cache: &Bound<'_, PyAny>,
        seed: u64,
    ) -> Result<bool, Failure> {
        let _inside = Inside::enter(py);
        let planned = self.plan.checked().arrays();
        let from = planned.input.as_ref().map(|_, array| array.given());
        let to = planned.output.as_ref().map(|_, array| array.as_ref());
        let given = (Given::three(inputs, from), Given::three(outputs, to));
        let (true, (Some(inputs), Some(outputs))) = (self.takes_others, given) else {
            return Ok(false);
        };
        if !are_apart([&inputs], &outputs) {
            return Ok(false);
        }
        let Ok(cache) = cache.cast_exact::<PyArray1<u8>>() else { return Ok(false) };
        let borrowed = (read_all(&inputs)?, write_all(&outputs)?, cache.try_readwrite());
        let (Some(inputs), Some(mut outputs), Ok(mut cache)) = borrowed else { return Ok(false) };
        let Ok(cache) = cache.as_slice_mut() else { return Ok(false) };
        let inputs = inputs.as_ref().map(|_, array| array.as_ref().map(GivenReading::lend));
        let outputs = outputs.as_mut().map(|_, array| array.as_mut().map(GivenWriting::lend));
        let weights = self.weights.read(py)?;
        let weights = lend_weights(&weights);
        let plan = self.plan.with_seed(seed);
        let make = || Workspace::new(&plan);
        self.workspaces.compute(py, make, |workspace, interrupt| {
            let room = (&*plan, workspace);
            planned_training(room, &weights, inputs, outputs, cache, Some(interrupt))
        })?;
        Ok(true)
    }
}
