//! The kinds of faults.
//!
//! In: nothing. Out: [`Code`], its stable name and its explanation, for messages, docs, Python and C alike.
//! It does not know where a fault was found.

/// The kind of a fault; its [`name`](Code::name) is public and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// A field holds an object of the wrong kind.
    WrongType,
    /// A number is outside of the range of its field.
    OutOfRange,
    /// A layer size is zero.
    ZeroSize,
    /// A product of sizes or strides does not fit into the address space.
    SizeOverflow,
    /// The dropout ratio is not in `[0, 1)`.
    InvalidDropout,
    /// A flag field has an unknown bit.
    UnknownFlag,
    /// The layout value does not exist.
    UnknownLayout,
    /// The layout exists but says nothing about this field.
    UnsupportedLayout,
    /// The number of dimensions does not fit the field.
    RankMismatch,
    /// An extent contradicts the layer's parameters.
    SizeMismatch,
    /// Strides decrease with the dimension index.
    StrideOrder,
    /// An array has a negative or a zero stride, or one that is no multiple of its element.
    InvalidStride,
    /// Two elements of an output share memory.
    SelfOverlap,
    /// Sizes and strides step outside of the memory that was handed in.
    OutOfBounds,
    /// Explicit sizes or strides over an array that is not one contiguous buffer.
    NotContiguous,
    /// Data is needed and none was given.
    NullData,
    /// None of the three outputs was given.
    MissingOutput,
    /// An output array cannot be written.
    ReadOnly,
    /// An output shares memory with another array.
    Overlap,
    /// The memory does not start on a multiple of its element's size.
    Misaligned,
    /// Another call is using the array right now.
    InUse,
    /// The data type value does not exist.
    UnknownDataType,
    /// The data type exists but cannot be used for this field.
    UnsupportedDataType,
    /// The declared data type is not the array's own.
    DataTypeMismatch,
    /// A lookup table was given for a type that has none.
    UnexpectedTable,
    /// The joint form of the input weights needs equal widths in all layers.
    JointWeightsWidth,
    /// Batch sizes increase from one step to the next.
    SequenceIncreasing,
    /// No sample is active at the first step.
    SequenceEmpty,
    /// More samples are active than the batch has.
    SequenceExceedsBatch,
    /// A batch size is negative.
    SequenceNegative,
    /// A gate or the hidden state needs an activation and has none.
    MissingActivation,
    /// The activation value does not exist.
    UnknownActivation,
    /// The activation exists but is not element-wise.
    UnsupportedActivation,
    /// A parameter that the activation uses is not a number.
    InvalidActivationParameter,
    /// More threads than a call may use.
    TooManyThreads,
    /// Own memory functions were given.
    UnsupportedAllocator,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::WrongType,
        Self::OutOfRange,
        Self::ZeroSize,
        Self::SizeOverflow,
        Self::InvalidDropout,
        Self::UnknownFlag,
        Self::UnknownLayout,
        Self::UnsupportedLayout,
        Self::RankMismatch,
        Self::SizeMismatch,
        Self::StrideOrder,
        Self::InvalidStride,
        Self::SelfOverlap,
        Self::OutOfBounds,
        Self::NotContiguous,
        Self::NullData,
        Self::MissingOutput,
        Self::ReadOnly,
        Self::Overlap,
        Self::Misaligned,
        Self::InUse,
        Self::UnknownDataType,
        Self::UnsupportedDataType,
        Self::DataTypeMismatch,
        Self::UnexpectedTable,
        Self::JointWeightsWidth,
        Self::SequenceIncreasing,
        Self::SequenceEmpty,
        Self::SequenceExceedsBatch,
        Self::SequenceNegative,
        Self::MissingActivation,
        Self::UnknownActivation,
        Self::UnsupportedActivation,
        Self::InvalidActivationParameter,
        Self::TooManyThreads,
        Self::UnsupportedAllocator,
    ];

    /// The stable name, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::ZeroSize => "zero_size",
            Self::SizeOverflow => "size_overflow",
            Self::InvalidDropout => "invalid_dropout",
            Self::UnknownFlag => "unknown_flag",
            Self::UnknownLayout => "unknown_layout",
            Self::UnsupportedLayout => "unsupported_layout",
            Self::RankMismatch => "rank_mismatch",
            Self::SizeMismatch => "size_mismatch",
            Self::StrideOrder => "stride_order",
            Self::InvalidStride => "invalid_stride",
            Self::SelfOverlap => "self_overlap",
            Self::OutOfBounds => "out_of_bounds",
            Self::NotContiguous => "not_contiguous",
            Self::NullData => "null_data",
            Self::MissingOutput => "missing_output",
            Self::ReadOnly => "read_only",
            Self::Overlap => "overlap",
            Self::Misaligned => "misaligned",
            Self::InUse => "in_use",
            Self::UnknownDataType => "unknown_data_type",
            Self::UnsupportedDataType => "unsupported_data_type",
            Self::DataTypeMismatch => "data_type_mismatch",
            Self::UnexpectedTable => "unexpected_table",
            Self::JointWeightsWidth => "joint_weights_width",
            Self::SequenceIncreasing => "sequence_increasing",
            Self::SequenceEmpty => "sequence_empty",
            Self::SequenceExceedsBatch => "sequence_exceeds_batch",
            Self::SequenceNegative => "sequence_negative",
            Self::MissingActivation => "missing_activation",
            Self::UnknownActivation => "unknown_activation",
            Self::UnsupportedActivation => "unsupported_activation",
            Self::InvalidActivationParameter => "invalid_activation_parameter",
            Self::TooManyThreads => "too_many_threads",
            Self::UnsupportedAllocator => "unsupported_allocator",
        }
    }

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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_snake_case_and_explained() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.name().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code:?}");
            assert!(code.explain().ends_with('.'), "{code:?}");
        }
    }
}
