//! The structures of the layer: `BNNSLayerParametersLSTM` and its parts.
//!
//! In: the caller's descriptors. Out: one structure that says everything about a call, and may be wrong.
//! It computes nothing.

use super::activation::Activation;
use super::array::NDArrayDescriptor;
use super::constants::LayerFlags;
use super::extensions::LSTMExtensions;
use crate::fields::{DataFields, GateFields, WeightFields};
use crate::gate::{Gate, Gates};

/// `BNNSLSTMDataDescriptor`: a sequence and the states at its end.
#[derive(Debug, Default)]
pub struct LSTMDataDescriptor<'a> {
    /// Input `[seq_len, batch, input_size]` or output `[seq_len, batch, directions * hidden_size]`. Where the layer has
    /// a projection, `hidden_size` of outputs and hidden states is `projection_size`.
    pub data_desc: NDArrayDescriptor<'a>,
    /// Hidden state, `[layers, directions, batch, hidden_size]`.
    pub hidden_desc: NDArrayDescriptor<'a>,
    /// Cell state, `[layers, directions, batch, hidden_size]`.
    pub cell_state_desc: NDArrayDescriptor<'a>,
}

impl<'a> LSTMDataDescriptor<'a> {
    /// The arrays by name.
    pub fn fields(&self) -> DataFields<&NDArrayDescriptor<'a>> {
        let Self { data_desc, hidden_desc, cell_state_desc } = self;
        DataFields { data: data_desc, hidden: hidden_desc, cell: cell_state_desc }
    }

    /// The arrays by name, to change.
    pub fn fields_mut(&mut self) -> DataFields<&mut NDArrayDescriptor<'a>> {
        let Self { data_desc, hidden_desc, cell_state_desc } = self;
        DataFields { data: data_desc, hidden: hidden_desc, cell: cell_state_desc }
    }

    /// A descriptor with these arrays.
    pub fn from_fields(fields: DataFields<NDArrayDescriptor<'a>>) -> Self {
        let DataFields { data, hidden, cell } = fields;
        Self { data_desc: data, hidden_desc: hidden, cell_state_desc: cell }
    }
}

/// `BNNSLSTMGateDescriptor`: the weights of one gate.
#[derive(Debug, Default)]
pub struct LSTMGateDescriptor<'a> {
    /// Input weights. Joint form: all layers in the first. Split form: layer 0 in the first, the layers
    /// above in the second.
    pub iw_desc: [NDArrayDescriptor<'a>; 2],
    /// Hidden weights, `[layers, directions, hidden_size, hidden_size]`; the last extent is `projection_size` where the
    /// layer has a projection, and so is that of the upper layers' input weights, for each direction.
    pub hw_desc: NDArrayDescriptor<'a>,
    /// Peephole: `[layers, directions, hidden_size, hidden_size]`, or the diagonal
    /// `[layers, directions, hidden_size]`, or absent.
    pub cw_desc: NDArrayDescriptor<'a>,
    /// Bias, `[layers, directions, hidden_size]`, or absent.
    pub b_desc: NDArrayDescriptor<'a>,
    /// Activation; `None` where the default-activations flag is set.
    pub activation: Option<Activation<'a>>,
}

impl<'a> LSTMGateDescriptor<'a> {
    /// The arrays by name.
    pub fn fields(&self) -> GateFields<&NDArrayDescriptor<'a>> {
        let Self { iw_desc: [iw, iw_upper], hw_desc, cw_desc, b_desc, .. } = self;
        GateFields { iw, iw_upper, hw: hw_desc, cw: cw_desc, b: b_desc }
    }

    /// The arrays by name, to change.
    pub fn fields_mut(&mut self) -> GateFields<&mut NDArrayDescriptor<'a>> {
        let Self { iw_desc: [iw, iw_upper], hw_desc, cw_desc, b_desc, .. } = self;
        GateFields { iw, iw_upper, hw: hw_desc, cw: cw_desc, b: b_desc }
    }

    /// A descriptor with these arrays.
    pub fn from_fields(
        fields: GateFields<NDArrayDescriptor<'a>>,
        activation: Option<Activation<'a>>,
    ) -> Self {
        let GateFields { iw, iw_upper, hw, cw, b } = fields;
        Self { iw_desc: [iw, iw_upper], hw_desc: hw, cw_desc: cw, b_desc: b, activation }
    }
}

