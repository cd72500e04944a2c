//! A layer to time: default activations, a bias for each gate, as many inputs as hidden units.
//!
//! In: steps, samples, hidden units, and whether it is for training. Out: its plan, its weights as the
//! caller has them, its arrays.

use bnns_lstm::{
    BackwardWeights, Caches, Checked, DataLayout, FilterParameters, GateViews, Gates, Inputs,
    LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags, LayerParametersLSTM, LayerPlan, Level,
    NDArrayDescriptor, Options, Outputs, Plan, Tuning, WeightViews, Weights, check,
};
use ndarray::{aview_mut1, aview1};
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
    pub fn new(level: Level, size: Size, training: bool) -> Self {
        let Size { steps, batch, hidden } = size;
        let x = values(steps * batch * hidden, 1.0);
        let mut y = vec![0.0; steps * batch * hidden];
        let w = values(hidden * hidden, (hidden as f32).sqrt().recip());
        let b = values(hidden, 0.1);
        // The numbers of one machine, so that counts are those of every machine.
        let tuning = Tuning::new(Caches::REFERENCE);
        let options = Options { level, n_threads: 1, training, tuning, ..Default::default() };
        let checked = checked(size, &x, &mut y, [&w, &b]);
        let layer = LayerPlan::new(&checked, options);
        let plan = Plan::new(&layer, &checked, options).expect("a layer of moderate size");
        Self { plan, checked, x, y, w, b }
    }

    pub fn views(&self) -> WeightViews<'_> {
        Gates::from_fn(|_| GateViews {
            iw: aview1(&self.w).into_dyn(),
            iw_upper: None,
            hw: aview1(&self.w).into_dyn(),
            cw: None,
            b: Some(aview1(&self.b).into_dyn()),
        })
    }

    pub fn weights(&self) -> Weights {
        Weights::pack(self.plan.layer(), &self.checked, &self.views()).expect(CHECKED)
    }

    pub fn backward_weights(&self) -> BackwardWeights {
        BackwardWeights::pack(self.plan.layer(), &self.checked, &self.views()).expect(CHECKED)
    }

    /// The arrays of a forward call.
    pub fn arrays(&mut self) -> (&Plan, Inputs<'_>, Outputs<'_>) {
        let inputs = Inputs { data: aview1(&self.x).into_dyn(), hidden: None, cell: None };
        let data = Some(aview_mut1(&mut self.y).into_dyn());
        (&self.plan, inputs, Outputs { data, hidden: None, cell: None })
    }
}

const CHECKED: &str = "the views are those that were checked";

fn checked(size: Size, x: &[f32], y: &mut [f32], [w, b]: [&[f32]; 2]) -> Checked {
    let Size { steps, batch, hidden } = size;
    let matrix = || NDArrayDescriptor::read(w, DataLayout::FIRST_MAJOR_4D, &[]);
    let gates = Gates::from_fn(|_| LSTMGateDescriptor {
        iw_desc: [matrix(), NDArrayDescriptor::absent()],
        hw_desc: matrix(),
        b_desc: NDArrayDescriptor::read(b, DataLayout::FIRST_MAJOR_3D, &[]),
        ..Default::default()
    });
    let sequence = |data_desc| LSTMDataDescriptor { data_desc, ..Default::default() };
    let params = LayerParametersLSTM {
        input_size: hidden,
        hidden_size: hidden,
        batch_size: batch,
        num_layers: 1,
        seq_len: steps,
        lstm_flags: LayerFlags::LSTM_DEFAULT_ACTIVATIONS,
        input_descriptor: sequence(NDArrayDescriptor::read(x, DataLayout::SNE, &[])),
        output_descriptor: sequence(NDArrayDescriptor::write(y, DataLayout::SNE, &[])),
        input_gate: gates.input,
        forget_gate: gates.forget,
        candidate_gate: gates.candidate,
        output_gate: gates.output,
        ..Default::default()
    };
    check(&params, &FilterParameters::default()).expect("a layer as it should be")
}

/// Floats between `-bound` and `bound`, always the same.
fn values(count: usize, bound: f32) -> Vec<f32> {
    // A linear congruential generator (Knuth, MMIX).
    let mut state = 1_u64;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let unit = (state >> 40) as f32 / (1_u64 << 24) as f32;
        (2.0 * unit - 1.0) * bound
    };
    std::iter::repeat_with(next).take(count).collect()
}
