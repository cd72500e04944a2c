//! `PreparedTraining`: training calls of one shape, planned once.
//!
//! In: a layer, whose weights' arrays are kept; for each call arrays of the same shapes, and a seed. Out: outputs and a
//! filled training cache. Weights are packed in each call, from what their arrays hold then.

use crate::borrow::{WeightReadings, borrow, checked_weights, hold, lend_weights};
use crate::call::{ForwardArguments, options, read};
use crate::detached::detached;
use crate::errors::Failure;
use crate::given::{
    Given, GivenReading, GivenWriting, Three, are_apart, read_all, takes_others, write_all,
};
use crate::inside::Inside;
use crate::interrupt::interruptible;
use crate::memory::Held;
use crate::params::LayerArrays;
use crate::pool::Pool;
use bnns_lstm::binding::{
    Checked, LayerPlan, Plan, WeightFields, Workspace, cache_capacity, planned_training,
};
use bnns_lstm::{Error, Options, Path};
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

/// The arrays of the weights, which are kept.
#[derive(Debug)]
pub(crate) struct HeldWeights(WeightFields<Option<Held>>);

impl HeldWeights {
    pub(crate) fn new(arrays: &LayerArrays<'_>, checked: &Checked) -> PyResult<Self> {
        checked_weights(arrays, checked).try_map(|_, array| hold(array)).map(Self)
    }

    /// Borrow all to read.
    pub(crate) fn read<'py>(&self, py: Python<'py>) -> Result<WeightReadings<'_, 'py>, Failure> {
        self.0.as_ref().try_map(|field, held| {
            borrow(held.as_ref(), || field.path(&Path::default()), |held| held.read(py))
        })
    }
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
        let unused = self.workspaces.take();
        let (done, workspace) = interruptible(py, |interrupt| {
            let mut workspace = unused.map_or_else(|| Workspace::new(&plan), Ok)?;
            let room = (&*plan, &mut workspace);
            let interrupt = Some(interrupt);
            let done = planned_training(room, &weights, inputs, outputs, cache, interrupt);
            Ok((done, workspace))
        })?;
        self.workspaces.give(workspace);
        done?;
        Ok(true)
    }
}
