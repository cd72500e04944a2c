//! The kinds of faults.
//!
//! In: nothing. Out: [`Code`] and its stable name, for messages, docs, Python and C alike.
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
    /// None of the three incoming gradients was given.
    MissingGradient,
    /// The structure of the gradients describes another layer.
    DeltaMismatch,
    /// A gradient is wanted for a weight that the layer does not have.
    GradientWithoutWeight,
    /// A gradient has another form than its weight.
    GradientForm,
    /// The backward pass needs an initial state that the forward pass has overwritten.
    InitialStateOverwritten,
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
    /// The training cache has fewer bytes than the layer needs.
    CacheTooSmall,
    /// No forward call has filled the training cache.
    CacheNotFilled,
    /// The training cache was filled for another layer or by another version.
    ForeignCache,
    /// The weights are not those that the training cache was filled with.
    ChangedWeights,
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
        Self::MissingGradient,
        Self::DeltaMismatch,
        Self::GradientWithoutWeight,
        Self::GradientForm,
        Self::InitialStateOverwritten,
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
        Self::CacheTooSmall,
        Self::CacheNotFilled,
        Self::ForeignCache,
        Self::ChangedWeights,
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
            Self::MissingGradient => "missing_gradient",
            Self::DeltaMismatch => "delta_mismatch",
            Self::GradientWithoutWeight => "gradient_without_weight",
            Self::GradientForm => "gradient_form",
            Self::InitialStateOverwritten => "initial_state_overwritten",
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
            Self::CacheTooSmall => "cache_too_small",
            Self::CacheNotFilled => "cache_not_filled",
            Self::ForeignCache => "foreign_cache",
            Self::ChangedWeights => "changed_weights",
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
