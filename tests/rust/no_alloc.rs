//! A planned forward call by panels allocates nothing. One test only, since it counts what the whole process
//! allocates.

#![allow(missing_docs)]

use bnns_lstm::{
    BoundWeights, DataLayout, FilterParameters, GateFields, Gates, Inputs, LSTMDataDescriptor,
    LSTMExtensions, LSTMGateDescriptor, LayerFlags, LayerParametersLSTM, LayerPlan, Level,
    NDArrayDescriptor, Options, Outputs, Plan, Route, WeightFields, Weights, Workspace, check,
    forward,
};
use bnns_lstm_testkit::alloc::{CountingAllocator, measure, process_counts};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const SIZE: usize = 24;
const LAYERS: usize = 3;
const BATCH: usize = 7;
const STEPS: usize = 40;

/// A bidirectional stack with input as wide as its outputs, so that the joint form applies.
struct Prepared {
    plan: Plan,
    weights: Weights,
    x: Vec<f32>,
    y: Vec<f32>,
    hn: Vec<f32>,
}

/// What the layer has beyond BNNS.
#[derive(Clone, Copy, Default)]
struct Variant {
    limit: Option<f32>,
    projects: bool,
}

fn prepare(level: Level, n_threads: usize, Variant { limit, projects }: Variant) -> Prepared {
    let width = 2 * SIZE;
    let x = vec![0.25; STEPS * BATCH * width];
    let mut y = vec![0.0; STEPS * BATCH * width];
    let mut hn = vec![0.0; LAYERS * 2 * BATCH * SIZE];
    let iw = vec![0.01; LAYERS * 2 * SIZE * width];
    let hw = vec![0.02; LAYERS * 2 * SIZE * SIZE];
    let projection = vec![0.03; LAYERS * 2 * SIZE * SIZE];
    let gate = || LSTMGateDescriptor {
        iw_desc: [
            NDArrayDescriptor::read(&iw, DataLayout::FIRST_MAJOR_4D, &[]),
            NDArrayDescriptor::absent(),
        ],
        hw_desc: NDArrayDescriptor::read(&hw, DataLayout::FIRST_MAJOR_4D, &[]),
        ..Default::default()
    };
    let params = LayerParametersLSTM {
        input_size: width,
        hidden_size: SIZE,
        batch_size: BATCH,
        num_layers: LAYERS,
        seq_len: STEPS,
        lstm_flags: LayerFlags::LSTM_BIDIRECTIONAL.union(LayerFlags::LSTM_DEFAULT_ACTIVATIONS),
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[]),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut y, DataLayout::SNE, &[]),
            hidden_desc: NDArrayDescriptor::write(&mut hn, DataLayout::FIRST_MAJOR_4D, &[]),
            ..Default::default()
        },
        input_gate: gate(),
        forget_gate: gate(),
        candidate_gate: gate(),
        output_gate: gate(),
        extensions: Some(LSTMExtensions {
            cell_clip: limit,
            gate_clip: limit,
            // As many outputs as units, so that the joint form applies.
            projection_size: projects.then_some(SIZE),
            projection_desc: if projects {
                NDArrayDescriptor::read(&projection, DataLayout::FIRST_MAJOR_4D, &[])
            } else {
                NDArrayDescriptor::absent()
            },
            ..Default::default()
        }),
        ..Default::default()
    };
    let checked = check(&params, &FilterParameters::default()).unwrap();
    drop(params);
    let options = Options {
        level,
        n_threads,
        force_threads: true,
        products: Some(Route::Panels),
        ..Options::default()
    };
    let layer = LayerPlan::new(&checked, options);
    let plan = Plan::new(&layer, &checked, options).unwrap();
    let views = || GateFields {
        iw: Some(iw.as_slice().into()),
        hw: Some(hw.as_slice().into()),
        ..GateFields::default()
    };
    let gates = Gates { input: views(), forget: views(), candidate: views(), output: views() };
    let projection = projects.then(|| projection.as_slice().into());
    let all = WeightFields { gates, projection };
    let weights = Weights::pack(&layer, &BoundWeights::bind(&checked, &all).unwrap()).unwrap();
    Prepared { plan, weights, x, y, hn }
}

impl Prepared {
    fn run(&mut self, workspace: &mut Workspace) {
        let inputs = Inputs { data: Some(self.x.as_slice().into()), ..Inputs::default() };
        let outputs = Outputs {
            data: Some(self.y.as_mut_slice().into()),
            hidden: Some(self.hn.as_mut_slice().into()),
            cell: None,
        };
        forward(&self.plan, &self.weights, workspace, inputs, outputs).unwrap();
    }
}

#[test]
fn a_planned_forward_call_allocates_nothing() {
    for level in Level::available() {
        for (limit, projects) in [(None, false), (Some(0.5), false), (None, true)] {
            one_thread(level, Variant { limit, projects });
        }
    }
    two_threads();
}

fn one_thread(level: Level, variant: Variant) {
    let mut prepared = prepare(level, 1, variant);
    let mut workspace = Workspace::new(&prepared.plan).unwrap();
    let ((), counts) = measure(|| prepared.run(&mut workspace));
    assert_eq!(counts.allocations, 0, "{level:?}: {counts:?}");
    assert!(prepared.y.iter().all(|value| value.is_finite()));
}

/// Handing a computation to another thread takes a few small blocks of memory each time; they are given back, and
/// nothing else allocates.
fn two_threads() {
    const CALLS: u64 = 256;
    let mut prepared = prepare(Level::best(), 2, Variant::default());
    let mut workspace = Workspace::new(&prepared.plan).unwrap();
    prepared.run(&mut workspace);
    let before = process_counts();
    for _ in 0..CALLS {
        prepared.run(&mut workspace);
    }
    let counts = process_counts().since(before);
    assert!(counts.allocations <= 4 * CALLS, "{counts:?} in {CALLS} calls");
    assert!(counts.bytes <= counts.freed + 4096, "{counts:?} in {CALLS} calls");
}
