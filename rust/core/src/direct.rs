//! The BNNS function on the caller's own structure.
//!
//! In: [`LayerParametersLSTM`] with its slices and views. Out: results in the memory that its
//! `output_descriptor` points to. The whole pipeline in one call: check, plan, pack, run.

use crate::check::{Checked, GateArrays, check};
use crate::desc::{
    Data, FilterParameters, LSTMGateDescriptor, LayerParametersLSTM, NDArrayDescriptor,
};
use crate::error::{Error, Path};
use crate::gate::{Gate, Gates};
use crate::pack::{GateViews, WeightViews, Weights};
use crate::plan::{Options, Plan};
use crate::run::{Inputs, Outputs, Workspace, forward};
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Compute an LSTM layer, `BNNSDirectApplyLSTMBatchTrainingCaching` without a cache.
///
/// Reads `input_descriptor` and the gates, writes `output_descriptor`. Dropout has no effect without
/// training. Uses the best SIMD level; [`direct_apply_with`] takes another.
///
/// # Errors
///
/// [`Error::Descriptor`] with every problem of the structure; nothing was written then.
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
/// direct_apply_lstm_batch_training_caching(&mut params, &FilterParameters::default())?;
/// assert_eq!(y, [1.0, 3.0, 6.0]);
/// # Ok::<(), bnns_lstm::Error>(())
/// ```
pub fn direct_apply_lstm_batch_training_caching(
    params: &mut LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<(), Error> {
    direct_apply_with(Options::default(), params, filter)
}

/// As [`direct_apply_lstm_batch_training_caching`], with options; `n_threads` is that of `filter`.
///
/// # Errors
///
/// [`Error::Descriptor`] with every problem of the structure; nothing was written then.
pub fn direct_apply_with(
    options: Options,
    params: &mut LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<(), Error> {
    let checked = check(params, filter)?;
    let plan = Plan::new(&checked, Options { n_threads: filter.n_threads, ..options })?;
    let weights = Weights::pack(&plan, &weight_views(params, &checked)?)?;
    let mut workspace = Workspace::new(&plan)?;
    let LayerParametersLSTM { input_descriptor, output_descriptor, .. } = params;
    let inputs = Inputs {
        data: required(
            &input_descriptor.data_desc,
            &Path::field("input_descriptor").then("data_desc"),
        )?,
        hidden: view(&input_descriptor.hidden_desc),
        cell: view(&input_descriptor.cell_state_desc),
    };
    let outputs = Outputs {
        data: view_mut(&mut output_descriptor.data_desc),
        hidden: view_mut(&mut output_descriptor.hidden_desc),
        cell: view_mut(&mut output_descriptor.cell_state_desc),
    };
    forward(&plan, &weights, &mut workspace, inputs, outputs)
}

/// The weight arrays of a structure that holds its own arrays.
fn weight_views<'p>(
    params: &'p LayerParametersLSTM<'_>,
    checked: &Checked,
) -> Result<WeightViews<'p>, Error> {
    let of = |gate: Gate| gate_views(gate, params.gate(gate), checked.arrays().gates.get(gate));
    Ok(Gates {
        input: of(Gate::Input)?,
        forget: of(Gate::Forget)?,
        candidate: of(Gate::Candidate)?,
        output: of(Gate::Output)?,
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
        iw: required(iw, &path.then("iw_desc").at(0))?,
        iw_upper: view(iw_upper).filter(|_| checked.iw_upper.is_some()),
        hw: required(&desc.hw_desc, &path.then("hw_desc"))?,
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
    path: &Path,
) -> Result<ArrayViewD<'p, f32>, Error> {
    view(desc).ok_or_else(|| Error::ArrayMismatch {
        path: path.clone(),
        expected: "floats in the descriptor".to_owned(),
        actual: "memory that is lent elsewhere".to_owned(),
    })
}
