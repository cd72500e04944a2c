//! The words of the errors.

use crate::model::{ONE, Params, STACK, described, edit_memory, valid};
use bnns_lstm::binding::check;
use bnns_lstm::{
    Activation, ActivationFunction, Data, DataLayout, FilterParameters, Integers, NDArrayDescriptor,
};

fn message(corrupt: impl FnOnce(&mut Params)) -> String {
    let mut params = valid(&ONE);
    corrupt(&mut params);
    check(&params, &FilterParameters::default()).unwrap_err().to_string()
}

#[test]
fn a_single_problem_is_one_line() {
    assert_eq!(
        message(|p| p.input_gate.iw_desc[0].size[1] = 32),
        "input_gate.iw_desc[0].size[1]: expected 64 (hidden_size), found 32 [size_mismatch]"
    );
    assert_eq!(
        message(|p| p.dropout = f32::NAN),
        "dropout: expected a ratio in [0, 1), found NaN [invalid_dropout]"
    );
    assert_eq!(
        message(|p| p.forget_gate.hw_desc.data = Data::Null),
        "forget_gate.hw_desc.data: expected the hidden weights, found null [null_data]"
    );
    assert_eq!(
        message(|p| p.hidden_size = 1 << 40),
        "hidden_size: expected sizes whose products fit the address space, found input_size = 3, \
         hidden_size = 1099511627776, batch_size = 2, num_layers = 1, seq_len = 5 [size_overflow]"
    );
    assert_eq!(
        message(
            |p| p.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 1, 2, 0, 0]))
        ),
        "sequence_descriptor.data[2]: expected at most 1, as at the step before, found 2 \
         [sequence_increasing]"
    );
    assert_eq!(
        message(|p| {
            p.input_gate.activation = Some(Activation::new(ActivationFunction::SOFTMAX, 1.0, 1.0));
        }),
        "input_gate.activation.function: expected an element-wise function, found Softmax (11) \
         [unsupported_activation]"
    );
}

#[test]
fn messages_about_arrays_say_what_would_fit() {
    assert_eq!(
        message(|p| p.input_gate.b_desc.layout = DataLayout::SNE),
        "input_gate.b_desc.layout: expected a vector, matrix or First/LastMajor layout of 1 to 3 \
         dimensions, found 0x30001 [unsupported_layout]"
    );
    assert_eq!(
        message(|p| p.input_gate.hw_desc = described(99, 4096, DataLayout::VECTOR, &[4096])),
        "input_gate.hw_desc.layout: expected [num_layers=1, directions=1, hidden_size=64, \
         hidden_size=64], found 1 dimensions [rank_mismatch]"
    );
    assert_eq!(
        message(|p| edit_memory(&mut p.output_gate.hw_desc, |m| m.shape[0] = 4095)),
        "output_gate.hw_desc.data: expected memory of at least 4096 elements, found 4095 elements \
         [out_of_bounds]"
    );
    assert_eq!(
        message(|p| p.output_gate.hw_desc.stride[..2].copy_from_slice(&[3, 2])),
        "output_gate.hw_desc.stride[1]: expected at least 3, found 2 [stride_order]"
    );
    assert_eq!(
        message(|p| {
            p.output_gate.hw_desc.size = [0; 8];
            edit_memory(&mut p.output_gate.hw_desc, |m| m.byte_strides[0] = 8);
        }),
        "output_gate.hw_desc.size: expected a contiguous buffer, or an array of shape [64, 64], found an \
         array with gaps, of shape [4096] [not_contiguous]"
    );
    assert_eq!(
        message(|p| edit_memory(&mut p.output_descriptor.hidden_desc, |m| m.address = 1 << 20)),
        "output_descriptor.hidden_desc.data: expected memory that no other array uses, found an \
         overlap with input_descriptor.data_desc [overlap]"
    );
}

#[test]
fn the_joint_form_explains_the_other_one() {
    let mut params = valid(&STACK);
    params.input_gate.iw_desc[1] = NDArrayDescriptor::absent();
    assert_eq!(
        check(&params, &FilterParameters::default()).unwrap_err().to_string(),
        "input_gate.iw_desc[0]: expected iw_desc[1] for the upper layers, or input_size = directions * \
         hidden_size = 14, found the joint form with input_size = 3 [joint_weights_width]"
    );
}

#[test]
fn several_problems_stand_in_reading_order() {
    let text = message(|p| {
        p.hidden_activation = None;
        p.output_gate.b_desc.size[0] = 63;
        p.output_gate.iw_desc[0].layout = DataLayout(5);
        p.input_gate.hw_desc.size = [1, 2, 0, 0, 0, 0, 0, 0];
        p.output_descriptor.cell_state_desc.size[2] = 3;
        edit_memory(&mut p.output_descriptor.cell_state_desc, |m| m.writable = false);
        p.input_descriptor.data_desc.data = Data::Null;
        p.lstm_flags.0 = 8;
        p.dropout = 1.5;
    });
    let expected = "\
10 problems:
  dropout: expected a ratio in [0, 1), found 1.5 [invalid_dropout]
  lstm_flags: expected a combination of 0x1 (bidirectional) and 0x2 (default activations), found 0x8 \
         [unknown_flag]
  input_descriptor.data_desc.data: expected the input sequence, found null [null_data]
  output_descriptor.cell_state_desc.size[2]: expected 2 (batch_size), found 3 [size_mismatch]
  output_descriptor.cell_state_desc.data: expected writable memory, found a read-only array [read_only]
  input_gate.hw_desc.size[0]: expected 64 (hidden_size), found 1 [size_mismatch]
  input_gate.hw_desc.size[1]: expected 64 (hidden_size), found 2 [size_mismatch]
  output_gate.iw_desc[0].layout: expected a matrix or First/LastMajor layout of 2 to 4 dimensions, found \
         0x5 [unknown_layout]
  output_gate.b_desc.size[0]: expected 64 (hidden_size), found 63 [size_mismatch]
  hidden_activation: expected an activation, or the default-activations flag, found none \
         [missing_activation]";
    assert_eq!(text, expected);
}
