//! Every code, by the structure that brings it about.

use crate::delta_codes::has_row;
use crate::model::{ONE, Params, STACK, described, edit_memory, lent, memory, outcome, valid};
use bnns_lstm::{
    Activation, ActivationFunction, Checkpoints, Code, Coupled, Data, DataLayout, DataType,
    FilterParameters, Integers, LSTMDataDescriptor, LSTMExtensions, LSTMGateDescriptor, LayerFlags,
    NDArrayDescriptor,
};

/// Codes of what a Rust structure cannot say, so that only a binding layer finds them: numbers outside of a
/// field's type, an array that another call borrows, own memory functions; and what is wrong with arguments of
/// the Python module, and with other libraries' files. `tests/python` has a row for each.
const BINDING_ONLY: &[Code] = &[
    Code::OutOfRange,
    Code::InUse,
    Code::UnsupportedAllocator,
    Code::UnknownChoice,
    Code::AmbiguousChoice,
    Code::MissingEntry,
    Code::UnexpectedEntry,
    Code::UnsupportedHere,
    Code::OtherLayer,
    Code::NotExpressible,
    Code::StackMismatch,
    Code::NotConstant,
    Code::ForeignFile,
    Code::DamagedFile,
    Code::TooLarge,
    Code::InvalidPath,
];

/// Codes of what the bytes of a cache bring about, which no check of structures looks at: `main.rs` has tests.
const OF_THE_CACHE: &[Code] =
    &[Code::CacheTooSmall, Code::CacheNotFilled, Code::ForeignCache, Code::ChangedWeights];

fn clips<'a>(cell_clip: Option<f32>, gate_clip: Option<f32>) -> LSTMExtensions<'a> {
    LSTMExtensions { cell_clip, gate_clip, ..Default::default() }
}

pub fn coupled<'a>(coupled: Coupled) -> LSTMExtensions<'a> {
    LSTMExtensions { coupled: Some(coupled), ..Default::default() }
}

/// A projection of [`ONE`]'s 64 units to 5 outputs, where nothing else is as wide as that.
pub fn projected(projection_size: usize) -> LSTMExtensions<'static> {
    LSTMExtensions {
        projection_size: Some(projection_size),
        projection_desc: lent(30, &[5, 64]),
        ..Default::default()
    }
}

