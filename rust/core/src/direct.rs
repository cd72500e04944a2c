//! The BNNS functions on the caller's own structures.
//!
//! In: [`LayerParametersLSTM`] with its slices and views. Out: results in the memory that its descriptors
//! point to. The whole pipeline in one call: check, plan, pack, run.

use crate::apply::{apply_backward, apply_forward};
use crate::check::{Checked, CheckedBackward, GateArrays, check, check_backward};
use crate::desc::{
    Data, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor, LayerParametersLSTM,
    NDArrayDescriptor,
};
use crate::error::{Error, Path};
use crate::gate::{Gate, Gates};
use crate::pack::{GateViews, WeightViews};
use crate::plan::Options;
use crate::run::{GateGradientViews, GradientViews, Inputs, Outputs, cache_capacity};
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Compute an LSTM layer, `BNNSDirectApplyLSTMBatchTrainingCaching`.
///
/// Reads `input_descriptor` and the gates, writes `output_descriptor`. With a cache of
/// [`compute_lstm_training_cache_capacity`] bytes, at any address, it stores there what
/// [`direct_apply_lstm_batch_backward`] needs, and dropout acts; without one it does not. Uses the best SIMD
/// level; [`direct_forward_with`] takes another.
///
/// # Errors
///
/// [`Error::Descriptor`] with every problem of the structure, [`Error::Cache`] for too few bytes; nothing
/// was written then.
///
/// # Example
///
/// An accumulator: all gates are linear, the candidate passes its input, so the cell sums it up.
///
/// ```
/// use bnns_lstm::{
///     Activation, ActivationFunction, DataLayout, FilterParameters, LSTMDataDescriptor,
///     LSTMGateDescriptor, LayerParametersLSTM, NDArrayDescriptor,
///     direct_apply_lstm_batch_training_caching,
/// };
///
/// let (x, zero, one) = ([1.0, 2.0, 3.0], [0.0], [1.0]);
/// let mut y = [0.0; 3];
/// let weight = |value| NDArrayDescriptor::read(value, DataLayout::ROW_MAJOR_MATRIX, &[1, 1]);
/// let gate = |input, bias| LSTMGateDescriptor {
///     iw_desc: [weight(input), NDArrayDescriptor::absent()],
///     hw_desc: weight(&zero),
///     b_desc: NDArrayDescriptor::read(bias, DataLayout::VECTOR, &[1]),
///     activation: Some(Activation::identity()),
///     ..Default::default()
/// };
/// let mut params = LayerParametersLSTM {
///     input_size: 1,
///     hidden_size: 1,
///     batch_size: 1,
///     num_layers: 1,
///     seq_len: 3,
///     input_descriptor: LSTMDataDescriptor {
///         data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[1, 1, 3]),
///         ..Default::default()
///     },
///     output_descriptor: LSTMDataDescriptor {
///         data_desc: NDArrayDescriptor::write(&mut y, DataLayout::SNE, &[1, 1, 3]),
///         ..Default::default()
///     },
///     input_gate: gate(&zero, &one),
///     forget_gate: gate(&zero, &one),
///     candidate_gate: gate(&one, &zero),
///     output_gate: gate(&zero, &one),
///     hidden_activation: Some(Activation::new(ActivationFunction::IDENTITY, 1.0, 1.0)),
///     ..Default::default()
/// };
/// direct_apply_lstm_batch_training_caching(&mut params, &FilterParameters::default(), None)?;
/// assert_eq!(y, [1.0, 3.0, 6.0]);
/// # Ok::<(), bnns_lstm::Error>(())
/// ```
pub fn direct_apply_lstm_batch_training_caching(
    params: &mut LayerParametersLSTM<'_>,
    filter: &FilterParameters,
    cache: Option<&mut [u8]>,
) -> Result<(), Error> {
    direct_forward_with(Options::default(), params, filter, cache)
}

