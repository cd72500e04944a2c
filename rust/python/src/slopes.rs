//! `PreparedGradients`: backward calls of one shape, planned once.
//!
//! In: a layer, whose weights' arrays are kept, and the structure of its gradients; for each call arrays of the same
//! shapes, a filled training cache, a seed. Out: gradients in the call's arrays, those of the weights in blocks, one for
//! each gate that has weights.

use crate::borrow::{HeldWeights, lend_weights};
use crate::call::{BackwardArguments, options, read_pair};
use crate::detached::detached;
use crate::errors::Failure;
use crate::given::{
    Given, GivenReading, GivenWriting, Three, are_apart, read_all, takes_others, write_all,
};
use crate::inside::Inside;
use crate::pool::Pool;
use bnns_lstm::binding::{
    BackwardWorkspace, CheckedBackward, DataFields, GateFields, Gates, GradientViews, LayerPlan,
    LentMut, Plan, WeightFields, planned_backward,
};
use bnns_lstm::{Error, Gate, Options};
use ndarray::{ArrayViewMutD, Axis};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// Where the blocks of the gates are, among the axes `[layers, directions, blocks, ...]`.
const BLOCKS: Axis = Axis(2);

/// Backward calls of one shape; made by `prepare_gradients`.
#[pyclass(frozen, module = "bnns_lstm")]
pub(crate) struct PreparedGradients {
    checked: CheckedBackward,
    plan: Plan,
    workspaces: Pool<BackwardWorkspace>,
    weights: HeldWeights,
    /// Whether others can stand for all arrays but the weights.
    takes_others: bool,
}

/// Check and plan backward calls of a layer once; its weights are kept, of all other arrays the shapes and strides.
///
/// Raises `DescriptorError` with every problem of both structures.
#[pyfunction]
pub(crate) fn prepare_gradients(
    py: Python<'_>,
    params: &Bound<'_, PyAny>,
    delta_params: &Bound<'_, PyAny>,
    filter_params: &Bound<'_, PyAny>,
) -> Result<PreparedGradients, Failure> {
    let _inside = Inside::enter(py);
    let call = read_pair(py, params, delta_params, Some(filter_params), None)?;
    let BackwardArguments { checked, filter, arrays, .. } = call;
    let options = Options { training: true, ..options(&filter)? };
    let (plan, workspace) = detached(py, || {
        let layer = LayerPlan::new(checked.forward(), options);
        let plan = Plan::new(&layer, checked.forward(), options)?;
        let workspace = BackwardWorkspace::new(&plan)?;
        Ok::<_, Error>((plan, workspace))
    })?;
    let inputs = checked.forward().arrays().input.as_ref().map(|_, array| array.given());
    let incoming = checked.incoming().as_ref().map(|_, array| array.as_ref());
    let outgoing = checked.input().as_ref().map(|_, to| to.as_ref().map(|to| &to.layout));
    let all = [inputs, incoming, outgoing];
    let takes_others =
        all.iter().flat_map(DataFields::each).flatten().all(|planned| takes_others(planned));
    Ok(PreparedGradients {
        takes_others,
        weights: HeldWeights::new(&arrays, checked.forward())?,
        workspaces: Pool::new(workspace),
        checked,
        plan,
    })
}

/// Where the gradients of the weights go: of the lowest layer's input weights, of those of the layers above, of hidden
/// weights, peepholes, biases and projection, as far as the layer has them. Axes are `[layers, directions, gates, ...]`,
/// those of biases `[2, layers, directions, gates, units]`, of the projection `[layers, directions, outputs, units]`.
type Blocks<'py> = (
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyAny>>,
);

/// An array that is written.
type Block<'py> = Option<PyReadwriteArrayDyn<'py, f32>>;

