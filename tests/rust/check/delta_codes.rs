//! Each fault of a pair of structures, and random pairs.

use crate::codes::{coupled, projected};
use crate::delta::{APART, arrays, gradients, outcome};
use crate::garbage::{Choices, corrupt, sizes};
use crate::model::{ONE, Params, STACK, Sizes, described, edit_memory, lent, memory, valid};
use bnns_lstm::{
    Code, Coupled, DataLayout, DataType, FilterParameters, Integers, LSTMDataDescriptor,
    LSTMExtensions, LSTMGateDescriptor, LayerFlags, NDArrayDescriptor, NDArrayFlags,
};
use proptest::prelude::*;

/// Code, path, and how a valid pair (parameters, gradients) is made wrong. Each is the only finding.
type Row = (Code, &'static str, fn(&mut Params, &mut Params));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (Code::DeltaMismatch, "delta_params.input_size", |_, d| d.input_size = 4),
    (Code::DeltaMismatch, "delta_params.hidden_size", |_, d| d.hidden_size = 0),
    (Code::DeltaMismatch, "delta_params.batch_size", |_, d| d.batch_size = usize::MAX),
    (Code::DeltaMismatch, "delta_params.num_layers", |_, d| d.num_layers = 2),
    (Code::DeltaMismatch, "delta_params.seq_len", |_, d| d.seq_len = 4),
    (Code::DeltaMismatch, "delta_params.dropout", |_, d| d.dropout = 0.25),
    (Code::DeltaMismatch, "delta_params.dropout", |_, d| d.dropout = f32::NAN),
    (Code::DeltaMismatch, "delta_params.lstm_flags", |_, d| d.lstm_flags = LayerFlags(1)),
    (Code::DeltaMismatch, "delta_params.lstm_flags",
        |p, d| { (*p, *d) = (valid(&STACK), gradients(&STACK)); d.lstm_flags = LayerFlags(2); }),
    (Code::DeltaMismatch, "delta_params.extensions.coupled", |_, d| d.extensions = Some(coupled(Coupled::Forget))),
    (Code::DeltaMismatch, "delta_params.extensions.reverse", |_, d| {
        d.extensions = Some(LSTMExtensions { reverse: true, ..Default::default() });
    }),
    (Code::DeltaMismatch, "delta_params.extensions.cell_clip", |p, d| {
        p.extensions = Some(LSTMExtensions { cell_clip: Some(1.0), ..Default::default() });
        d.extensions = Some(LSTMExtensions { cell_clip: Some(2.0), ..Default::default() });
    }),
    (Code::DeltaMismatch, "delta_params.extensions.projection_size",
        |_, d| d.extensions = Some(LSTMExtensions { projection_size: Some(1), ..Default::default() })),
    (Code::GradientWithoutWeight, "delta_params.extensions.projection_desc",
        |_, d| d.extensions = Some(LSTMExtensions { projection_size: None, ..projected(1) })),
    (Code::InvalidNumber, "params.extensions.projection_size", |p, d| {
        (p.extensions, d.extensions) = (Some(projected(0)), Some(projected(5)));
    }),
    (Code::InvalidNumber, "params.extensions.cell_clip", |p, d| {
        p.extensions = Some(LSTMExtensions { cell_clip: Some(f32::NAN), ..Default::default() });
        d.extensions = Some(LSTMExtensions { cell_clip: Some(f32::NAN), ..Default::default() });
    }),
    (Code::GradientWithoutWeight, "delta_params.forget_gate.iw_desc[0]", |p, d| {
        p.extensions = Some(coupled(Coupled::Forget));
        p.forget_gate = LSTMGateDescriptor::default();
        let lowest = std::mem::take(&mut d.forget_gate.iw_desc[0]);
        d.forget_gate = LSTMGateDescriptor::default();
        d.forget_gate.iw_desc[0] = lowest;
    }),
    (Code::DeltaMismatch, "delta_params.sequence_descriptor.data[3]",
        |_, d| d.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 2, 2, 1, 0]))),
    (Code::DeltaMismatch, "delta_params.sequence_descriptor.data[1]", |p, d| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 2, 1, 1, 0]));
        d.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 1, 1, 1, 0]));
    }),
    (Code::SequenceIncreasing, "delta_params.sequence_descriptor.data[1]",
        |_, d| d.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1, 2, 2, 1, 0]))),
    (Code::SequenceIncreasing, "params.sequence_descriptor.data[1]", |p, d| {
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[1, 2, 2, 1, 0]));
        d.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 2, 2, 1, 0]));
    }),
    (Code::UnknownFlag, "delta_params.lstm_flags", |_, d| d.lstm_flags = LayerFlags(4)),
    (Code::UnknownFlag, "delta_params.input_descriptor.data_desc.flags",
        |_, d| d.input_descriptor.data_desc.flags = NDArrayFlags(2)),
    (Code::UnknownFlag, "delta_params.input_descriptor.cell_state_desc.flags",
        |_, d| d.input_descriptor.cell_state_desc.flags = NDArrayFlags(u32::MAX)),
    (Code::UnknownFlag, "delta_params.output_gate.cw_desc.flags",
        |_, d| d.output_gate.cw_desc.flags = NDArrayFlags(3)),
    (Code::ZeroSize, "params.num_layers", |p, _| p.num_layers = 0),
    (Code::InvalidDropout, "params.dropout", |p, d| (p.dropout, d.dropout) = (f32::NAN, f32::NAN)),
    (Code::NullData, "params.input_descriptor.data_desc.data",
        |p, _| p.input_descriptor.data_desc = NDArrayDescriptor::absent()),
    (Code::SizeMismatch, "params.output_descriptor.data_desc.size[2]",
        |p, _| p.output_descriptor.data_desc.size[2] = 6),
    (Code::MissingGradient, "delta_params.output_descriptor",
        |_, d| d.output_descriptor = LSTMDataDescriptor::default()),
    (Code::GradientWithoutWeight, "delta_params.forget_gate.b_desc",
        |p, _| p.forget_gate.b_desc = NDArrayDescriptor::absent()),
    (Code::GradientWithoutWeight, "delta_params.candidate_gate.cw_desc",
        |p, _| p.candidate_gate.cw_desc = NDArrayDescriptor::absent()),
    (Code::GradientForm, "delta_params.input_gate.cw_desc",
        |_, d| d.input_gate.cw_desc = lent(APART + 13, &[64])),
    (Code::GradientForm, "delta_params.input_gate.cw_desc",
        |p, _| p.input_gate.cw_desc = lent(13, &[64])),
    (Code::GradientForm, "delta_params.input_gate.iw_desc[1]", |p, d| {
        let joint = Sizes { input: 14, ..STACK };
        (*p, *d) = (valid(&joint), gradients(&joint));
        p.input_gate.iw_desc = [lent(10, &[2, 2, 7, 14]), NDArrayDescriptor::absent()];
        d.input_gate.iw_desc[0] = NDArrayDescriptor::absent();
    }),
    (Code::GradientForm, "delta_params.input_gate.iw_desc[1]", |p, d| {
        (*p, *d) = (valid(&STACK), gradients(&STACK));
        d.input_gate.iw_desc[1] = lent(APART + 10, &[1, 2, 7, 14]);
    }),
    (Code::SizeMismatch, "delta_params.input_gate.hw_desc.size[1]",
        |_, d| d.input_gate.hw_desc.size[1] = 32),
    (Code::SizeMismatch, "delta_params.input_descriptor.data_desc.size[0]",
        |_, d| d.input_descriptor.data_desc.size[0] = 64),
    (Code::RankMismatch, "delta_params.output_gate.b_desc.layout",
        |_, d| d.output_gate.b_desc = described(APART, 64, DataLayout::FIRST_MAJOR_4D, &[1, 1, 1, 64])),
    (Code::InitialStateOverwritten, "params.input_descriptor.hidden_desc.data",
        |p, _| p.input_descriptor.hidden_desc = NDArrayDescriptor::in_place()),
    (Code::InitialStateOverwritten, "params.input_descriptor.cell_state_desc.data",
        |p, _| p.output_descriptor.cell_state_desc = lent(2, &[1, 1, 2, 64])),
    (Code::WrongType, "delta_params.input_descriptor.hidden_desc.data",
        |_, d| d.input_descriptor.hidden_desc = NDArrayDescriptor::in_place()),
    (Code::WrongType, "delta_params.output_descriptor.hidden_desc.data",
        |_, d| d.output_descriptor.hidden_desc = NDArrayDescriptor::in_place()),
    (Code::UnsupportedDataType, "delta_params.candidate_gate.b_desc.data_type",
        |_, d| d.candidate_gate.b_desc.data_type = DataType::FLOAT16),
    (Code::ReadOnly, "delta_params.input_descriptor.data_desc.data",
        |_, d| edit_memory(&mut d.input_descriptor.data_desc, |m| m.writable = false)),
    (Code::ReadOnly, "delta_params.output_gate.iw_desc[0].data",
        |_, d| edit_memory(&mut d.output_gate.iw_desc[0], |m| m.writable = false)),
    (Code::SelfOverlap, "delta_params.input_gate.hw_desc.stride",
        |_, d| d.input_gate.hw_desc.stride = [1, 63, 0, 0, 0, 0, 0, 0]),
    // Over an input, a weight, an output, the batch sizes, an incoming and an outgoing gradient.
    (Code::Overlap, "delta_params.input_descriptor.data_desc.data",
        |_, d| d.input_descriptor.data_desc = lent(0, &[5, 2, 3])),
    (Code::Overlap, "delta_params.input_gate.hw_desc.data",
        |_, d| d.input_gate.hw_desc = lent(22, &[64, 64])),
    (Code::Overlap, "delta_params.input_descriptor.hidden_desc.data",
        |_, d| d.input_descriptor.hidden_desc = lent(4, &[1, 1, 2, 64])),
    (Code::Overlap, "delta_params.input_descriptor.hidden_desc.data", |p, d| {
        static COUNTS: [u64; 5] = [2; 5];
        p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U64(&COUNTS));
        edit_memory(&mut d.input_descriptor.hidden_desc, |m| m.address = COUNTS.as_ptr().addr());
    }),
    (Code::Overlap, "delta_params.input_descriptor.hidden_desc.data", |_, d| {
        static COUNTS: [u64; 5] = [2; 5];
        d.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U64(&COUNTS));
        edit_memory(&mut d.input_descriptor.hidden_desc, |m| m.address = COUNTS.as_ptr().addr());
    }),
    (Code::Overlap, "delta_params.input_descriptor.cell_state_desc.data",
        |_, d| d.input_descriptor.cell_state_desc = lent(APART + 5, &[1, 1, 2, 64])),
    (Code::Overlap, "delta_params.forget_gate.b_desc.data",
        |_, d| d.forget_gate.b_desc = lent(APART + 14, &[64])),
    (Code::Overlap, "params.output_descriptor.data_desc.data",
        |p, _| edit_memory(&mut p.output_descriptor.data_desc, |m| m.address = memory(1, &[]).address)),
];

