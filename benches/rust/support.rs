//! A layer to time: default activations, a bias for each gate, as many inputs as hidden units.
//!
//! In: steps, samples, hidden units, and whether it is for training. Out: its plan, its weights as the
//! caller has them, its arrays.

use bnns_lstm::binding::{
    BackwardWeights, BoundWeights, Caches, Checked, GateFields, Gates, Inputs, LayerPlan, Outputs,
    Plan, Tuning, WeightFields, WeightViews, Weights, check,
};
use bnns_lstm::{
    Data, DataLayout, DataType, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor,
    LayerFlags, LayerParametersLSTM, Level, NDArrayDescriptor, Options,
};
use bnns_lstm_testkit::random::Rng;
use std::fmt;

/// What a layer is measured by.
#[derive(Clone, Copy)]
pub struct Size {
    pub steps: usize,
    pub batch: usize,
    pub hidden: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{}.B{}.H{}", self.steps, self.batch, self.hidden)
    }
}

/// One thread.
pub fn options(level: Level, training: bool) -> Options {
    // The numbers of one machine, so that counts are those of every machine.
    let tuning = Tuning::new(Caches::REFERENCE);
    Options { level, n_threads: 1, training, tuning, ..Default::default() }
}

/// A planned layer and all of its arrays.
pub struct Layer {
    pub plan: Plan,
    pub checked: Checked,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    /// `[hidden, hidden]`, the same for inputs and hidden states and for each gate.
    pub w: Vec<f32>,
    pub b: Vec<f32>,
}

impl Layer {
    pub fn new(size: Size, options: Options) -> Self {
        let Size { steps, batch, hidden } = size;
        let x = values(steps * batch * hidden, 1.0);
        let mut y = vec![0.0; steps * batch * hidden];
        let w = values(hidden * hidden, (hidden as f32).sqrt().recip());
        let b = values(hidden, 0.1);
        let gates = Gates::from_fn(|_| gate([&w[..], &w, &b].map(Data::from)));
        let params = params(size, &x[..], &mut y[..], gates);
        let checked =
            check(&params, &FilterParameters::default()).expect("a layer as it should be");
        let layer = LayerPlan::new(&checked, options);
        let plan = Plan::new(&layer, &checked, options).expect("a layer of moderate size");
        Self { plan, checked, x, y, w, b }
    }

    pub fn views(&self) -> WeightViews<'_> {
        let gates = Gates::from_fn(|_| GateFields {
            iw: Some(self.w.as_slice().into()),
            hw: Some(self.w.as_slice().into()),
            b: Some(self.b.as_slice().into()),
            ..GateFields::default()
        });
        WeightFields { gates, projection: None }
    }

    pub fn weights(&self) -> Weights {
        let views = self.views();
        let bound = BoundWeights::bind(&self.checked, &views).expect(CHECKED);
        Weights::pack(self.plan.layer(), &bound).expect(CHECKED)
    }

    pub fn backward_weights(&self) -> BackwardWeights {
        let views = self.views();
        let bound = BoundWeights::bind(&self.checked, &views).expect(CHECKED);
        BackwardWeights::pack(self.plan.layer(), &bound).expect(CHECKED)
    }

    /// The arrays of a forward call.
    pub fn arrays(&mut self) -> (&Plan, Inputs<'_>, Outputs<'_>) {
        let inputs = Inputs { data: Some(self.x.as_slice().into()), ..Inputs::default() };
        let outputs = Outputs { data: Some(self.y.as_mut_slice().into()), ..Outputs::default() };
        (&self.plan, inputs, outputs)
    }
}

const CHECKED: &str = "the views are those that were checked";

/// A layer, or its gradients, in which data is read or written.
pub fn params<'a>(
    size: Size,
    input: impl Into<Data<'a>>,
    output: impl Into<Data<'a>>,
    gates: Gates<LSTMGateDescriptor<'a>>,
) -> LayerParametersLSTM<'a> {
    let Size { steps, batch, hidden } = size;
    let sequence = |data| LSTMDataDescriptor {
        data_desc: NDArrayDescriptor { layout: DataLayout::SNE, ..array(data) },
        ..Default::default()
    };
    LayerParametersLSTM {
        input_size: hidden,
        hidden_size: hidden,
        batch_size: batch,
        num_layers: 1,
        seq_len: steps,
        lstm_flags: LayerFlags::LSTM_DEFAULT_ACTIVATIONS,
        input_descriptor: sequence(input.into()),
        output_descriptor: sequence(output.into()),
        input_gate: gates.input,
        forget_gate: gates.forget,
        candidate_gate: gates.candidate,
        output_gate: gates.output,
        ..Default::default()
    }
}

/// Input weights, hidden weights and bias of a gate, or their gradients.
pub fn gate([iw, hw, b]: [Data<'_>; 3]) -> LSTMGateDescriptor<'_> {
    let matrix = |data| NDArrayDescriptor { layout: DataLayout::FIRST_MAJOR_4D, ..array(data) };
    LSTMGateDescriptor {
        iw_desc: [matrix(iw), NDArrayDescriptor::absent()],
        hw_desc: matrix(hw),
        b_desc: NDArrayDescriptor { layout: DataLayout::FIRST_MAJOR_3D, ..array(b) },
        ..Default::default()
    }
}

/// An array with sizes as its field has them.
fn array(data: Data<'_>) -> NDArrayDescriptor<'_> {
    NDArrayDescriptor { data, data_type: DataType::FLOAT32, ..Default::default() }
}

fn values(count: usize, bound: f32) -> Vec<f32> {
    let drawn = Rng::new(1).reals(count, bound.into());
    drawn.into_iter().map(|value| value as f32).collect()
}