/// As [`direct_apply_lstm_batch_training_caching`], with options; `n_threads` is that of `filter`.
///
/// # Errors
///
/// [`Error::Descriptor`] with every problem of the structure, [`Error::Cache`]; nothing was written then.
pub fn direct_forward_with(
    options: Options,
    params: &mut LayerParametersLSTM<'_>,
    filter: &FilterParameters,
    cache: Option<&mut [u8]>,
) -> Result<(), Error> {
    let checked = check(params, filter)?;
    let options = Options { n_threads: filter.n_threads, ..options };
    let LayerParametersLSTM { input_descriptor, output_descriptor, .. } = params;
    let gates =
        [&params.input_gate, &params.forget_gate, &params.candidate_gate, &params.output_gate];
    let weights = weight_views(gates, &checked)?;
    let (inputs, outputs) = (inputs(input_descriptor)?, outputs(output_descriptor));
    apply_forward(&checked, options, &weights, inputs, outputs, cache)
}

/// Compute the gradients of a layer, `BNNSDirectApplyLSTMBatchBackward`.
///
/// `delta_params` has the sizes of `params`. Its `output_descriptor` holds the incoming gradients, at least
/// one; its `input_descriptor` and gates receive the outgoing ones, overwritten or added to by each
/// descriptor's flags. What is absent is zero, or not wanted. `cache` is what the forward call filled with
/// the same `params` and `filter`; without one the forward pass is computed again, with the same result to
/// the last bit. Dropout acts as in a forward call with a cache.
///
/// # Errors
///
/// [`Error::Descriptor`] with every problem of both structures, their paths beginning with `params` or
/// `delta_params`; [`Error::Cache`]. Nothing was written then.
pub fn direct_apply_lstm_batch_backward(
    params: &LayerParametersLSTM<'_>,
    delta_params: &mut LayerParametersLSTM<'_>,
    filter: &FilterParameters,
    cache: Option<&[u8]>,
) -> Result<(), Error> {
    direct_backward_with(Options::default(), params, delta_params, filter, cache)
}

/// As [`direct_apply_lstm_batch_backward`], with options; `n_threads` is that of `filter`.
///
/// # Errors
///
/// As [`direct_apply_lstm_batch_backward`].
pub fn direct_backward_with(
    options: Options,
    params: &LayerParametersLSTM<'_>,
    delta_params: &mut LayerParametersLSTM<'_>,
    filter: &FilterParameters,
    cache: Option<&[u8]>,
) -> Result<(), Error> {
    let checked = check_backward(params, delta_params, filter)?;
    let options = Options { n_threads: filter.n_threads, ..options };
    let gates =
        [&params.input_gate, &params.forget_gate, &params.candidate_gate, &params.output_gate];
    let weights = weight_views(gates, checked.forward())?;
    let inputs = inputs(&params.input_descriptor)?;
    let gradients = gradient_views(delta_params, &checked);
    apply_backward(&checked, options, &weights, inputs, gradients, cache)
}

