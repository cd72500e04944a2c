//! The descriptors of public code that uses this layer, over real memory: they pass and they compute.

use bnns_lstm::binding::check;
use bnns_lstm::{
    Activation, Data, DataLayout, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor,
    LayerFlags, LayerParametersLSTM, NDArrayDescriptor, direct_apply_lstm_batch_training_caching,
};

fn run(mut params: LayerParametersLSTM<'_>) {
    check(&params, &FilterParameters::default()).unwrap();
    direct_apply_lstm_batch_training_caching(&mut params, &FilterParameters::default(), None)
        .unwrap();
}

fn assert_written(arrays: &[&[f32]]) {
    for array in arrays {
        assert!(array.iter().all(|value| value.is_finite() && *value != 0.0), "{array:?}");
    }
}

/// A descriptor of zero bytes.
fn zero_bytes<'a>() -> NDArrayDescriptor<'a> {
    NDArrayDescriptor {
        layout: DataLayout(0),
        size: [0; 8],
        stride: [0; 8],
        data: Data::Null,
        data_scale: 0.0,
        ..Default::default()
    }
}

/// Style 1: a framework's back end, with matrices of the states and default activations plus tanh.
#[test]
fn a_frameworks_back_end() {
    let (i, h, n, s) = (3, 5, 2, 4);
    let (x, iw, hw, b) = (vec![0.5; s * n * i], vec![0.1; h * i], vec![0.2; h * h], vec![0.3; h]);
    let (h0, c0) = (vec![0.1; n * h], vec![0.2; n * h]);
    let (mut y, mut hn, mut cn) = (vec![0.0; s * n * h], vec![0.0; n * h], vec![0.0; n * h]);
    let matrix = DataLayout::ROW_MAJOR_MATRIX;
    let gate = |activation| LSTMGateDescriptor {
        iw_desc: [NDArrayDescriptor::read(&iw, matrix, &[i, h]), zero_bytes()],
        hw_desc: NDArrayDescriptor::read(&hw, matrix, &[h, h]),
        cw_desc: zero_bytes(),
        b_desc: NDArrayDescriptor::read(&b, DataLayout::VECTOR, &[h]),
        activation: Some(activation),
    };
    run(LayerParametersLSTM {
        input_size: i,
        hidden_size: h,
        batch_size: n,
        num_layers: 1,
        seq_len: s,
        dropout: 0.0,
        lstm_flags: LayerFlags::LSTM_DEFAULT_ACTIVATIONS,
        sequence_descriptor: zero_bytes(),
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[i, n, s]),
            hidden_desc: NDArrayDescriptor::read(&h0, matrix, &[h, n]),
            cell_state_desc: NDArrayDescriptor::read(&c0, matrix, &[h, n]),
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut y, DataLayout::SNE, &[h, n, s]),
            hidden_desc: NDArrayDescriptor::write(&mut hn, matrix, &[h, n]),
            cell_state_desc: NDArrayDescriptor::write(&mut cn, matrix, &[h, n]),
        },
        input_gate: gate(Activation::tanh()),
        forget_gate: gate(Activation::tanh()),
        candidate_gate: gate(Activation::tanh()),
        output_gate: gate(Activation::tanh()),
        hidden_activation: Some(Activation::tanh()),
        extensions: None,
    });
    assert_written(&[&y, &hn, &cn]);
}

/// Style 2: explicit activations, no states and no bias, all three outputs.
#[test]
fn explicit_activations_and_absent_states() {
    let (i, h, n, s) = (3, 5, 2, 4);
    let (x, iw, hw) = (vec![0.5; s * n * i], vec![0.1; h * i], vec![0.2; h * h]);
    let (mut y, mut hn, mut cn) = (vec![0.0; s * n * h], vec![0.0; n * h], vec![0.0; n * h]);
    let gate = |activation| LSTMGateDescriptor {
        iw_desc: [
            NDArrayDescriptor::read(&iw, DataLayout::FIRST_MAJOR_4D, &[1, 1, h, i]),
            zero_bytes(),
        ],
        hw_desc: NDArrayDescriptor::read(&hw, DataLayout::FIRST_MAJOR_4D, &[1, 1, h, h]),
        cw_desc: zero_bytes(),
        b_desc: zero_bytes(),
        activation: Some(activation),
    };
    run(LayerParametersLSTM {
        input_size: i,
        hidden_size: h,
        batch_size: n,
        num_layers: 1,
        seq_len: s,
        sequence_descriptor: zero_bytes(),
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::NSE, &[i, s, n]),
            hidden_desc: zero_bytes(),
            cell_state_desc: zero_bytes(),
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut y, DataLayout::NSE, &[h, s, n]),
            hidden_desc: NDArrayDescriptor::write(
                &mut hn,
                DataLayout::LAST_MAJOR_4D,
                &[h, n, 1, 1],
            ),
            cell_state_desc: NDArrayDescriptor::write(&mut cn, DataLayout::UNSPECIFIED, &[]),
        },
        input_gate: gate(Activation::sigmoid()),
        forget_gate: gate(Activation::sigmoid()),
        candidate_gate: gate(Activation::tanh()),
        output_gate: gate(Activation::sigmoid()),
        hidden_activation: Some(Activation::tanh()),
        ..Default::default()
    });
    assert_written(&[&y, &hn, &cn]);
}