/// Code, path, and how a valid structure is made wrong. Each is the only finding.
type Row = (Code, &'static str, fn(&mut Params, &mut FilterParameters));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (Code::WrongType, "output_descriptor.data_desc.data",
        |p, _| p.output_descriptor.data_desc = NDArrayDescriptor::in_place()),
    (Code::WrongType, "sequence_descriptor.data",
        |p, _| p.sequence_descriptor = NDArrayDescriptor::in_place()),
    (Code::WrongType, "input_gate.iw_desc[1].data", |p, _| {
        *p = valid(&STACK);
        p.input_gate.iw_desc[1] = NDArrayDescriptor::in_place();
    }),
    (Code::ZeroSize, "input_size", |p, _| p.input_size = 0),
    (Code::ZeroSize, "hidden_size", |p, _| p.hidden_size = 0),
    (Code::ZeroSize, "batch_size", |p, _| p.batch_size = 0),
    (Code::ZeroSize, "num_layers", |p, _| p.num_layers = 0),
    (Code::ZeroSize, "seq_len", |p, _| p.seq_len = 0),
    (Code::ZeroSize, "filter_params.checkpoint_steps", |_, filter| filter.checkpoints = Checkpoints::Every(0)),
    (Code::SizeOverflow, "input_size", |p, _| p.input_size = usize::MAX),
    (Code::SizeOverflow, "hidden_size", |p, _| p.hidden_size = 1 << 32),
    (Code::SizeOverflow, "batch_size", |p, _| p.batch_size = 1 << 62),
    (Code::SizeOverflow, "num_layers", |p, _| p.num_layers = usize::MAX),
    (Code::SizeOverflow, "seq_len", |p, _| p.seq_len = isize::MAX.cast_unsigned()),
    (Code::SizeOverflow, "input_gate.hw_desc.stride",
        |p, _| p.input_gate.hw_desc.stride[1] = usize::MAX / 2),
    (Code::SizeOverflow, "sequence_descriptor.stride", |p, _| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 5]));
        p.sequence_descriptor.stride[0] = usize::MAX / 2;
    }),
    (Code::InvalidDropout, "dropout", |p, _| p.dropout = f32::NAN),
    (Code::InvalidDropout, "dropout", |p, _| p.dropout = 1.0),
    (Code::InvalidDropout, "dropout", |p, _| p.dropout = -0.1),
    (Code::UnknownFlag, "lstm_flags", |p, _| p.lstm_flags = LayerFlags(4)),
    (Code::UnknownFlag, "filter_params.flags", |_, filter| filter.flags = 2),
    (Code::UnknownLayout, "input_gate.hw_desc.layout",
        |p, _| p.input_gate.hw_desc.layout = DataLayout(0x20007)),
    (Code::UnknownLayout, "input_gate.hw_desc.layout",
        |p, _| p.input_gate.hw_desc.layout = DataLayout::UNSPECIFIED),
    (Code::UnknownLayout, "output_descriptor.data_desc.layout",
        |p, _| p.output_descriptor.data_desc.layout = DataLayout(u32::MAX)),
    (Code::UnknownLayout, "sequence_descriptor.layout", |p, _| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 5]));
        p.sequence_descriptor.layout = DataLayout(7);
    }),
    (Code::UnsupportedLayout, "input_gate.b_desc.layout",
        |p, _| p.input_gate.b_desc.layout = DataLayout::SNE),
    (Code::UnsupportedLayout, "input_descriptor.data_desc.layout",
        |p, _| p.input_descriptor.data_desc.layout = DataLayout::IMAGE_CHW),
    (Code::UnsupportedLayout, "forget_gate.hw_desc.layout",
        |p, _| p.forget_gate.hw_desc.layout = DataLayout::CONVOLUTION_WEIGHTS_OIHW),
    (Code::RankMismatch, "input_gate.b_desc.layout",
        |p, _| p.input_gate.b_desc = described(1000, 64, DataLayout::FIRST_MAJOR_4D, &[1, 1, 1, 64])),
    (Code::RankMismatch, "input_gate.hw_desc.layout",
        |p, _| p.input_gate.hw_desc = described(1000, 4096, DataLayout::VECTOR, &[4096])),
    (Code::RankMismatch, "input_descriptor.data_desc.layout",
        |p, _| p.input_descriptor.data_desc = lent(1000, &[1; 9])),
    (Code::RankMismatch, "sequence_descriptor.layout", |p, _| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 5]));
        p.sequence_descriptor.layout = DataLayout::FIRST_MAJOR_2D;
    }),
    (Code::SizeMismatch, "input_gate.iw_desc[0].size[1]",
        |p, _| p.input_gate.iw_desc[0].size[1] = 32),
    (Code::SizeMismatch, "output_descriptor.data_desc.size[2]",
        |p, _| p.output_descriptor.data_desc.size[2] = 6),
    (Code::SizeMismatch, "sequence_descriptor.size[0]", |p, _| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 6]));
        p.sequence_descriptor.size[0] = 6;
    }),
    (Code::StrideOrder, "output_gate.hw_desc.stride[1]",
        |p, _| p.output_gate.hw_desc.stride = [2, 1, 0, 0, 0, 0, 0, 0]),
    (Code::InvalidStride, "input_descriptor.hidden_desc.stride",
        |p, _| edit_memory(&mut p.input_descriptor.hidden_desc, |m| m.byte_strides[3] = -4)),
    (Code::InvalidStride, "output_descriptor.hidden_desc.stride",
        |p, _| edit_memory(&mut p.output_descriptor.hidden_desc, |m| m.byte_strides[2] = 0)),
    (Code::InvalidStride, "forget_gate.b_desc.stride",
        |p, _| edit_memory(&mut p.forget_gate.b_desc, |m| m.byte_strides[0] = 6)),
    (Code::SelfOverlap, "output_descriptor.data_desc.stride",
        |p, _| p.output_descriptor.data_desc.stride[1] = 63),
    (Code::SelfOverlap, "output_descriptor.hidden_desc.stride",
        |p, _| edit_memory(&mut p.output_descriptor.hidden_desc, |m| m.byte_strides[2] = 8)),
    (Code::OutOfBounds, "candidate_gate.cw_desc.data",
        |p, _| edit_memory(&mut p.candidate_gate.cw_desc, |m| m.shape[0] -= 1)),
    (Code::OutOfBounds, "input_descriptor.data_desc.data",
        |p, _| p.input_descriptor.data_desc.stride[2] = 7),
    (Code::OutOfBounds, "sequence_descriptor.data",
        |p, _| p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 4]))),
    (Code::NotContiguous, "input_gate.b_desc.stride", |p, _| {
        edit_memory(&mut p.input_gate.b_desc, |m| m.byte_strides[0] = 8);
        p.input_gate.b_desc.stride[0] = 1;
    }),
    (Code::NotContiguous, "input_gate.b_desc.size", |p, _| {
        p.input_gate.b_desc.size[0] = 0;
        edit_memory(&mut p.input_gate.b_desc, |m| {
            m.byte_strides[0] = 8;
            m.shape[0] = 65;
        });
    }),
    (Code::NullData, "input_descriptor.data_desc.data",
        |p, _| p.input_descriptor.data_desc.data = Data::Null),
    (Code::NullData, "forget_gate.iw_desc[0].data", |p, _| p.forget_gate.iw_desc[0].data = Data::Null),
    (Code::NullData, "forget_gate.hw_desc.data", |p, _| p.forget_gate.hw_desc.data = Data::Null),
    (Code::NullData, "input_descriptor.cell_state_desc.data", |p, _| {
        p.input_descriptor.cell_state_desc = NDArrayDescriptor::in_place();
        p.output_descriptor.cell_state_desc = NDArrayDescriptor::absent();
    }),
    (Code::MissingOutput, "output_descriptor",
        |p, _| p.output_descriptor = LSTMDataDescriptor::default()),
    (Code::ReadOnly, "output_descriptor.cell_state_desc.data",
        |p, _| edit_memory(&mut p.output_descriptor.cell_state_desc, |m| m.writable = false)),
    (Code::Overlap, "output_descriptor.data_desc.data",
        |p, _| edit_memory(&mut p.output_descriptor.data_desc, |m| m.address = memory(0, &[]).address + 4)),
    (Code::Overlap, "output_descriptor.cell_state_desc.data",
        |p, _| edit_memory(&mut p.output_descriptor.cell_state_desc, |m| m.address = memory(4, &[]).address)),
    (Code::Overlap, "output_descriptor.hidden_desc.data",
        |p, _| edit_memory(&mut p.output_descriptor.hidden_desc, |m| m.address = memory(14, &[]).address)),
    (Code::Overlap, "output_descriptor.hidden_desc.data", |p, _| {
        static COUNTS: [u64; 5] = [1; 5];
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U64(&COUNTS));
        edit_memory(&mut p.output_descriptor.hidden_desc, |m| m.address = COUNTS.as_ptr().addr());
    }),
    (Code::Misaligned, "input_descriptor.data_desc.data",
        |p, _| edit_memory(&mut p.input_descriptor.data_desc, |m| m.address += 2)),
    (Code::UnknownDataType, "input_gate.hw_desc.data_type",
        |p, _| p.input_gate.hw_desc.data_type = DataType(0x10021)),
    (Code::UnknownDataType, "sequence_descriptor.data_type", |p, _| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 5]));
        p.sequence_descriptor.data_type = DataType(3);
    }),
    (Code::UnsupportedDataType, "input_gate.hw_desc.data_type",
        |p, _| p.input_gate.hw_desc.data_type = DataType::INT8),
    (Code::UnsupportedDataType, "input_gate.b_desc.data_type", |p, _| {
        edit_memory(&mut p.input_gate.b_desc, |m| m.data_type = DataType::UNSPECIFIED);
        p.input_gate.b_desc.data_type = DataType::UNSPECIFIED;
    }),
    (Code::UnsupportedDataType, "sequence_descriptor.data_type",
        |p, _| p.sequence_descriptor = lent(1000, &[5])),
    (Code::DataTypeMismatch, "input_gate.hw_desc.data_type",
        |p, _| edit_memory(&mut p.input_gate.hw_desc, |m| m.data_type = DataType::UINT32)),
    (Code::DataTypeMismatch, "input_gate.hw_desc.data_type",
        |p, _| edit_memory(&mut p.input_gate.hw_desc, |m| (m.element_bytes, m.byte_strides[0]) = (8, 8))),
    (Code::DataTypeMismatch, "sequence_descriptor.data_type", |p, _| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 5]));
        p.sequence_descriptor.data_type = DataType::INT8;
    }),
    (Code::UnexpectedTable, "input_gate.hw_desc.table_data",
        |p, _| p.input_gate.hw_desc.table_data = Data::from(&[0.0; 4][..])),
    (Code::UnexpectedTable, "sequence_descriptor.table_data", |p, _| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1; 5]));
        p.sequence_descriptor.table_data = Data::from(&[0.0; 4][..]);
    }),
    (Code::JointWeightsWidth, "forget_gate.iw_desc[0]", |p, _| {
        *p = valid(&STACK);
        p.forget_gate.iw_desc[1] = NDArrayDescriptor::absent();
    }),
    (Code::SequenceIncreasing, "sequence_descriptor.data[2]",
        |p, _| p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 1, 2, 0, 0]))),
    (Code::SequenceEmpty, "sequence_descriptor.data[0]",
        |p, _| p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::I16(&[0; 5]))),
    (Code::SequenceExceedsBatch, "sequence_descriptor.data[0]",
        |p, _| p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U64(&[u64::MAX; 5]))),
    (Code::SequenceNegative, "sequence_descriptor.data[1]",
        |p, _| p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::I64(&[1, i64::MIN, 0, 0, 0]))),
    (Code::MissingActivation, "output_gate.activation", |p, _| p.output_gate.activation = None),
    (Code::MissingActivation, "hidden_activation", |p, _| p.hidden_activation = None),
    (Code::UnknownActivation, "hidden_activation.function",
        |p, _| p.hidden_activation = Some(Activation::new(ActivationFunction(4000), 1.0, 1.0))),
    (Code::UnsupportedActivation, "input_gate.activation.function",
        |p, _| p.input_gate.activation = Some(Activation::new(ActivationFunction::SOFTMAX, 1.0, 1.0))),
    (Code::UnsupportedActivation, "input_gate.activation.ishift",
        |p, _| p.input_gate.activation = Some(Activation { ishift: 1, ..Activation::sigmoid() })),
    (Code::InvalidActivationParameter, "hidden_activation.alpha",
        |p, _| p.hidden_activation = Some(Activation::new(ActivationFunction::CLAMP, f32::NAN, 1.0))),
    (Code::InvalidNumber, "extensions.cell_clip", |p, _| p.extensions = Some(clips(Some(f32::NAN), None))),
    (Code::InvalidNumber, "extensions.cell_clip", |p, _| p.extensions = Some(clips(Some(0.0), None))),
    (Code::InvalidNumber, "extensions.gate_clip", |p, _| p.extensions = Some(clips(None, Some(f32::INFINITY)))),
    (Code::InvalidNumber, "extensions.gate_clip", |p, _| p.extensions = Some(clips(Some(1.0), Some(-1.0)))),
    (Code::ExtensionConflict, "extensions.gate_clip_hidden",
        |p, _| p.extensions = Some(LSTMExtensions { gate_clip_hidden: false, ..Default::default() })),
    (Code::ExtensionConflict, "extensions.reverse", |p, _| {
        *p = valid(&STACK);
        p.extensions = Some(LSTMExtensions { reverse: true, ..Default::default() });
    }),
    (Code::InvalidNumber, "extensions.projection_size", |p, _| p.extensions = Some(projected(0))),
    (Code::InvalidNumber, "extensions.projection_size", |p, _| p.extensions = Some(projected(65))),
    (Code::InvalidNumber, "extensions.projection_size", |p, _| p.extensions = Some(projected(usize::MAX))),
    (Code::ExtensionConflict, "extensions.projection_desc",
        |p, _| p.extensions = Some(LSTMExtensions { projection_size: None, ..projected(5) })),
    (Code::NullData, "extensions.projection_desc.data", |p, _| {
        let projection_desc = NDArrayDescriptor::absent();
        p.extensions = Some(LSTMExtensions { projection_desc, ..projected(64) });
    }),
    (Code::SizeMismatch, "extensions.projection_desc.size[0]",
        |p, _| p.extensions = Some(projected(64))),
    (Code::RankMismatch, "extensions.projection_desc.layout", |p, _| {
        let projection_desc = lent(30, &[64 * 64]);
        p.extensions = Some(LSTMExtensions { projection_desc, ..projected(64) });
    }),
    (Code::WrongType, "extensions.projection_desc.data", |p, _| {
        let projection_desc = NDArrayDescriptor::in_place();
        p.extensions = Some(LSTMExtensions { projection_desc, ..projected(64) });
    }),
    (Code::DerivedGate, "forget_gate.hw_desc", |p, _| {
        p.extensions = Some(coupled(Coupled::Forget));
        p.forget_gate = LSTMGateDescriptor { hw_desc: lent(22, &[64, 64]), ..Default::default() };
    }),
    (Code::DerivedGate, "input_gate.iw_desc[1]", |p, _| {
        *p = valid(&STACK);
        p.extensions = Some(coupled(Coupled::Input));
        let upper = lent(11, &[1, 2, 7, 14]);
        let iw_desc = [NDArrayDescriptor::absent(), upper];
        p.input_gate = LSTMGateDescriptor { iw_desc, ..Default::default() };
    }),
    (Code::DerivedGate, "input_gate.cw_desc", |p, _| {
        p.extensions = Some(coupled(Coupled::Input));
        p.input_gate = LSTMGateDescriptor { cw_desc: lent(13, &[64]), ..Default::default() };
    }),
    (Code::DerivedGate, "input_gate.b_desc", |p, _| {
        p.extensions = Some(coupled(Coupled::Input));
        p.input_gate = LSTMGateDescriptor { b_desc: lent(14, &[64]), ..Default::default() };
    }),
    (Code::DerivedGate, "forget_gate.activation", |p, _| {
        p.extensions = Some(coupled(Coupled::Forget));
        let activation = Some(Activation::sigmoid());
        p.forget_gate = LSTMGateDescriptor { activation, ..Default::default() };
    }),
    (Code::NullData, "input_gate.hw_desc.data", |p, _| {
        p.extensions = Some(coupled(Coupled::Forget));
        p.forget_gate = LSTMGateDescriptor::default();
        p.input_gate.hw_desc = NDArrayDescriptor::absent();
    }),
    (Code::TooManyThreads, "filter_params.n_threads", |_, filter| filter.n_threads = 1025),
];

#[test]
fn each_fault_is_the_only_finding_with_its_path_and_code() {
    let mut wrong = Vec::new();
    for (row, (code, path, corrupt)) in ROWS.iter().enumerate() {
        let (mut params, mut filter) = (valid(&ONE), FilterParameters::default());
        corrupt(&mut params, &mut filter);
        let found = outcome(&params, &filter).map(|_| "accepted");
        if found != Err(vec![((*path).to_owned(), code.name())]) {
            wrong.push(format!("row {row}: {path} [{}], found {found:?}", code.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_row_or_belongs_to_a_binding_layer() {
    for code in Code::ALL {
        let has_row = ROWS.iter().any(|(of_row, ..)| of_row == code) || has_row(*code);
        let is_elsewhere = BINDING_ONLY.contains(code) || OF_THE_CACHE.contains(code);
        assert_ne!(has_row, is_elsewhere, "{code:?}");
    }
}