/// Bytes of the training cache of a layer, `BNNSComputeLSTMTrainingCacheCapacity`.
///
/// # Errors
///
/// [`Error::Descriptor`] with every problem of the structure.
pub fn compute_lstm_training_cache_capacity(
    params: &LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<usize, Error> {
    let checked = check(params, filter)?;
    let bytes = usize::MAX;
    let what = "the training cache";
    cache_capacity(checked.config()).ok_or(Error::OutOfMemory { what, bytes })
}

pub(crate) fn inputs<'p>(desc: &'p LSTMDataDescriptor<'_>) -> Result<Inputs<'p>, Error> {
    let path = || Path::field("input_descriptor").then("data_desc");
    Ok(Inputs {
        data: required(&desc.data_desc, path)?,
        hidden: view(&desc.hidden_desc),
        cell: view(&desc.cell_state_desc),
    })
}

pub(crate) fn outputs<'p>(desc: &'p mut LSTMDataDescriptor<'_>) -> Outputs<'p> {
    Outputs {
        data: view_mut(&mut desc.data_desc),
        hidden: view_mut(&mut desc.hidden_desc),
        cell: view_mut(&mut desc.cell_state_desc),
    }
}

fn gradient_views<'p>(
    delta: &'p mut LayerParametersLSTM<'_>,
    checked: &CheckedBackward,
) -> GradientViews<'p> {
    let LayerParametersLSTM { input_descriptor, output_descriptor, .. } = delta;
    let of = |gate: Gate, desc: &'p mut LSTMGateDescriptor<'_>| {
        let [iw, iw_upper] = &mut desc.iw_desc;
        let is_upper_wanted = checked.gates().get(gate).iw_upper.is_some();
        GateGradientViews {
            iw: view_mut(iw),
            iw_upper: view_mut(iw_upper).filter(|_| is_upper_wanted),
            hw: view_mut(&mut desc.hw_desc),
            cw: view_mut(&mut desc.cw_desc),
            b: view_mut(&mut desc.b_desc),
        }
    };
    GradientViews {
        output: view(&output_descriptor.data_desc),
        final_hidden: view(&output_descriptor.hidden_desc),
        final_cell: view(&output_descriptor.cell_state_desc),
        input: view_mut(&mut input_descriptor.data_desc),
        initial_hidden: view_mut(&mut input_descriptor.hidden_desc),
        initial_cell: view_mut(&mut input_descriptor.cell_state_desc),
        gates: Gates {
            input: of(Gate::Input, &mut delta.input_gate),
            forget: of(Gate::Forget, &mut delta.forget_gate),
            candidate: of(Gate::Candidate, &mut delta.candidate_gate),
            output: of(Gate::Output, &mut delta.output_gate),
        },
    }
}

/// The weight arrays of a structure that holds its own arrays; its gates in the order of [`Gate::ALL`].
pub(crate) fn weight_views<'p>(
    [input, forget, candidate, output]: [&'p LSTMGateDescriptor<'_>; 4],
    checked: &Checked,
) -> Result<WeightViews<'p>, Error> {
    let of = |gate: Gate, desc| gate_views(gate, desc, checked.arrays().gates.get(gate));
    Ok(Gates {
        input: of(Gate::Input, input)?,
        forget: of(Gate::Forget, forget)?,
        candidate: of(Gate::Candidate, candidate)?,
        output: of(Gate::Output, output)?,
    })
}

fn gate_views<'p>(
    gate: Gate,
    desc: &'p LSTMGateDescriptor<'_>,
    checked: &GateArrays,
) -> Result<GateViews<'p>, Error> {
    let path = Path::field(gate.field());
    let [iw, iw_upper] = &desc.iw_desc;
    Ok(GateViews {
        iw: required(iw, || path.then("iw_desc").at(0))?,
        iw_upper: view(iw_upper).filter(|_| checked.iw_upper.is_some()),
        hw: required(&desc.hw_desc, || path.then("hw_desc"))?,
        cw: view(&desc.cw_desc),
        b: view(&desc.b_desc),
    })
}

/// The floats of a descriptor that holds them.
fn view<'p>(desc: &'p NDArrayDescriptor<'_>) -> Option<ArrayViewD<'p, f32>> {
    match &desc.data {
        Data::Read(view) => Some(view.view()),
        Data::Write(view) => Some(view.view()),
        Data::Null | Data::Integers(_) | Data::InPlace | Data::Lent(_) => None,
    }
}

fn view_mut<'p>(desc: &'p mut NDArrayDescriptor<'_>) -> Option<ArrayViewMutD<'p, f32>> {
    match &mut desc.data {
        Data::Write(view) => Some(view.view_mut()),
        _ => None,
    }
}

fn required<'p>(
    desc: &'p NDArrayDescriptor<'_>,
    path: impl FnOnce() -> Path,
) -> Result<ArrayViewD<'p, f32>, Error> {
    view(desc).ok_or_else(|| Error::ArrayMismatch {
        path: path(),
        expected: "floats in the descriptor".to_owned(),
        actual: "memory that is lent elsewhere".to_owned(),
    })
}
