//! What a layer may have beyond BNNS.
//!
//! In: the caller's wishes. Out: [`LSTMExtensions`], one optional value after the fields of Apple's structure, which
//! may be wrong. It computes nothing.

use crate::variant::Coupled;

/// What a layer may have beyond BNNS. Not in Apple's structure; the default asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LSTMExtensions {
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
}

impl Default for LSTMExtensions {
    fn default() -> Self {
        let (cell_clip, gate_clip, coupled) = (None, None, None);
        Self { cell_clip, gate_clip, gate_clip_hidden: true, coupled, reverse: false }
    }
}
