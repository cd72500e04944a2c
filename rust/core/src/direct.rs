//! The BNNS functions on the caller's own structures.
//!
//! In: [`LayerParametersLSTM`] with its slices and views. Out: results in the memory that its descriptors
//! point to. The whole pipeline in one call: check, plan, pack, run.

use crate::apply::{apply_backward, apply_forward};
use crate::check::{Checked, CheckedBackward, Lent, LentMut, check, check_backward};
use crate::desc::{
    Data, FilterParameters, LSTMDataDescriptor, LayerParametersLSTM, NDArrayDescriptor, Parts,
};
use crate::error::Error;
use crate::fields::WeightFields;
use crate::pack::WeightViews;
use crate::plan::Options;
use crate::run::{GradientViews, Inputs, Outputs, cache_capacity};

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
    let Parts { input, output, weights } = params.parts_mut();
    let weights = weight_views(weights.map(|_, desc| desc.map(|desc| &*desc)), &checked);
    apply_forward(&checked, options, &weights, inputs(input), outputs(output), cache)
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
    let weights = weight_views(params.weights(), checked.forward());
    let inputs = inputs(&params.input_descriptor);
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

/// The arrays of a data descriptor that holds its own, to read.
pub(crate) fn inputs<'p>(desc: &'p LSTMDataDescriptor<'_>) -> Inputs<'p> {
    desc.fields().map(|_, desc| lend(desc))
}

/// The arrays of a data descriptor that holds its own, to write.
pub(crate) fn outputs<'p>(desc: &'p mut LSTMDataDescriptor<'_>) -> Outputs<'p> {
    desc.fields_mut().map(|_, desc| lend_mut(desc))
}

/// The weight arrays of a structure that holds its own, those that were checked.
pub(crate) fn weight_views<'p>(
    weights: WeightFields<Option<&'p NDArrayDescriptor<'_>>>,
    checked: &Checked,
) -> WeightViews<'p> {
    let weights = weights.zip(checked.arrays().weights.as_ref());
    weights.map(|_, (desc, checked)| lend(desc?).filter(|_| checked.is_some()))
}

fn gradient_views<'p>(
    delta: &'p mut LayerParametersLSTM<'_>,
    checked: &CheckedBackward,
) -> GradientViews<'p> {
    let Parts { input, output, weights } = delta.parts_mut();
    let weights = weights.zip(checked.weights().as_ref());
    let weights = weights.map(|_, (desc, checked)| lend_mut(desc?).filter(|_| checked.is_some()));
    GradientViews { incoming: inputs(output), input: outputs(input), weights }
}

/// The floats of a descriptor that holds them.
fn lend<'p>(desc: &'p NDArrayDescriptor<'_>) -> Option<Lent<'p>> {
    match &desc.data {
        Data::Read(view) => Some(Lent::Strided(view.view())),
        Data::Write(view) => Some(Lent::Strided(view.view())),
        Data::Null | Data::Integers(_) | Data::InPlace | Data::Lent(_) => None,
    }
}

fn lend_mut<'p>(desc: &'p mut NDArrayDescriptor<'_>) -> Option<LentMut<'p>> {
    match &mut desc.data {
        Data::Write(view) => Some(LentMut::Strided(view.view_mut())),
        _ => None,
    }
}
