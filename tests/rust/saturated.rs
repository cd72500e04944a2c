//! Gradients through a tanh that is nearly 1, relative to their own size.
//!
//! Where t is near 1, the derivative of tanh is small, and 1 - t² loses most of its digits: the error is up to
//! 8.6e-5 of the derivative. A tolerance relative to max(1, |value|) cannot see that. So the forward pass'
//! own values, from the training cache, go through the formula in f64, and each gradient must be as near as its
//! few roundings allow.

use crate::support::{CallWay, all_ways};
use bnns_lstm::{
    DataLayout, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags,
    LayerParametersLSTM, NDArrayDescriptor, compute_lstm_training_cache_capacity,
    direct_backward_with, direct_forward_with,
};

/// One for each pre-activation from 2 to 8.5.
const UNITS: usize = 131;

/// Relative to each value: about ten roundings.
const TOLERANCE: f64 = 1e-6;

/// A pre-activation of sigmoid from which on it is exactly 1.
const OPEN: f32 = 40.0;

/// What a step left in the cache, and the gradients of a unit gradient of every output.
struct Step {
    input: Vec<f64>,
    candidate: Vec<f64>,
    hidden: Vec<f64>,
    d_candidate_bias: Vec<f32>,
    d_initial_cell: Vec<f32>,
}

/// One step of one sample whose gates have these biases and no weights.
fn step(way: CallWay, [input, forget, candidate, output]: [&[f32]; 4], c0: &[f32]) -> Step {
    let (x, ones) = ([0.0], [1.0; UNITS]);
    let (iw, hw) = (vec![0.0; UNITS], vec![0.0; UNITS * UNITS]);
    let vector = |values| NDArrayDescriptor::read(values, DataLayout::VECTOR, &[UNITS]);
    let gate = |bias| LSTMGateDescriptor {
        iw_desc: [
            NDArrayDescriptor::read(&iw, DataLayout::FIRST_MAJOR_2D, &[UNITS, 1]),
            NDArrayDescriptor::absent(),
        ],
        hw_desc: NDArrayDescriptor::read(&hw, DataLayout::FIRST_MAJOR_2D, &[UNITS, UNITS]),
        b_desc: vector(bias),
        ..Default::default()
    };
    let sizes = || LayerParametersLSTM {
        input_size: 1,
        hidden_size: UNITS,
        batch_size: 1,
        num_layers: 1,
        seq_len: 1,
        lstm_flags: LayerFlags::LSTM_DEFAULT_ACTIVATIONS,
        ..Default::default()
    };
    let state = |values| NDArrayDescriptor::read(values, DataLayout::FIRST_MAJOR_2D, &[1, UNITS]);
    let mut y = [0.0; UNITS];
    let mut params = LayerParametersLSTM {
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[1, 1, 1]),
            cell_state_desc: state(c0),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut y, DataLayout::SNE, &[UNITS, 1, 1]),
            ..Default::default()
        },
        input_gate: gate(input),
        forget_gate: gate(forget),
        candidate_gate: gate(candidate),
        output_gate: gate(output),
        ..sizes()
    };
    let options = way.options();
    let filter = FilterParameters { n_threads: way.n_threads, ..Default::default() };
    let mut cache = vec![0; compute_lstm_training_cache_capacity(&params, &filter).unwrap()];
    direct_forward_with(options, &mut params, &filter, Some(&mut cache)).unwrap();
    let (mut d_bias, mut d_cell) = (vec![f32::NAN; UNITS], vec![f32::NAN; UNITS]);
    let mut delta = LayerParametersLSTM {
        input_descriptor: LSTMDataDescriptor {
            cell_state_desc: NDArrayDescriptor::write(
                &mut d_cell,
                DataLayout::FIRST_MAJOR_2D,
                &[1, UNITS],
            ),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&ones, DataLayout::SNE, &[UNITS, 1, 1]),
            ..Default::default()
        },
        candidate_gate: LSTMGateDescriptor {
            b_desc: NDArrayDescriptor::write(&mut d_bias, DataLayout::VECTOR, &[UNITS]),
            ..Default::default()
        },
        ..sizes()
    };
    direct_backward_with(options, &params, &mut delta, &filter, Some(&cache)).unwrap();
    drop(delta);
    // After the header: four gates, cell state, hidden state.
    let (floats, _) = cache[64..].as_chunks::<4>();
    let vector = |number: usize| -> Vec<f64> {
        let floats = &floats[number * UNITS..][..UNITS];
        floats.iter().map(|&bytes| f64::from(f32::from_ne_bytes(bytes))).collect()
    };
    Step {
        input: vector(0),
        candidate: vector(2),
        hidden: vector(5),
        d_candidate_bias: d_bias,
        d_initial_cell: d_cell,
    }
}

/// From 2 to 8.5.
fn large_values() -> Vec<f32> {
    (0..UNITS).map(|unit| 2.0 + 0.05 * unit as f32).collect()
}

fn assert_near(what: &str, found: &[f32], wanted: impl Iterator<Item = f64>) {
    let mut small = 0;
    for (unit, (&found, wanted)) in found.iter().zip(wanted).enumerate() {
        let error = (f64::from(found) - wanted).abs() / wanted;
        assert!(error <= TOLERANCE, "{what}, unit {unit}: {found} for {wanted}, {error:.1e} off");
        small += usize::from(wanted < 1e-4);
    }
    assert!(small > 20, "only {small} small gradients");
}

#[test]
fn gradients_through_a_saturated_candidate_are_relatively_accurate() {
    let (zeros, open) = ([0.0; UNITS], [OPEN; UNITS]);
    for way in all_ways() {
        // The cell state is a small part of the candidate, so that its own tanh loses nothing.
        let input = [-6.0; UNITS];
        let step = step(way, [&input, &zeros, &large_values(), &open], &zeros);
        let gates = step.input.iter().zip(&step.candidate).zip(&step.hidden);
        let wanted = gates.map(|((i, g), h)| (1.0 - h) * (1.0 + h) * i * (1.0 - g) * (1.0 + g));
        assert_near(&format!("{way:?}"), &step.d_candidate_bias, wanted);
    }
}

#[test]
fn gradients_through_a_saturated_cell_are_relatively_accurate() {
    let (zeros, open, closed) = ([0.0; UNITS], [OPEN; UNITS], [-200.0; UNITS]);
    for way in all_ways() {
        // Forget and output gate are 1, the input gate is 0: the output is the tanh of the initial state.
        let step = step(way, [&closed, &open, &zeros, &open], &large_values());
        let wanted = step.hidden.iter().map(|h| (1.0 - h) * (1.0 + h));
        assert_near(&format!("{way:?}"), &step.d_initial_cell, wanted);
    }
}
