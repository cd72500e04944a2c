//! `PreparedLayer`: a layer that was checked, planned and packed once.
//!
//! In: the arrays of a checked layer, which are kept, and weights that were packed before, if there are any.
//! Out: results in the caller's arrays, as often as they are asked for. What an array holds may change between
//! calls; its place and its shape cannot, since views of our own are kept.

use crate::borrow::{Sources, borrow, checked_inputs, hold, lend, lend_mut};
use crate::call::{ForwardArguments, options, read, refused};
use crate::detached::detached;
use crate::errors::Failure;
use crate::given::{Given, span_of};
use crate::inside::Inside;
use crate::memory::Held;
use crate::pool::Pool;
use crate::weights::PackedWeights;
use bnns_lstm::binding::{
    BoundWeights, DataField, DataFields, Inputs, LayerPlan, Lent, LentMut, Outputs, Plan, Side,
    Workspace, forward, forward_until, pack_for_inference,
};
use bnns_lstm::{Code, Error, Issue, Path};
use numpy::{PyArray3, PyArrayMethods, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::Arc;

/// A layer that was checked, planned and packed once; made by `prepare`.
///
/// Example:
///     >>> import bnns_lstm as bl, numpy as np
///     >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.ones((5, 2, 3), np.float32))
///     >>> layer = bl.prepare(params)
///     >>> layer.forward()
///     >>> params.output_descriptor.data_desc.shape
///     (5, 2, 4)
#[pyclass(frozen, module = "bnns_lstm")]
pub(crate) struct PreparedLayer {
    plan: Plan,
    workspaces: Pool<Workspace>,
    input: DataFields<Option<Held>>,
    output: DataFields<Option<Held>>,
    weights: Py<PackedWeights>,
    /// Whether a call is so short that it keeps the interpreter.
    is_short: bool,
    /// Whether all arrays but the weights are given, none of them in place, and their elements lie in C order.
    takes_others: bool,
    /// The same of the states alone, where input and output are given.
    takes_states: bool,
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
    weights: Option<&Bound<'_, PyAny>>,
) -> Result<PreparedLayer, Failure> {
    let _inside = Inside::enter(py);
    let ForwardArguments { checked, filter, arrays, .. } = read(py, params, filter_params, None)?;
    let options = options(&filter)?;
    let given = weights.map(packed_weights).transpose()?;
    let layer = given.as_ref().map_or_else(
        || LayerPlan::new(&checked, options),
        |weights| Arc::clone(weights.get().current().layer()),
    );
    let (plan, workspace) = detached(py, || {
        let plan = Plan::new(&layer, &checked, options).map_err(|error| match error {
            Error::WrongLayer { .. } => Error::WrongLayer { what: "weights" },
            other => other,
        })?;
        let workspace = Workspace::new(&plan)?;
        Ok::<_, Error>((plan, workspace))
    })?;
    let weights = if let Some(weights) = given {
        weights
    } else {
        let sources = Sources::new(&arrays, &checked, &Path::default())?;
        let views = sources.weights();
        let packed = detached(py, || {
            pack_for_inference(&plan, &BoundWeights::bind(&checked, &views)?, None)
        })?;
        Py::new(py, PackedWeights::new(&checked, &arrays, plan.available_threads(), packed)?)?
    };
    let input = checked_inputs(&arrays, &checked).try_map(|_, array| hold(array))?;
    let output = arrays.output.as_ref().try_map(|_, array| hold(array.as_ref()))?;
    let are_given = input.each().into_iter().chain(output.each()).all(Option::is_some);
    Ok(PreparedLayer {
        is_short: plan.is_short(),
        takes_others: plan.is_in_order() && are_given,
        takes_states: are_given && plan.checked().arrays().are_states_in_order(),
        plan,
        workspaces: Pool::new(workspace),
        input,
        output,
        weights,
    })
}

/// The argument `weights` of [`prepare`].
fn packed_weights(object: &Bound<'_, PyAny>) -> Result<Py<PackedWeights>, Failure> {
    if let Ok(weights) = object.cast::<PackedWeights>() {
        return Ok(weights.clone().unbind());
    }
    let issue = Issue {
        path: Path::field("weights"),
        code: Code::WrongType,
        expected: "PackedWeights (the weights of a prepared layer)".to_owned(),
        actual: object.get_type().name()?.to_string(),
    };
    Err(refused(vec![issue]))
}

#[pymethods]
impl PreparedLayer {
    /// Compute the layer from what its arrays hold now.
    ///
    /// Example:
    ///     >>> import bnns_lstm as bl, numpy as np
    ///     >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
    ///     >>> layer = bl.prepare(params)
    ///     >>> layer.forward()
    fn forward(&self, py: Python<'_>) -> Result<(), Failure> {
        let _inside = Inside::enter(py);
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
    /// batch, elements]`, to output, final hidden state and final cell state. None if one of them is no array of
    /// float32 in C order and of the layer's shape, or if the layer was prepared without some array or in another
    /// order.
    ///
    /// Example:
    ///     >>> import bnns_lstm as bl, numpy as np
    ///     >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
    ///     >>> layer = bl.prepare(params)
    ///     >>> h = c = np.zeros((1, 2, 4), np.float32)
    ///     >>> y, hn, cn = layer.call(np.ones((5, 2, 3), np.float32), h, c)
    ///     >>> y.shape, hn.shape
    ///     ((5, 2, 4), (1, 2, 4))
    fn call<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        hidden: &Bound<'py, PyAny>,
        cell: &Bound<'py, PyAny>,
    ) -> Result<Option<Bound<'py, PyTuple>>, Failure> {
        let _inside = Inside::enter(py);
        let config = self.plan.config();
        let given = (
            in_order(data, config.input_shape()),
            in_order(hidden, config.hidden_shape()),
            in_order(cell, config.cell_shape()),
        );
        let (true, (Some(data), Some(hidden), Some(cell))) = (self.takes_others, given) else {
            return Ok(None);
        };
        let inputs = DataFields { data: &data, hidden: &hidden, cell: &cell };
        let inputs = inputs.map(|_, array| array.as_slice().ok().map(Lent::InOrder));
        let new = |shape: [usize; 3]| PyArray3::<f32>::zeros(py, shape, false);
        let (y, hn, cn) =
            (new(config.output_shape()), new(config.hidden_shape()), new(config.cell_shape()));
        {
            let (y, hn, cn) = (y.readwrite(), hn.readwrite(), cn.readwrite());
            let mut outputs = DataFields { data: y, hidden: hn, cell: cn };
            let outputs = outputs.as_mut();
            let outputs = outputs.map(|_, array| array.as_slice_mut().ok().map(LentMut::InOrder));
            self.run(py, inputs, outputs)?;
        }
        Ok(Some((y, hn, cn).into_pyobject(py)?))
    }

    /// As `call`, with the output written into `out`. Input and output have the shapes of the arrays that the layer was
    /// prepared with and, where those had gaps, any strides. Gives final hidden and cell state; None, and nothing is
    /// computed, if an array cannot be taken as it is, or shares memory with `out`.
    ///
    /// Example:
    ///     >>> import bnns_lstm as bl, numpy as np
    ///     >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
    ///     >>> layer = bl.prepare(params)
    ///     >>> h = c = np.zeros((1, 2, 4), np.float32)
    ///     >>> y = np.empty((5, 2, 4), np.float32)
    ///     >>> hn, cn = layer.call_into(np.ones((5, 2, 3), np.float32), h, c, y)
    ///     >>> bool((hn[0] == y[-1]).all())
    ///     True
    fn call_into<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        hidden: &Bound<'py, PyAny>,
        cell: &Bound<'py, PyAny>,
        out: &Bound<'py, PyAny>,
    ) -> Result<Option<Bound<'py, PyTuple>>, Failure> {
        let _inside = Inside::enter(py);
        let config = self.plan.config();
        let planned = self.plan.checked().arrays();
        let sequences = (planned.input.data.given(), planned.output.data.as_ref());
        let (true, (Some(from), Some(to))) = (self.takes_states, sequences) else {
            return Ok(None);
        };
        let given = (
            Given::new(data, from),
            in_order(hidden, config.hidden_shape()),
            in_order(cell, config.cell_shape()),
            Given::new(out, to),
        );
        let (Some(data), Some(hidden), Some(cell), Some(out)) = given else { return Ok(None) };
        let states = (hidden.as_slice().ok(), cell.as_slice().ok());
        let spans = [states.0.map(span_of), states.1.map(span_of), data.span()];
        if !spans.into_iter().all(|other| out.is_apart_from(other)) {
            return Ok(None);
        }
        let (Some(data), Some(mut out)) = (data.read()?, out.write()?) else { return Ok(None) };
        let inputs = DataFields {
            data: Some(data.lend()),
            hidden: states.0.map(Lent::InOrder),
            cell: states.1.map(Lent::InOrder),
        };
        let new = |shape: [usize; 3]| PyArray3::<f32>::zeros(py, shape, false);
        let (hn, cn) = (new(config.hidden_shape()), new(config.cell_shape()));
        {
            let (mut hn, mut cn) = (hn.readwrite(), cn.readwrite());
            let outputs = DataFields {
                data: Some(out.lend()),
                hidden: hn.as_slice_mut().ok().map(LentMut::InOrder),
                cell: cn.as_slice_mut().ok().map(LentMut::InOrder),
            };
            self.run(py, inputs, outputs)?;
        }
        Ok(Some((hn, cn).into_pyobject(py)?))
    }

    /// Pack the weights again, from what their arrays hold now.
    ///
    /// Example:
    ///     >>> import bnns_lstm as bl, numpy as np
    ///     >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
    ///     >>> layer = bl.prepare(params)
    ///     >>> params.input_gate.b_desc += 1
    ///     >>> layer.update_weights()
    fn update_weights(&self, py: Python<'_>) -> Result<(), Failure> {
        let _inside = Inside::enter(py);
        self.weights.get().update(py)
    }

    /// The packed weights, to prepare other layers with.
    #[getter]
    fn weights(&self, py: Python<'_>) -> Py<PackedWeights> {
        self.weights.clone_ref(py)
    }

    /// What was decided: level, tiles, threads, memory.
    ///
    /// Example:
    ///     >>> import bnns_lstm as bl, numpy as np
    ///     >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
    ///     >>> layer = bl.prepare(params)
    ///     >>> "threads" in layer.explain()
    ///     True
    fn explain(&self) -> String {
        self.plan.explain()
    }

    fn __repr__(&self) -> String {
        format!("<PreparedLayer: {}>", self.plan.summary())
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
        // They may have been packed anew since the last call.
        let weights = self.weights.get().current();
        let (plan, weights) = (&self.plan, &*weights);
        if self.is_short {
            let unused = self.workspaces.take();
            let mut workspace = unused.map_or_else(|| Workspace::new(plan), Ok)?;
            let done = forward(plan, weights, &mut workspace, inputs, outputs);
            self.workspaces.give(workspace);
            return Ok(done?);
        }
        let make = || Workspace::new(plan);
        self.workspaces.compute(py, make, |workspace, interrupt| {
            forward_until(plan, weights, workspace, inputs, outputs, Some(interrupt))
        })
    }
}
