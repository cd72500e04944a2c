//! What a layer may have beyond BNNS.
//!
//! In: the caller's wishes. Out: [`LSTMExtensions`], one optional value after the fields of Apple's structure, which
//! may be wrong. It computes nothing.

use super::array::NDArrayDescriptor;
use crate::variant::Coupled;

/// What a layer may have beyond BNNS. Not in Apple's structure; the default asks for nothing.
#[derive(Debug)]
pub struct LSTMExtensions<'a> {
    /// The new cell state is limited to this in both directions, before the output gate's peephole and the hidden
    /// activation see it, and is carried on limited. Its gradient is 0 where the limit acted.
    ///
    /// `cell_clip` of `TensorFlow`'s `LSTMBlockCell`, whose gradient passes straight through the limit instead.
    pub cell_clip: Option<f32>,
    /// The argument of every activation is limited to this in both directions. Its gradient is 0 where the limit acted.
    ///
    /// `clip` of ONNX' LSTM: "Cell clip threshold. Clipping bounds the elements of a tensor in the range of
    /// [-threshold, +threshold] and is applied to the input of activations."
    pub gate_clip: Option<f32>,
    /// Whether that holds for the hidden activation too, as ONNX' text says; ONNX Runtime and Core ML leave its
    /// argument alone. The cell state itself is carried on as it is.
    pub gate_clip_hidden: bool,
    /// A gate without weights, bias, peephole and activation.
    pub coupled: Option<Coupled>,
    /// Whether the one direction reads each sample from its own last step to its first. Outputs stand in the order
    /// of the steps, the final states are those after step 0. `direction="reverse"` of ONNX' LSTM.
    pub reverse: bool,
    /// Elements of the hidden state and of the output of one direction, P, from 1 to `hidden_size`, H; `None` for a
    /// layer without a projection. Then `h' = W_hr · (o ⊙ τ(c'))`, where τ is the hidden activation: hidden states and
    /// outputs have P elements, cell states H, hidden weights are `[4 H, P]`, and upper layers read P values of each
    /// direction. Peepholes see the cell state.
    ///
    /// The recurrent projection of Sak, Senior and Beaufays, "Long Short-Term Memory Recurrent Neural Network
    /// Architectures for Large Scale Acoustic Modeling", Interspeech 2014, and `proj_size` of `PyTorch`'s LSTM.
    /// `TensorFlow`'s `proj_clip`, a limit of h', is not there.
    pub projection_size: Option<usize>,
    /// The weights of the projection, `W_hr`, `[layers, directions, projection_size, hidden_size]`; there if and only
    /// if there is a `projection_size`. In the structure of gradients, their gradient, where it is wanted.
    pub projection_desc: NDArrayDescriptor<'a>,
}

impl Default for LSTMExtensions<'_> {
    fn default() -> Self {
        Self {
            cell_clip: None,
            gate_clip: None,
            gate_clip_hidden: true,
            coupled: None,
            reverse: false,
            projection_size: None,
            projection_desc: NDArrayDescriptor::absent(),
        }
    }
}
