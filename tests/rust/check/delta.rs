//! Pairs of structures for a backward pass: what is accepted, and each fault by the pair that has it.

use crate::model::{
    DISTANCE, Descriptor, ONE, Params, STACK, Sizes, described, edit_memory, lent, refused, valid,
};
use bnns_lstm::binding::{InputArray, check_backward_after};
use bnns_lstm::{
    CheckedBackward, Code, Data, DataFields, DataLayout, FilterParameters, Integers, Issue,
    LSTMDataDescriptor, LayerFlags, NDArrayDescriptor, NDArrayFlags, Path, check_backward,
};

/// All arrays of a structure but its sequence descriptor.
pub fn arrays(params: &mut Params) -> Vec<&mut Descriptor> {
    let Params { input_descriptor, output_descriptor, .. } = params;
    let mut all = Vec::new();
    for LSTMDataDescriptor { data_desc, hidden_desc, cell_state_desc } in
        [input_descriptor, output_descriptor]
    {
        all.extend([data_desc, hidden_desc, cell_state_desc]);
    }
    let Params { input_gate, forget_gate, candidate_gate, output_gate, .. } = params;
    for gate in [input_gate, forget_gate, candidate_gate, output_gate] {
        let [iw, iw_upper] = &mut gate.iw_desc;
        all.extend([iw, iw_upper, &mut gate.hw_desc, &mut gate.cw_desc, &mut gate.b_desc]);
    }
    all
}

/// Places between the arrays of the one and those of the other structure.
pub const APART: usize = 1000;

/// A structure for the gradients of `valid`, with all of them.
pub fn gradients(sizes: &Sizes) -> Params {
    let mut delta = valid(sizes);
    for desc in arrays(&mut delta).into_iter().filter(|desc| !desc.data.is_null()) {
        edit_memory(desc, |memory| memory.address += APART * DISTANCE);
    }
    delta
}

pub fn outcome(
    params: &Params,
    delta: &Params,
) -> Result<CheckedBackward, Vec<(String, &'static str)>> {
    check_backward(params, delta, &FilterParameters::default()).map_err(|error| {
        error.issues().iter().map(|issue| (issue.path.to_string(), issue.code.name())).collect()
    })
}

fn accepted(params: &Params, delta: &Params) -> CheckedBackward {
    outcome(params, delta).unwrap_or_else(|found| panic!("{found:?}"))
}

#[test]
fn every_gradient_has_the_shape_of_what_it_belongs_to() {
    let checked = accepted(&valid(&STACK), &gradients(&STACK));
    let Sizes { input, hidden, batch, layers, steps, directions } = STACK;
    let shapes = [
        (&checked.input().data, vec![steps, batch, input]),
        (&checked.input().hidden, vec![layers, directions, batch, hidden]),
        (&checked.input().cell, vec![layers, directions, batch, hidden]),
        (&checked.weights().gates.forget.iw, vec![1, directions, hidden, input]),
        (
            &checked.weights().gates.forget.iw_upper,
            vec![layers - 1, directions, hidden, 2 * hidden],
        ),
        (&checked.weights().gates.candidate.hw, vec![layers, directions, hidden, hidden]),
        (&checked.weights().gates.output.cw, vec![layers, directions, hidden, hidden]),
        (&checked.weights().gates.input.b, vec![layers, directions, hidden]),
    ];
    for (gradient, shape) in shapes {
        let gradient = gradient.as_ref().unwrap();
        assert_eq!(gradient.layout.shape(), shape);
        assert!(!gradient.accumulate);
    }
    let incoming = checked.incoming().data.as_ref().unwrap();
    assert_eq!(incoming.shape(), [steps, batch, 2 * hidden]);
    // Nothing is read from the outputs of the forward pass, and nothing is written to them.
    assert_eq!(checked.forward().arrays().output, DataFields::default());
}