/// `BNNSLayerParametersLSTM`: one LSTM layer and the arrays of one call.
#[derive(Debug, Default)]
pub struct LayerParametersLSTM<'a> {
    /// Elements of one input vector.
    pub input_size: usize,
    /// Elements of the hidden state and of the cell state.
    pub hidden_size: usize,
    /// Samples.
    pub batch_size: usize,
    /// Stacked layers.
    pub num_layers: usize,
    /// Steps.
    pub seq_len: usize,
    /// Ratio of values dropped between stacked layers, in training.
    pub dropout: f32,
    /// Directions and default activations.
    pub lstm_flags: LayerFlags,
    /// Number of active samples at each step, `[seq_len]`; absent: all.
    pub sequence_descriptor: NDArrayDescriptor<'a>,
    /// Input and initial states.
    pub input_descriptor: LSTMDataDescriptor<'a>,
    /// Output and final states.
    pub output_descriptor: LSTMDataDescriptor<'a>,
    /// How much of the candidate enters the cell.
    pub input_gate: LSTMGateDescriptor<'a>,
    /// How much of the old cell state stays.
    pub forget_gate: LSTMGateDescriptor<'a>,
    /// What enters the cell.
    pub candidate_gate: LSTMGateDescriptor<'a>,
    /// How much of the cell is shown.
    pub output_gate: LSTMGateDescriptor<'a>,
    /// Applied to the new cell state; `None` where the default-activations flag is set.
    pub hidden_activation: Option<Activation<'a>>,
    /// What the layer has beyond BNNS; `None` is the layer of BNNS. Not in Apple's structure.
    pub extensions: Option<LSTMExtensions<'a>>,
}

/// The descriptors of a structure that hold arrays of floats.
pub(crate) struct Parts<'p, 'a> {
    pub(crate) input: &'p mut LSTMDataDescriptor<'a>,
    pub(crate) output: &'p mut LSTMDataDescriptor<'a>,
    /// `None` for a projection that the structure says nothing of.
    pub(crate) weights: WeightFields<Option<&'p mut NDArrayDescriptor<'a>>>,
}

impl<'a> LayerParametersLSTM<'a> {
    /// The descriptors of all gates.
    pub fn gates(&self) -> Gates<&LSTMGateDescriptor<'a>> {
        Gates::from_fn(|gate| self.gate(gate))
    }

    /// The descriptors of all weights; `None` for a projection that the structure says nothing of.
    pub(crate) fn weights(&self) -> WeightFields<Option<&NDArrayDescriptor<'a>>> {
        WeightFields {
            gates: self.gates().map(|_, gate| gate.fields().map(|_, desc| Some(desc))),
            projection: self.extensions.as_ref().map(|asked| &asked.projection_desc),
        }
    }

    /// The descriptors of the input, of the output and of all weights, to change.
    pub(crate) fn parts_mut(&mut self) -> Parts<'_, 'a> {
        let gates = Gates {
            input: &mut self.input_gate,
            forget: &mut self.forget_gate,
            candidate: &mut self.candidate_gate,
            output: &mut self.output_gate,
        };
        let weights = WeightFields {
            gates: gates.map(|_, gate| gate.fields_mut().map(|_, desc| Some(desc))),
            projection: self.extensions.as_mut().map(|asked| &mut asked.projection_desc),
        };
        Parts { input: &mut self.input_descriptor, output: &mut self.output_descriptor, weights }
    }

    /// The descriptor of a gate.
    pub fn gate(&self, gate: Gate) -> &LSTMGateDescriptor<'a> {
        match gate {
            Gate::Input => &self.input_gate,
            Gate::Forget => &self.forget_gate,
            Gate::Candidate => &self.candidate_gate,
            Gate::Output => &self.output_gate,
        }
    }
}

/// Which steps the training cache holds. Gradients are the same to the last bit; in the gemm route of products
/// ([`Route`](crate::Route)), but for rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checkpoints {
    /// All of them, as in BNNS: memory grows with the number of steps.
    #[default]
    EveryStep,
    /// The states before every k-th step; the backward pass computes the steps in between again.
    Every(usize),
    /// As `Every` with the square root of the number of steps, rounded up.
    SquareRoot,
}

/// `BNNSFilterParameters`: how a call is run. Its memory functions have no counterpart here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilterParameters {
    /// 0, or 1 for "use the client's pointers", which is what always happens.
    pub flags: u32,
    /// Threads to use at most; 0 chooses.
    pub n_threads: usize,
    /// Key of the dropout mask; looked at in training only.
    pub seed: u64,
    /// What the training cache holds; looked at in training only. Not in BNNS.
    pub checkpoints: Checkpoints,
}