#[pymethods]
impl PreparedGradients {
    /// Compute from input and initial states, the gradients of output and final states, and a cache of the same layer,
    /// into the gradients of input and initial states and of the weights. What it was prepared without is not looked
    /// at. False, and nothing is computed, if an array cannot stand for the one that it was prepared with.
    #[expect(clippy::too_many_arguments, reason = "each is an array, or three, of the call")]
    fn backward(
        &self,
        py: Python<'_>,
        inputs: Three<'_>,
        incoming: Three<'_>,
        outgoing: Three<'_>,
        blocks: Blocks<'_>,
        cache: &Bound<'_, PyAny>,
        seed: u64,
    ) -> Result<bool, Failure> {
        let _inside = Inside::enter(py);
        let Self { checked, .. } = self;
        let from = checked.forward().arrays().input.as_ref().map(|_, array| array.given());
        let inputs = Given::three(inputs, from);
        let incoming =
            Given::three(incoming, checked.incoming().as_ref().map(|_, array| array.as_ref()));
        let to = checked.input().as_ref().map(|_, to| to.as_ref().map(|to| &to.layout));
        let given = (inputs, incoming, Given::three(outgoing, to));
        let (true, (Some(inputs), Some(incoming), Some(outgoing))) = (self.takes_others, given)
        else {
            return Ok(false);
        };
        if !are_apart([&inputs, &incoming], &outgoing) {
            return Ok(false);
        }
        let Ok(cache) = cache.cast_exact::<PyArray1<u8>>() else { return Ok(false) };
        let borrowed =
            (read_all(&inputs)?, read_all(&incoming)?, write_all(&outgoing)?, cache.try_readonly());
        let (Some(inputs), Some(incoming), Some(mut outgoing), Ok(cache)) = borrowed else {
            return Ok(false);
        };
        let Ok(cache) = cache.as_slice() else { return Ok(false) };
        let inputs = inputs.as_ref().map(|_, array| array.as_ref().map(GivenReading::lend));
        let incoming = incoming.as_ref().map(|_, array| array.as_ref().map(GivenReading::lend));
        let input = outgoing.as_mut().map(|_, array| array.as_mut().map(GivenWriting::lend));
        let (lowest, upper, hidden, peephole, bias, projection) = blocks;
        let (mut lowest, mut upper) = (block(Some(lowest))?, block(upper)?);
        let (mut hidden, mut peephole) = (block(Some(hidden))?, block(peephole)?);
        let (mut bias, mut projection) = (block(bias)?, block(projection)?);
        let first_bias = bias.as_mut().map(|bias| bias.as_array_mut().split_at(Axis(0), 1).0);
        let gates = self
            .gates(whole(&mut lowest))?
            .zip(self.gates(whole(&mut upper))?)
            .zip(self.gates(whole(&mut hidden))?)
            .zip(self.gates(whole(&mut peephole))?)
            .zip(self.gates(first_bias.map(|bias| bias.index_axis_move(Axis(0), 0)))?);
        let gates =
            gates.map(|_, ((((iw, iw_upper), hw), cw), b)| GateFields { iw, iw_upper, hw, cw, b });
        let projection = whole(&mut projection).map(LentMut::Strided);
        let gradients =
            GradientViews { incoming, input, weights: WeightFields { gates, projection } };
        let weights = self.weights.read(py)?;
        let weights = lend_weights(&weights);
        let plan = self.plan.with_seed(seed);
        let make = || BackwardWorkspace::new(&plan);
        self.workspaces.compute(py, make, |workspace, interrupt| {
            let (room, arrays) = ((&*plan, workspace), (inputs, gradients));
            planned_backward(room, checked, &weights, arrays, Some(cache), Some(interrupt))
        })?;
        if let Some(bias) = &mut bias {
            // The one bias of the structure is the sum of both.
            let (first, mut second) = bias.as_array_mut().split_at(Axis(0), 1);
            second.assign(&first);
        }
        Ok(true)
    }
}

impl PreparedGradients {
    /// The part of each gate that has weights, in the order of the blocks.
    fn gates<'v>(
        &self,
        array: Option<ArrayViewMutD<'v, f32>>,
    ) -> Result<Gates<Option<LentMut<'v>>>, Failure> {
        let mut found = Gates::default();
        let Some(mut rest) = array else { return Ok(found) };
        let planned = &self.checked.forward().arrays().weights.gates;
        let has_weights = |gate: &Gate| planned.get(*gate).hw.is_some();
        let gates: Vec<Gate> = Gate::ALL.into_iter().filter(has_weights).collect();
        if rest.shape().get(BLOCKS.index()) != Some(&gates.len()) {
            return Err(other_blocks());
        }
        for gate in gates {
            let (first, others) = rest.split_at(BLOCKS, 1);
            *found.get_mut(gate) = Some(LentMut::Strided(first.index_axis_move(BLOCKS, 0)));
            rest = others;
        }
        Ok(found)
    }
}

/// Borrow an array of gradients to write.
fn block(object: Option<Bound<'_, PyAny>>) -> Result<Block<'_>, Failure> {
    let Some(object) = object else { return Ok(None) };
    let array = object.cast_exact::<PyArrayDyn<f32>>().map_err(|_| other_blocks())?;
    let has_axes = array.shape().len() > BLOCKS.index() && array.is_c_contiguous();
    let written = array.try_readwrite().ok().filter(|_| has_axes);
    written.map(Some).ok_or_else(other_blocks)
}

/// All of an array that is written.
fn whole<'v>(array: &'v mut Block<'_>) -> Option<ArrayViewMutD<'v, f32>> {
    array.as_mut().map(PyReadwriteArrayDyn::as_array_mut)
}

fn other_blocks() -> Failure {
    PyTypeError::new_err("blocks: expected arrays of float32 in C order, with an axis of gates")
        .into()
}