#[test]
fn one_incoming_gradient_is_enough_and_every_outgoing_one_can_be_left_out() {
    let mut params = valid(&STACK);
    params.output_descriptor = LSTMDataDescriptor::default();
    params.input_descriptor.hidden_desc = NDArrayDescriptor::absent();
    for kept in 3..6 {
        let mut delta = gradients(&STACK);
        for (index, desc) in arrays(&mut delta).into_iter().enumerate() {
            if index != kept {
                *desc = NDArrayDescriptor::absent();
            }
        }
        let checked = accepted(&params, &delta);
        let incoming = checked.incoming();
        let given = [&incoming.data, &incoming.hidden, &incoming.cell];
        assert_eq!(given.map(Option::is_some), [kept == 3, kept == 4, kept == 5]);
        assert!(checked.input().data.is_none() && checked.weights().gates.input.hw.is_none());
        assert_eq!(checked.forward().arrays().output, DataFields::default());
    }
    // The gradient of an initial state that is zero may be wanted.
    assert!(accepted(&params, &gradients(&STACK)).input().hidden.is_some());
}

#[test]
fn each_array_has_a_rule_of_its_own() {
    let mut delta = gradients(&STACK);
    delta.input_descriptor.cell_state_desc.flags = NDArrayFlags::BACKPROP_ACCUMULATE;
    delta.output_gate.iw_desc[1].flags = NDArrayFlags::BACKPROP_ACCUMULATE;
    // Of what is not there, and of what is read, flags say nothing.
    delta.output_descriptor.data_desc.flags = NDArrayFlags(7);
    delta.output_gate.b_desc = NDArrayDescriptor { flags: NDArrayFlags(7), ..Default::default() };
    let checked = accepted(&valid(&STACK), &delta);
    let rule =
        |gradient: &Option<bnns_lstm::binding::Gradient>| gradient.as_ref().map(|g| g.accumulate);
    assert_eq!(rule(&checked.input().cell), Some(true));
    assert_eq!(rule(&checked.input().hidden), Some(false));
    assert_eq!(rule(&checked.weights().gates.output.iw_upper), Some(true));
    assert_eq!(rule(&checked.weights().gates.output.iw), Some(false));
    assert_eq!(rule(&checked.weights().gates.output.b), None);
}

#[test]
fn what_is_the_same_may_be_left_out() {
    let mut params = valid(&ONE);
    let mut delta = gradients(&ONE);
    for (dropout, flags) in [(0.5, 0), (0.0, 2), (-0.0, 0)] {
        (delta.dropout, delta.lstm_flags) = (dropout, LayerFlags(flags));
        accepted(&params, &delta);
    }
    delta.hidden_activation = None;
    delta.input_gate.activation = None;
    let all = || NDArrayDescriptor::sequence(Integers::U8(&[2; 5]));
    delta.sequence_descriptor = all();
    accepted(&params, &delta);
    params.sequence_descriptor = all();
    accepted(&params, &delta);
    params.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 2, 1, 1, 0]));
    delta.sequence_descriptor = NDArrayDescriptor::sequence(Integers::I64(&[2, 2, 1, 1, 0]));
    accepted(&params, &delta);
    delta.sequence_descriptor = NDArrayDescriptor::absent();
    accepted(&params, &delta);
}

#[test]
fn forms_follow_the_weights() {
    let joint = Sizes { input: 14, ..STACK };
    for second in [NDArrayDescriptor::absent(), lent(APART + 10, &[2, 2, 7, 14])] {
        let (mut params, mut delta) = (valid(&joint), gradients(&joint));
        params.input_gate.iw_desc = [lent(10, &[2, 2, 7, 14]), NDArrayDescriptor::absent()];
        delta.input_gate.iw_desc = [lent(APART + 10, &[2, 2, 7, 14]), second];
        let checked = accepted(&params, &delta);
        assert_eq!(
            checked.weights().gates.input.iw.as_ref().unwrap().layout.shape(),
            [2, 2, 7, 14]
        );
        assert_eq!(checked.weights().gates.input.iw_upper, None);
    }
    let (mut params, mut delta) = (valid(&STACK), gradients(&STACK));
    params.input_gate.cw_desc = lent(13, &[2, 2, 7]);
    delta.input_gate.cw_desc = described(APART + 13, 28, DataLayout::FIRST_MAJOR_3D, &[]);
    let checked = accepted(&params, &delta);
    assert_eq!(checked.weights().gates.input.cw.as_ref().unwrap().layout.shape(), [2, 2, 7]);
    // With no layout at all a gradient takes the form of its weight.
    delta.input_gate.cw_desc = described(APART + 13, 28, DataLayout::UNSPECIFIED, &[]);
    assert_eq!(accepted(&params, &delta), checked);
}