/// Whether a code has a row here.
pub fn has_row(code: Code) -> bool {
    ROWS.iter().any(|&(of_row, ..)| of_row == code)
}

#[test]
fn each_fault_of_a_pair_is_the_only_finding_with_its_path_and_code() {
    let mut wrong = Vec::new();
    for (row, (code, path, corrupt)) in ROWS.iter().enumerate() {
        let (mut params, mut delta) = (valid(&ONE), gradients(&ONE));
        corrupt(&mut params, &mut delta);
        let found = outcome(&params, &delta).map(|_| "accepted");
        if found != Err(vec![((*path).to_owned(), code.name())]) {
            wrong.push(format!("row {row}: {path} [{}], found {found:?}", code.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_subset_of_gradients_is_accepted(
        numbers in prop::collection::vec(any::<u32>(), 8),
        wanted in prop::collection::vec(any::<bool>(), 26),
        incoming in 3_usize..6,
    ) {
        let sizes = sizes(&mut Choices(numbers.iter()));
        let mut delta = gradients(&sizes);
        for (index, (desc, &wanted)) in arrays(&mut delta).into_iter().zip(&wanted).enumerate() {
            if !wanted && index != incoming {
                *desc = NDArrayDescriptor::absent();
            }
        }
        let checked = outcome(&valid(&sizes), &delta).unwrap();
        let gradients = &checked.weights().gates.output;
        let found = [&gradients.iw, &gradients.iw_upper, &gradients.hw, &gradients.cw, &gradients.b];
        let expected = [wanted[21], wanted[22] && sizes.layers > 1, wanted[23], wanted[24], wanted[25]];
        prop_assert_eq!(found.map(Option::is_some), expected);
    }

    #[test]
    fn corrupted_pairs_are_refused_with_findings_or_hold(
        numbers in prop::collection::vec(any::<u32>(), 80),
        corruptions in 1_usize..8,
    ) {
        let choices = &mut Choices(numbers.iter());
        let sizes = sizes(choices);
        let (mut params, mut delta) = (valid(&sizes), gradients(&sizes));
        for _ in 0..corruptions {
            let structure = if choices.chance(3) { &mut params } else { &mut delta };
            corrupt(choices, structure, &mut FilterParameters::default());
        }
        match outcome(&params, &delta) {
            Ok(checked) => prop_assert_eq!(checked.forward().arrays().input.data.given().unwrap().shape()[2], sizes.input),
            Err(found) => {
                prop_assert!(found.iter().all(|(path, _)| path.contains("params")), "{found:?}");
            }
        }
    }
}
