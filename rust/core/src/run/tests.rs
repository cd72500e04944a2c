//! Broken promises between modules end in an error, in both passes.

use super::{
    BackwardArrays, BackwardWorkspace, GradientViews, Inputs, Outputs, Workspace, backward,
    cache_capacity, forward, forward_caching,
};
use crate::check::{CheckedBackward, check_backward};
use crate::desc::{
    Checkpoints, DataLayout, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags,
    LayerParametersLSTM, NDArrayDescriptor,
};
use crate::error::Error;
use crate::fields::{GateFields, WeightFields};
use crate::gate::Gates;
use crate::pack::{BackwardWeights, BoundWeights, Weights};
use crate::plan::{LayerPlan, Options, Plan};

const STEPS: usize = 5;
const BATCH: usize = 4;
const UNITS: usize = 3;
const LAYERS: usize = 2;

/// A stack of two layers, two directions or one, planned for training.
struct Planned {
    checked: CheckedBackward,
    plan: Plan,
    weights: Weights,
    backward_weights: BackwardWeights,
    x: Vec<f32>,
}

impl Planned {
    fn new(directions: usize, checkpoints: Checkpoints) -> Self {
        let width = directions * UNITS;
        let x = vec![0.5; STEPS * BATCH * width];
        let iw = vec![0.25; LAYERS * directions * UNITS * width];
        let hw = vec![0.125; LAYERS * directions * UNITS * UNITS];
        let gates = || {
            Gates::from_fn(|_| LSTMGateDescriptor {
                iw_desc: [
                    NDArrayDescriptor::read(&iw, DataLayout::FIRST_MAJOR_4D, &[]),
                    NDArrayDescriptor::absent(),
                ],
                hw_desc: NDArrayDescriptor::read(&hw, DataLayout::FIRST_MAJOR_4D, &[]),
                ..Default::default()
            })
        };
        let sequence = || LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[]),
            ..Default::default()
        };
        let bidirectional =
            if directions == 2 { LayerFlags::LSTM_BIDIRECTIONAL } else { LayerFlags::NONE };
        let sizes = || LayerParametersLSTM {
            input_size: width,
            hidden_size: UNITS,
            batch_size: BATCH,
            num_layers: LAYERS,
            seq_len: STEPS,
            lstm_flags: bidirectional.union(LayerFlags::LSTM_DEFAULT_ACTIVATIONS),
            ..Default::default()
        };
        let Gates { input, forget, candidate, output } = gates();
        let params = LayerParametersLSTM {
            input_descriptor: sequence(),
            input_gate: input,
            forget_gate: forget,
            candidate_gate: candidate,
            output_gate: output,
            ..sizes()
        };
        let delta = LayerParametersLSTM { output_descriptor: sequence(), ..sizes() };
        let filter = FilterParameters { checkpoints, ..Default::default() };
        let checked = check_backward(&params, &delta, &filter).unwrap();
        let options =
            Options { n_threads: 2, force_threads: true, training: true, ..Options::default() };
        let layer = LayerPlan::new(checked.forward(), options);
        let plan = Plan::new(&layer, checked.forward(), options).unwrap();
        let gates = Gates::from_fn(|_| GateFields {
            iw: Some(iw.as_slice().into()),
            hw: Some(hw.as_slice().into()),
            ..GateFields::default()
        });
        let views = WeightFields { gates, projection: None };
        let bound = BoundWeights::bind(checked.forward(), &views).unwrap();
        let weights = Weights::pack(&layer, &bound).unwrap();
        let backward_weights = BackwardWeights::pack(&layer, &bound).unwrap();
        drop((params, delta));
        Self { checked, plan, weights, backward_weights, x }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs { data: Some(self.x.as_slice().into()), ..Inputs::default() }
    }

    /// A forward call with a cache, or without one, after something was broken.
    fn forward(&self, breaks: impl FnOnce(&mut Workspace)) -> Result<Vec<u8>, Error> {
        let mut workspace = Workspace::new(&self.plan).unwrap();
        breaks(&mut workspace);
        let none = Outputs::default;
        let mut cache = vec![0; cache_capacity(self.plan.config()).unwrap()];
        let Self { plan, weights, .. } = self;
        forward(plan, weights, &mut workspace, self.inputs(), none())?;
        forward_caching(plan, weights, &mut workspace, self.inputs(), none(), &mut cache)?;
        Ok(cache)
    }

    /// A backward call, after something was broken.
    fn backward(&self, breaks: impl FnOnce(&mut BackwardWorkspace)) -> Result<(), Error> {
        let cache = self.forward(|_| {})?;
        let mut workspace = BackwardWorkspace::new(&self.plan).unwrap();
        breaks(&mut workspace);
        let gradients = GradientViews { incoming: self.inputs(), ..GradientViews::default() };
        let arrays = BackwardArrays::bind(&self.checked, self.inputs(), gradients).unwrap();
        let Self { plan, weights, backward_weights, .. } = self;
        backward(plan, backward_weights, Some(weights), &mut workspace, &cache, arrays)
    }
}

fn is_internal<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Internal { .. }))
}

#[test]
fn a_forward_pass_in_broken_memory_is_an_error() {
    for directions in [1, 2] {
        let planned = Planned::new(directions, Checkpoints::EveryStep);
        assert!(planned.forward(|_| {}).is_ok());
        let breaks: [fn(&mut Workspace); 4] = [
            |workspace| workspace.drop_groups(),
            |workspace| workspace.drop_last_group(),
            |workspace| workspace.toggle_backward_direction(),
            |workspace| workspace.drop_states(),
        ];
        for (index, breaks) in breaks.into_iter().enumerate() {
            assert!(is_internal(planned.forward(breaks)), "{directions} directions, {index}");
        }
    }
}

#[test]
fn a_backward_pass_in_broken_memory_is_an_error() {
    for directions in [1, 2] {
        for checkpoints in [Checkpoints::EveryStep, Checkpoints::Every(2)] {
            let planned = Planned::new(directions, checkpoints);
            assert_eq!(planned.backward(|_| {}), Ok(()));
            let name = format!("{directions} directions, {checkpoints:?}");
            let lost = planned.backward(BackwardWorkspace::drop_gradients);
            assert!(is_internal(lost), "{name}");
            let lost = planned.backward(BackwardWorkspace::drop_segments);
            assert_eq!(is_internal(lost), checkpoints != Checkpoints::EveryStep, "{name}");
            let lost = planned.backward(BackwardWorkspace::drop_backward_direction);
            assert_eq!(is_internal(lost), directions == 2, "{name}");
        }
    }
}

#[test]
fn checkpoints_need_the_weights_of_the_forward_pass() {
    let planned = Planned::new(1, Checkpoints::Every(2));
    let cache = planned.forward(|_| {}).unwrap();
    let mut workspace = BackwardWorkspace::new(&planned.plan).unwrap();
    let gradients = GradientViews { incoming: planned.inputs(), ..GradientViews::default() };
    let arrays = BackwardArrays::bind(&planned.checked, planned.inputs(), gradients).unwrap();
    let Planned { plan, backward_weights, .. } = &planned;
    let found = backward(plan, backward_weights, None, &mut workspace, &cache, arrays);
    assert_eq!(found, Err(Error::NoForwardWeights));
}
