//! What each kind of fault means and what to do about it.
//!
//! In: a [`Code`]. Out: the sentences of the documentation. It does not know where a fault was found.

use super::code::Code;

impl Code {
    /// What the code means and what to do about it, for the documentation and for `error_codes()`.
    #[allow(clippy::too_many_lines, reason = "a table, one entry for each code")]
    pub fn explain(self) -> &'static str {
        match self {
            Self::WrongType => {
                "The field holds an object of the wrong kind, for example a list where an array is \
                 needed or a text where a number is needed."
            }
            Self::OutOfRange => {
                "The number cannot be stored in its field: sizes are not negative and fit the address \
                 space, flags and enum values fit 32 bits, a seed fits 64 bits."
            }
            Self::ZeroSize => {
                "input_size, hidden_size, batch_size, num_layers and seq_len must be at least 1."
            }
            Self::SizeOverflow => {
                "A product of sizes, or of sizes and strides, is larger than the address space. No \
                 array can have that many elements."
            }
            Self::InvalidDropout => "dropout must be a number p with 0 <= p < 1.",
            Self::UnknownFlag => {
                "A bit is set that has no meaning. lstm_flags knows 1 (bidirectional) and 2 (default \
                 activations); the flags of an array and of the filter parameters know 0 and 1."
            }
            Self::UnknownLayout => {
                "The layout is no value of BNNSDataLayout. 0 (unspecified) is possible only where all \
                 sizes are 0, and for the input and output sequence, where it means SNE."
            }
            Self::UnsupportedLayout => {
                "The layout exists in BNNS but does not describe this field: sequences take SNE, NSE \
                 and the 3D layouts; weights, states and biases take Vector, the matrix layouts and \
                 the 1D to 4D layouts."
            }
            Self::RankMismatch => {
                "The descriptor has too few or too many dimensions. Leading dimensions (layers, \
                 directions) may be left out only where their extent is 1."
            }
            Self::SizeMismatch => {
                "The extent contradicts the layer's parameters. 0 takes the extent from them."
            }
            Self::StrideOrder => {
                "Explicit strides must not decrease with the dimension index. Another memory order is \
                 said by another layout."
            }
            Self::InvalidStride => {
                "The array's own strides must be positive multiples of its element size: no reversed, \
                 no broadcast and no misaligned arrays."
            }
            Self::SelfOverlap => {
                "Two elements of this output would share memory: a stride is smaller than what the \
                 faster dimensions need."
            }
            Self::OutOfBounds => {
                "With these sizes and strides the last element lies outside of the memory that was \
                 handed in."
            }
            Self::NotContiguous => {
                "Explicit sizes or strides describe a contiguous buffer, and the array is not one. Leave \
                 them out to use the array's own."
            }
            Self::NullData => {
                "This array is needed: the input sequence, iw_desc[0] and hw_desc of all four gates."
            }
            Self::MissingOutput => {
                "At least one of the output sequence, the final hidden state and the final cell state \
                 must be given."
            }
            Self::MissingGradient => {
                "The backward pass starts from gradients with respect to the outputs: at least one of the \
                 three arrays of delta_params.output_descriptor must be given."
            }
            Self::DeltaMismatch => {
                "delta_params must describe the layer of params: the five sizes and the bidirectional flag \
                 are the same; dropout and the batch sizes are the same or left out (0 and null)."
            }
            Self::GradientWithoutWeight => {
                "A gradient is wanted for a bias or a peephole that is null in params, so the gate has none."
            }
            Self::GradientForm => {
                "A gradient has the form of its weight: a peephole is a full matrix or a diagonal in both (of \
                 one hidden unit, either), and input weights are in one array (joint) or in two (split) in \
                 both."
            }
            Self::InitialStateOverwritten => {
                "The backward pass needs the initial state, but params has the final state in the same \
                 memory, so that the forward pass has overwritten it. Use an array of its own for each in \
                 training."
            }
            Self::ReadOnly => "Results are written to this array, and it cannot be written.",
            Self::Overlap => {
                "This output shares memory with another array, or its memory interleaves with another \
                 one's so that they cannot be told apart. Only a final state may be written over the \
                 very initial state that it came from."
            }
            Self::Misaligned => "The memory must start on a multiple of its element's size.",
            Self::InUse => {
                "Another call is using this array at this moment: reading it while this call wants to \
                 write, or writing it."
            }
            Self::UnknownDataType => "The data type is no value of BNNSDataType.",
            Self::UnsupportedDataType => {
                "The data type cannot be used here: arrays are Float32, the sequence descriptor is an \
                 integer type of 8 to 64 bits."
            }
            Self::DataTypeMismatch => "The declared data type is not the type of the array.",
            Self::UnexpectedTable => "A lookup table belongs to the Indexed data types only.",
            Self::JointWeightsWidth => {
                "With more than one layer and without a separate iw_desc[1], iw_desc[0] holds the input \
                 weights of all layers, so input_size must equal hidden_size times the directions."
            }
            Self::SequenceIncreasing => {
                "The batch is sorted by length, longest first, so the number of active samples must \
                 not increase from step to step."
            }
            Self::SequenceEmpty => "At the first step at least one sample must be active.",
            Self::SequenceExceedsBatch => "No step can have more active samples than batch_size.",
            Self::SequenceNegative => "A number of active samples cannot be negative.",
            Self::MissingActivation => {
                "Without the default-activations flag each gate and the hidden state need an activation."
            }
            Self::UnknownActivation => "The function is no value of BNNSActivationFunction.",
            Self::UnsupportedActivation => {
                "The function exists in BNNS but is not element-wise: it works on integers, across the \
                 vector, at random, or per channel."
            }
            Self::InvalidActivationParameter => {
                "The function uses this parameter, and it is not a number (NaN)."
            }
            Self::TooManyThreads => "n_threads must be at most 1024; 0 chooses by itself.",
            Self::UnsupportedAllocator => {
                "alloc_memory and free_memory cannot be honoured: memory comes from the Rust allocator."
            }
            Self::CacheTooSmall => {
                "The training cache has fewer bytes than compute_lstm_training_cache_capacity says for this \
                 layer and these filter parameters."
            }
            Self::CacheNotFilled => {
                "The backward pass reads what a forward call left in the training cache, and no forward \
                 call has filled this one."
            }
            Self::ForeignCache => {
                "The training cache was filled for another layer: sizes, flags, activations, peepholes, batch \
                 sizes, dropout with its seed, and checkpoint_steps must be those of the forward call."
            }
            Self::ChangedWeights => {
                "The weights were changed since the forward call that filled the training cache, so that the \
                 gradients would be those of neither: call forward again, or restore the weights."
            }
        }
    }
}
