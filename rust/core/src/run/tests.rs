//! Broken promises between modules end in an error, in both passes.

use super::{
    BackwardArrays, BackwardWorkspace, GradientViews, Inputs, Outputs, Workspace, backward,
    backward_until, cache_capacity, forward, forward_caching, forward_caching_until,
    threads::Interrupt,
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
use crate::tuning::Tuning;
use std::sync::atomic::{AtomicUsize, Ordering};

const STEPS: usize = 5;
const BATCH: usize = 4;
const UNITS: usize = 3;
const LAYERS: usize = 2;
/// Enough for two blocks of four of the widest vectors.
const WIDE_UNITS: usize = 70;

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
        Self::tuned(directions, checkpoints, Tuning::of_machine())
    }

    fn tuned(directions: usize, checkpoints: Checkpoints, tuning: Tuning) -> Self {
        Self::sized(UNITS, directions, checkpoints, tuning)
    }

    /// Of so many units, which threads divide in the backward pass.
    fn divided(units: usize, checkpoints: Checkpoints) -> Self {
        let tuning = Tuning { backward_grid: Some([1, 2]), ..Tuning::of_machine() };
        let planned = Self::sized(units, 1, checkpoints, tuning);
        assert_eq!(planned.plan.backward_grid(), [1, 2]);
        planned
    }

    fn sized(units: usize, directions: usize, checkpoints: Checkpoints, tuning: Tuning) -> Self {
        let width = directions * units;
        let x = vec![0.5; STEPS * BATCH * width];
        let iw = vec![0.25; LAYERS * directions * units * width];
        let hw = vec![0.125; LAYERS * directions * units * units];
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
            hidden_size: units,
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
        let options = Options {
            n_threads: 2,
            force_threads: true,
            training: true,
            tuning,
            ..Options::default()
        };
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

/// Whoever finds it tells the others, so that nobody waits.
#[test]
fn divided_units_that_cannot_be_exchanged_are_an_error() {
    for checkpoints in [Checkpoints::EveryStep, Checkpoints::Every(2)] {
        let planned = Planned::divided(WIDE_UNITS, checkpoints);
        for _ in 0..20 {
            assert_eq!(planned.backward(|_| {}), Ok(()));
            assert!(is_internal(planned.backward(BackwardWorkspace::shorten_slices)));
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

/// Make a call again and again, whose first, second, … question is answered with yes, until there is no such
/// question; says how many calls were ended, and checks that `call` was not, or not too early, else.
fn interrupt_everywhere(call: impl Fn(&Interrupt<'_>) -> Result<(), Error>) -> usize {
    let mut ended = 0;
    for yes in 0.. {
        let asked = AtomicUsize::new(0);
        let question = || asked.fetch_add(1, Ordering::Relaxed) == yes;
        match call(&Interrupt::at_every_look(&question)) {
            Ok(()) if asked.load(Ordering::Relaxed) <= yes => break,
            // Asked while it waited for the last part.
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, Error::Interrupted);
                ended += 1;
            }
        }
    }
    ended
}

#[test]
fn an_interrupted_call_says_so_and_the_next_one_gives_the_right_bits() {
    for (directions, pipeline, is_divided) in
        [(1, None, false), (1, Some([2, 1]), false), (2, None, false), (1, None, true)]
    {
        for checkpoints in [Checkpoints::EveryStep, Checkpoints::Every(2)] {
            let tuning = Tuning { pipeline, ..Tuning::of_machine() };
            let planned = if is_divided {
                Planned::divided(WIDE_UNITS, checkpoints)
            } else {
                Planned::tuned(directions, checkpoints, tuning)
            };
            assert_eq!(planned.plan.pipeline().is_some(), pipeline.is_some());
            let wanted = planned.forward(|_| {}).unwrap();
            let Planned { plan, weights, backward_weights, .. } = &planned;
            let backward_with = |cache: &[u8], interrupt: Option<&Interrupt<'_>>| {
                let mut workspace = BackwardWorkspace::new(plan)?;
                let gradients =
                    GradientViews { incoming: planned.inputs(), ..GradientViews::default() };
                let arrays = BackwardArrays::bind(&planned.checked, planned.inputs(), gradients)?;
                let (again, workspace) = (Some(weights), &mut workspace);
                backward_until(plan, backward_weights, again, workspace, cache, arrays, interrupt)
            };
            let ended = interrupt_everywhere(|interrupt| {
                let mut workspace = Workspace::new(plan)?;
                let mut cache = vec![0; wanted.len()];
                let mut forward = |interrupt| {
                    let (inputs, outputs) = (planned.inputs(), Outputs::default());
                    let (memory, cache) = (&mut workspace, &mut *cache);
                    forward_caching_until(plan, weights, memory, inputs, outputs, cache, interrupt)
                };
                let done = forward(Some(interrupt));
                if done.is_err() {
                    forward(None)?;
                }
                assert_eq!(cache, wanted);
                done
            });
            // The other thread may take all pieces of a pipeline before the caller looks.
            let is_sure = pipeline.is_none();
            assert!(ended > 0 || !is_sure, "forward, {directions} directions, {checkpoints:?}");
            let ended = interrupt_everywhere(|interrupt| backward_with(&wanted, Some(interrupt)));
            assert!(ended > 1, "backward, {directions} directions, {checkpoints:?}");
            assert_eq!(backward_with(&wanted, None), Ok(()));
        }
    }
}

#[test]
fn the_cache_of_an_interrupted_call_is_refused() {
    let planned = Planned::new(1, Checkpoints::EveryStep);
    let mut cache = planned.forward(|_| {}).unwrap();
    let mut workspace = Workspace::new(&planned.plan).unwrap();
    let question = || true;
    let (inputs, outputs) = (planned.inputs(), Outputs::default());
    let interrupt = Interrupt::at_every_look(&question);
    let Planned { plan, weights, backward_weights, .. } = &planned;
    let interrupt = Some(&interrupt);
    let memory = &mut workspace;
    let done = forward_caching_until(plan, weights, memory, inputs, outputs, &mut cache, interrupt);
    assert_eq!(done, Err(Error::Interrupted));
    let gradients = GradientViews { incoming: planned.inputs(), ..GradientViews::default() };
    let arrays = BackwardArrays::bind(&planned.checked, planned.inputs(), gradients).unwrap();
    let mut workspace = BackwardWorkspace::new(plan).unwrap();
    let found = backward(plan, backward_weights, None, &mut workspace, &cache, arrays);
    assert!(matches!(found, Err(Error::Cache(_))), "{found:?}");
}