#[test]
fn one_layer_has_no_upper_weights_whatever_the_second_descriptor_says() {
    let mut delta = gradients(&ONE);
    delta.input_gate.iw_desc[1] = lent(0, &[9]);
    delta.input_gate.iw_desc[1].flags = NDArrayFlags(9);
    assert_eq!(accepted(&valid(&ONE), &delta).weights().gates.input.iw_upper, None);
}

#[test]
fn outputs_of_the_forward_pass_may_be_read_only() {
    let mut params = valid(&ONE);
    edit_memory(&mut params.output_descriptor.data_desc, |memory| memory.writable = false);
    let checked = accepted(&params, &gradients(&ONE));
    assert!(matches!(checked.forward().arrays().input.cell, InputArray::Given(_)));
}

fn issue(path: Path, code: Code) -> Issue {
    Issue { path, code, expected: "one thing".to_owned(), actual: "another".to_owned() }
}

#[test]
fn findings_of_both_structures_and_before_the_check_stand_in_reading_order() {
    let (mut params, mut delta) = (valid(&ONE), gradients(&ONE));
    params.output_gate.hw_desc.size[0] = 9;
    delta.hidden_size = 9;
    delta.input_gate.b_desc.data = Data::InPlace;
    params.input_gate.cw_desc = NDArrayDescriptor::absent();
    params.seq_len = 0;
    let found = vec![
        issue(Path::field("filter_params").then("seed"), Code::OutOfRange),
        issue(Path::field("delta_params").then("batch_size"), Code::OutOfRange),
        issue(Path::field("params").then("input_gate").then("cw_desc"), Code::WrongType),
    ];
    let filter = FilterParameters { n_threads: 2000, ..Default::default() };
    let error = check_backward_after(found, &params, &delta, &filter).unwrap_err();
    let found: Vec<String> = error
        .issues()
        .iter()
        .map(|issue| format!("{} {}", issue.path, issue.code.name()))
        .collect();
    let expected = [
        "params.seq_len zero_size",
        "params.input_gate.cw_desc wrong_type",
        "params.output_gate.hw_desc.size[0] size_mismatch",
        "delta_params.hidden_size delta_mismatch",
        "delta_params.batch_size out_of_range",
        "delta_params.input_gate.b_desc.data wrong_type",
        "filter_params.n_threads too_many_threads",
        "filter_params.seed out_of_range",
    ];
    assert_eq!(found, expected);
}

#[test]
fn messages_name_both_arrays_with_their_structures() {
    let mut delta = gradients(&ONE);
    delta.input_gate.hw_desc = lent(12, &[64, 64]);
    delta.lstm_flags = LayerFlags(1);
    let found = check_backward(&valid(&ONE), &delta, &FilterParameters::default()).unwrap_err();
    let expected = "2 problems:\n  \
        delta_params.lstm_flags: expected a value without 0x1 (bidirectional), as in params, \
        found 0x1 (bidirectional) [delta_mismatch]\n  \
        delta_params.input_gate.hw_desc.data: expected memory that no other array uses, \
        found an overlap with params.input_gate.hw_desc [overlap]";
    assert_eq!(found.to_string(), expected);
}

#[test]
fn the_check_of_a_forward_pass_has_no_prefix_and_needs_an_output() {
    let mut params = valid(&ONE);
    params.output_descriptor = LSTMDataDescriptor::default();
    let expected = ("output_descriptor".to_owned(), "missing_output");
    assert_eq!(refused(&params), [expected]);
}
