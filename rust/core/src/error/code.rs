//! The kinds of faults: one table.
//!
//! In: nothing. Out: [`Code`], its stable name, and what it means and what to do about it, for messages, docs,
//! Python and C alike. It does not know where a fault was found.

/// One entry of the table: what Rust calls the code, its stable name, and the sentences of the documentation.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident, $name:literal, $explanation:literal;)*) => {
        /// The kind of a fault; its [`name`](Code::name) is public and stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The stable name, in `snake_case`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }

            /// What the code means and what to do about it, for the documentation and for `error_codes()`.
            #[allow(clippy::too_many_lines, reason = "a table, one entry for each code")]
            pub fn explain(self) -> &'static str {
                match self {
                    $(Self::$code => $explanation,)*
                }
            }
        }
    };
}

codes! {
    /// A field holds an object of the wrong kind.
    WrongType, "wrong_type",
        "The field holds an object of the wrong kind, for example a list where an array is needed \
         or a string where a number is needed.";
    /// A number is outside of the range of its field.
    OutOfRange, "out_of_range",
        "The number cannot be stored in its field: sizes are not negative and fit the address \
         space, flags and enum values fit 32 bits, a seed fits 64 bits, inputs and weights fit float32.";
    /// A size is zero.
    ZeroSize, "zero_size",
        "input_size, hidden_size, batch_size, num_layers and seq_len must be at least 1, and in Rust \
         the steps of Checkpoints::Every.";
    /// A product of sizes or strides does not fit into the address space.
    SizeOverflow, "size_overflow",
        "A product of sizes, or of sizes and strides, is larger than the address space. No array \
         can have that many elements.";
    /// The dropout ratio is not in `[0, 1)`.
    InvalidDropout, "invalid_dropout",
        "dropout must be a number p with 0 <= p < 1.";
    /// A flag field has an unknown bit.
    UnknownFlag, "unknown_flag",
        "A bit is set that has no meaning. lstm_flags knows 1 (bidirectional) and 2 (default \
         activations); the flags of an array and of the filter parameters know 0 and 1.";
    /// The layout value does not exist.
    UnknownLayout, "unknown_layout",
        "The layout is no value of BNNSDataLayout. 0 (unspecified) is possible only where all \
         sizes are 0, and for the input and output sequence, where it means SNE.";
    /// The layout exists but says nothing about this field.
    UnsupportedLayout, "unsupported_layout",
        "The layout exists in BNNS but does not describe this field: sequences take SNE, NSE and \
         the 3D layouts; weights, states and biases take Vector, the matrix layouts and the 1D to \
         4D layouts.";
    /// The number of dimensions does not fit the field.
    RankMismatch, "rank_mismatch",
        "The descriptor has too few or too many dimensions. Leading dimensions (layers, \
         directions) may be left out only where their extent is 1.";
    /// An extent contradicts the layer's parameters.
    SizeMismatch, "size_mismatch",
        "The extent or the shape contradicts the layer's parameters. In a structure, 0 takes the \
         extent from them.";
    /// Strides decrease with the dimension index.
    StrideOrder, "stride_order",
        "Explicit strides must not decrease with the dimension index. Another memory order is \
         said by another layout.";
    /// An array has a negative or a zero stride, or one that is no multiple of its element.
    InvalidStride, "invalid_stride",
        "The array's own strides must be positive multiples of its element size: no reversed, no \
         broadcast and no misaligned arrays.";
    /// Two elements of an output share memory.
    SelfOverlap, "self_overlap",
        "Two elements of this output would share memory: a stride is smaller than what the faster \
         dimensions need.";
    /// Sizes and strides step outside of the memory that was handed in.
    OutOfBounds, "out_of_bounds",
        "With these sizes and strides the last element lies outside of the memory that was handed \
         in.";
    /// Explicit sizes or strides over an array that is not one contiguous buffer.
    NotContiguous, "not_contiguous",
        "Explicit sizes or strides describe a contiguous buffer, and the array is not one. Leave \
         them out to use the array's own.";
    /// Data is needed and none was given.
    NullData, "null_data",
        "This array is needed: the input sequence, iw_desc[0] and hw_desc of all four gates, and the \
         projection_desc of a layer with a projection_size.";
    /// None of the three outputs was given.
    MissingOutput, "missing_output",
        "At least one of the output sequence, the final hidden state and the final cell state \
         must be given.";
    /// None of the three incoming gradients was given.
    MissingGradient, "missing_gradient",
        "The backward pass starts from gradients with respect to the outputs: at least one of the \
         three arrays of delta_params.output_descriptor must be given, in LSTM dy or d_state.";
    /// The structure of the gradients describes another layer.
    DeltaMismatch, "delta_mismatch",
        "delta_params must describe the layer of params: the five sizes and the bidirectional \
         flag are the same; dropout, the batch sizes and each of the extensions are the same or left \
         out (0, null, and none or their defaults).";
    /// A gradient is wanted for a weight that the layer does not have.
    GradientWithoutWeight, "gradient_without_weight",
        "A gradient is wanted for a bias or a peephole that is null in params, so the gate has \
         none, for a gate that another one gives, or for the projection of a layer that has none.";
    /// A gradient has another form than its weight.
    GradientForm, "gradient_form",
        "A gradient has the form of its weight: a peephole is a full matrix or a diagonal in both \
         (of one hidden unit, either), and input weights are in one array (joint) or in two \
         (split) in both.";
    /// The backward pass needs an initial state that the forward pass has overwritten.
    InitialStateOverwritten, "initial_state_overwritten",
        "The backward pass needs the initial state, but params has the final state in the same \
         memory, so that the forward pass has overwritten it. Use an array of its own for each in \
         training.";
    /// An output array cannot be written.
    ReadOnly, "read_only",
        "Results are written to this array, and it cannot be written.";
    /// An output shares memory with another array.
    Overlap, "overlap",
        "This output shares memory with another array, or its memory interleaves with another \
         one's so that they cannot be told apart. Only a final state may be written over the very \
         initial state that it came from.";
    /// The memory does not start on a multiple of its element's size.
    Misaligned, "misaligned",
        "The memory must start on a multiple of its element's size.";
    /// Another call is using the array right now.
    InUse, "in_use",
        "Another call is using this array at this moment: reading it while this call wants to \
         write, or writing it.";
    /// The data type value does not exist.
    UnknownDataType, "unknown_data_type",
        "The data type is no value of BNNSDataType.";
    /// The data type exists but cannot be used for this field.
    UnsupportedDataType, "unsupported_data_type",
        "The data type cannot be used here: arrays are Float32, the sequence descriptor is an \
         integer type of 8 to 64 bits, weights of other libraries are floats of 16 to 64 bits.";
    /// The declared data type is not the array's own.
    DataTypeMismatch, "data_type_mismatch",
        "The declared data type is not the type of the array.";
    /// A lookup table was given for a type that has none.
    UnexpectedTable, "unexpected_table",
        "A lookup table belongs to the Indexed data types only.";
    /// The joint form of the input weights needs equal widths in all layers.
    JointWeightsWidth, "joint_weights_width",
        "With more than one layer and without a separate iw_desc[1], iw_desc[0] holds the input \
         weights of all layers, so input_size must equal hidden_size times the directions.";
    /// Batch sizes increase from one step to the next.
    SequenceIncreasing, "sequence_increasing",
        "The batch is sorted by length, longest first, so the number of active samples must not \
         increase from step to step.";
    /// No sample is active at the first step.
    SequenceEmpty, "sequence_empty",
        "At the first step at least one sample must be active.";
    /// More samples are active than the batch has.
    SequenceExceedsBatch, "sequence_exceeds_batch",
        "No step can have more active samples than batch_size.";
    /// A batch size is negative.
    SequenceNegative, "sequence_negative",
        "A number of active samples cannot be negative.";
    /// A gate or the hidden state needs an activation and has none.
    MissingActivation, "missing_activation",
        "Without the default-activations flag each gate and the hidden state need an activation.";
    /// The activation value does not exist.
    UnknownActivation, "unknown_activation",
        "The function is no value of BNNSActivationFunction, nor the name of one.";
    /// The activation exists but is not element-wise.
    UnsupportedActivation, "unsupported_activation",
        "The function exists in BNNS but is not element-wise: it works on integers, across the \
         vector, at random, or per channel.";
    /// A parameter that the activation uses is not a number.
    InvalidActivationParameter, "invalid_activation_parameter",
        "The function uses this parameter, and it is not a number (NaN).";
    /// A number of the right type is outside of what its field means.
    InvalidNumber, "invalid_number",
        "The number can be stored, but it is none that this argument or field can mean, such as a \
         clip that is not greater than 0, a projection_size beyond hidden_size, more steps than the \
         input has, or an endless bias; the issue says what it can be.";
    /// A gate that another one gives has something of its own.
    DerivedGate, "derived_gate",
        "With coupled gates, one of the two is 1 minus the other one: it has no weights, no bias, \
         no peephole and no activation.";
    /// Extensions that exclude each other, or a flag.
    ExtensionConflict, "extension_conflict",
        "This extension says nothing without another one, or contradicts a flag: gate_clip_hidden \
         belongs to gate_clip and projection_desc to projection_size, and a bidirectional layer \
         cannot be reversed.";
    /// More threads than a call may use.
    TooManyThreads, "too_many_threads",
        "n_threads must be at most 1024; 0 chooses by itself, as None does for the num_threads of \
         LSTM.";
    /// Own memory functions were given.
    UnsupportedAllocator, "unsupported_allocator",
        "alloc_memory and free_memory cannot be honoured: memory comes from the Rust allocator.";
    /// The training cache has fewer bytes than the layer needs.
    CacheTooSmall, "cache_too_small",
        "The training cache has fewer bytes than compute_lstm_training_cache_capacity says for \
         this layer and these filter parameters.";
    /// No forward call has filled the training cache.
    CacheNotFilled, "cache_not_filled",
        "The backward pass reads what a forward call left in the training cache, and no forward \
         call has filled this one.";
    /// The training cache was filled for another layer or by another version.
    ForeignCache, "foreign_cache",
        "The training cache was filled for another layer: sizes, flags, activations, peepholes, \
         extensions, batch sizes, dropout with its seed, and checkpoint_steps must be those of the forward \
         call.";
    /// The weights are not those that the training cache was filled with.
    ChangedWeights, "changed_weights",
        "The weights were changed since the forward call that filled the training cache, so that \
         the gradients would be those of neither: call forward again, or restore the weights.";

    // What only the Python package finds, in the arguments of `LSTM` and in other libraries' files.

    /// The value is none of a few.
    UnknownChoice, "unknown_choice",
        "The value is none of those that this argument or field takes; the issue lists them. \
         Where it names a layer or a node, no layer or node has this name.";
    /// Several things could be meant.
    AmbiguousChoice, "ambiguous_choice",
        "Several layers, nodes or entries could be meant. Name the one that is.";
    /// Something with a name is needed and is not there.
    MissingEntry, "missing_entry",
        "An entry is needed and is not there: a weight in a state dict, an array or a field in a \
         file, or the LSTM itself in a model.";
    /// Something with a name has no place.
    UnexpectedEntry, "unexpected_entry",
        "There is no place for an entry of this name; the issue says which names are known. \
         Nothing is ignored silently: leave the entry out.";
    /// What was asked for is understood and cannot be done.
    UnsupportedHere, "unsupported_here",
        "This is understood, but cannot be done here: a stream through a bidirectional layer, a \
         forget_bias where gates have no bias, an LSTM without one of its weights, or what another \
         library's layer has and this one has not, such as quantised weights.";
    /// A tape comes from another layer.
    OtherLayer, "other_layer",
        "A tape belongs to the LSTM whose training call gave it, and this one has another \
         configuration.";
    /// The format that is written cannot say this.
    NotExpressible, "not_expressible",
        "The format or library that the weights are written for cannot express this.";
    /// Layers do not fit upon each other.
    StackMismatch, "stack_mismatch",
        "The layers of a stack, or the two directions of one layer, must agree in what they \
         share, and each layer must read what the one below gives.";
    /// A weight depends on the model's inputs.
    NotConstant, "not_constant",
        "A weight must be a constant of the model. This value is computed when the model runs, or \
         in a way that is not followed here.";
    /// A file of another kind.
    ForeignFile, "foreign_file",
        "The file, or an entry of it, is of another kind than what is read here; the issue says \
         which, and what reads it if something does.";
    /// A file that is not whole.
    DamagedFile, "damaged_file",
        "The file is cut off or damaged, or says things that contradict each other.";
    /// More than this format or this library allows.
    TooLarge, "too_large",
        "The file, or something in it, is larger than what the format allows or what is read of a \
         file that nobody vouches for.";
    /// A path that no file can have.
    InvalidPath, "invalid_path",
        "No file can have this path; or it is one of external data that does not lie in the \
         folder of its model.";
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