/// Style 3: every size 1, and one zero behind the hidden, cell and bias weights of all gates.
#[test]
fn a_bindings_hardware_test() {
    let (x, iw, zero, state) = ([0.5], [0.5], [0.0], [0.25]);
    let (mut y, mut hn, mut cn) = ([0.0], [0.0], [0.0]);
    let states = |data| NDArrayDescriptor::read(data, DataLayout::FIRST_MAJOR_4D, &[1, 1, 1, 1]);
    let weights = |data| NDArrayDescriptor::read(data, DataLayout::ROW_MAJOR_MATRIX, &[1, 1]);
    let gate = |activation| LSTMGateDescriptor {
        iw_desc: [weights(&iw), weights(&iw)],
        hw_desc: weights(&zero),
        cw_desc: weights(&zero),
        b_desc: weights(&zero),
        activation: Some(activation),
    };
    run(LayerParametersLSTM {
        input_size: 1,
        hidden_size: 1,
        batch_size: 1,
        num_layers: 1,
        seq_len: 1,
        lstm_flags: LayerFlags::NONE,
        sequence_descriptor: NDArrayDescriptor { layout: DataLayout::VECTOR, ..zero_bytes() },
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[1, 1, 1]),
            hidden_desc: states(&state),
            cell_state_desc: states(&state),
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut y, DataLayout::SNE, &[1, 1, 1]),
            hidden_desc: NDArrayDescriptor::write(&mut hn, DataLayout::FIRST_MAJOR_4D, &[1; 4]),
            cell_state_desc: NDArrayDescriptor::write(&mut cn, DataLayout::FIRST_MAJOR_4D, &[1; 4]),
        },
        input_gate: gate(Activation::sigmoid()),
        forget_gate: gate(Activation::sigmoid()),
        candidate_gate: gate(Activation::tanh()),
        output_gate: gate(Activation::sigmoid()),
        hidden_activation: Some(Activation::tanh()),
        ..Default::default()
    });
    assert_written(&[&y, &hn, &cn]);
}

/// Style 4: the same descriptor in both slots of the input weights of a stack, and default activations
/// beside an identity.
#[test]
fn apples_example() {
    let (size, n, layers, s) = (4, 2, 3, 5);
    let x = vec![0.5; s * n * size];
    let (iw, hw, b) = (
        vec![0.1; layers * size * size],
        vec![0.2; layers * size * size],
        vec![0.3; layers * size],
    );
    let mut y = vec![0.0; s * n * size];
    let weights =
        |data| NDArrayDescriptor::read(data, DataLayout::LAST_MAJOR_4D, &[size, size, 1, layers]);
    let gate = || LSTMGateDescriptor {
        iw_desc: [weights(&iw), weights(&iw)],
        hw_desc: weights(&hw),
        cw_desc: zero_bytes(),
        b_desc: NDArrayDescriptor::read(&b, DataLayout::LAST_MAJOR_3D, &[size, 1, layers]),
        activation: Some(Activation::identity()),
    };
    run(LayerParametersLSTM {
        input_size: size,
        hidden_size: size,
        batch_size: n,
        num_layers: layers,
        seq_len: s,
        dropout: 0.5,
        lstm_flags: LayerFlags::LSTM_DEFAULT_ACTIVATIONS,
        sequence_descriptor: zero_bytes(),
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[size, n, s]),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut y, DataLayout::SNE, &[size, n, s]),
            ..Default::default()
        },
        input_gate: gate(),
        forget_gate: gate(),
        candidate_gate: gate(),
        output_gate: gate(),
        hidden_activation: Some(Activation::identity()),
        extensions: None,
    });
    assert_written(&[&y]);
}
