//! A layer that is computed again and again.
//!
//! In: a checked layer and its weights, once; arrays, for each call. Out: results in the caller's memory.
//! Checking, planning and packing happen at the beginning; a call takes no lock and, on one thread and by
//! panels, allocates nothing.

use crate::check::{Checked, check};
use crate::desc::{FilterParameters, LayerParametersLSTM};
use crate::direct::{inputs, outputs, weight_views};
use crate::error::Error;
use crate::pack::{BoundWeights, WeightViews, Weights};
use crate::plan::{LayerPlan, Options, Plan};
use crate::run::{Inputs, Outputs, Workspace, forward, pack_for_inference};

/// A planned layer with packed weights and a workspace.
#[derive(Debug)]
pub struct Prepared {
    plan: Plan,
    weights: Weights,
    workspace: Workspace,
}

impl Prepared {
    /// Plan a checked layer and pack its weights.
    ///
    /// # Errors
    ///
    /// Those of [`Plan::new`], [`Weights::pack`] and [`Workspace::new`].
    pub fn new(
        checked: &Checked,
        options: Options,
        weights: &WeightViews<'_>,
    ) -> Result<Self, Error> {
        let options = Options { training: false, ..options };
        let layer = LayerPlan::new(checked, options);
        let bound = BoundWeights::bind(checked, weights)?;
        let plan = Plan::new(&layer, checked, options)?;
        let weights = pack_for_inference(&plan, &bound, None)?;
        let workspace = Workspace::new(&plan)?;
        Ok(Self { plan, weights, workspace })
    }

    /// Compute the layer for the arrays that were checked, from whatever they hold now.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] for arrays of other shapes, [`Error::Threads`]. Nothing was written then.
    pub fn forward<'a>(&mut self, inputs: Inputs<'a>, outputs: Outputs<'a>) -> Result<(), Error> {
        forward(&self.plan, &self.weights, &mut self.workspace, inputs, outputs)
    }

    /// As [`forward`](Self::forward), for the arrays of a structure. Its weights are not looked at.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_structure(&mut self, params: &mut LayerParametersLSTM<'_>) -> Result<(), Error> {
        let LayerParametersLSTM { input_descriptor, output_descriptor, .. } = params;
        self.forward(inputs(input_descriptor), outputs(output_descriptor))
    }

    /// Pack the weights again, after they were changed. Without it the old ones are used.
    ///
    /// # Errors
    ///
    /// Those of [`Weights::pack`]; the old weights stay in use then.
    pub fn update_weights(&mut self, weights: &WeightViews<'_>) -> Result<(), Error> {
        let bound = BoundWeights::bind(&self.plan.checked, weights)?;
        self.weights = pack_for_inference(&self.plan, &bound, None)?;
        Ok(())
    }

    /// As [`update_weights`](Self::update_weights), with the weights of a structure.
    ///
    /// # Errors
    ///
    /// As [`update_weights`](Self::update_weights).
    pub fn update_structure(&mut self, params: &LayerParametersLSTM<'_>) -> Result<(), Error> {
        let weights = weight_views(params.weights(), &self.plan.checked);
        self.update_weights(&weights)
    }

    /// What was decided.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Check, plan and pack a layer once, to compute it many times with [`Prepared::forward_structure`]. The results are
/// those of [`direct_apply_lstm_batch_training_caching`](crate::direct_apply_lstm_batch_training_caching)
/// to the last bit.
///
/// # Errors
///
/// [`Error::Descriptor`] with every problem of the structure.
///
/// # Example
///
/// A stream, with the states carried in place:
///
/// ```
/// use bnns_lstm::{
///     DataLayout, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags,
///     LayerParametersLSTM, NDArrayDescriptor, prepare,
/// };
///
/// fn gate(weight: &[f32; 4]) -> LSTMGateDescriptor<'_> {
///     let matrix = || NDArrayDescriptor::read(weight, DataLayout::FIRST_MAJOR_2D, &[2, 2]);
///     LSTMGateDescriptor {
///         iw_desc: [matrix(), NDArrayDescriptor::absent()],
///         hw_desc: matrix(),
///         ..Default::default()
///     }
/// }
///
/// let weight = [0.5; 4];
/// let (mut h, mut c) = ([0.0; 2], [0.0; 2]);
/// let mut layer = None;
/// for x in [[1.0, 2.0], [3.0, 4.0]] {
///     let mut params = LayerParametersLSTM {
///         input_size: 2,
///         hidden_size: 2,
///         batch_size: 1,
///         num_layers: 1,
///         seq_len: 1,
///         lstm_flags: LayerFlags::LSTM_DEFAULT_ACTIVATIONS,
///         input_descriptor: LSTMDataDescriptor {
///             data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[2, 1, 1]),
///             hidden_desc: NDArrayDescriptor::in_place(),
///             cell_state_desc: NDArrayDescriptor::in_place(),
///         },
///         output_descriptor: LSTMDataDescriptor {
///             hidden_desc: NDArrayDescriptor::write(&mut h, DataLayout::FIRST_MAJOR_2D, &[1, 2]),
///             cell_state_desc: NDArrayDescriptor::write(&mut c, DataLayout::FIRST_MAJOR_2D, &[1, 2]),
///             ..Default::default()
///         },
///         input_gate: gate(&weight),
///         forget_gate: gate(&weight),
///         candidate_gate: gate(&weight),
///         output_gate: gate(&weight),
///         ..Default::default()
///     };
///     if layer.is_none() {
///         layer = Some(prepare(&params, &FilterParameters::default())?);
///     }
///     if let Some(layer) = &mut layer {
///         layer.forward_structure(&mut params)?;
///     }
/// }
/// assert!(h[0] > 0.5);
/// # Ok::<(), bnns_lstm::Error>(())
/// ```
pub fn prepare(
    params: &LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<Prepared, Error> {
    prepare_with(Options::default(), params, filter)
}

/// As [`prepare`], with options; `n_threads` is that of `filter`.
///
/// # Errors
///
/// As [`prepare`].
pub fn prepare_with(
    options: Options,
    params: &LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<Prepared, Error> {
    let checked = check(params, filter)?;
    let options = Options { n_threads: filter.n_threads, ..options };
    Prepared::new(&checked, options, &weight_views(params.weights(), &checked))
}
