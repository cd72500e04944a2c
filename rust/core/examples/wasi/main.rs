//! One layer as a program without threads or files, for WebAssembly and for anything else.
//!
//! `python3 tasks.py wasm` builds it for `wasm32-wasip1` and runs it under Node; `cargo run --example wasi` runs
//! it here. It prints the last output of the first sample, one value a line, which `expected.txt` holds in
//! double precision.

use bnns_lstm::{
    DataLayout, Error, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags,
    LayerParametersLSTM, NDArrayDescriptor, direct_apply_lstm_batch_training_caching,
};

/// Elements of an input.
pub const INPUT_SIZE: usize = 16;
/// Elements of an output.
pub const HIDDEN_SIZE: usize = 32;
/// Samples.
pub const BATCH_SIZE: usize = 16;
/// Steps: enough of them for two threads, where there are any.
pub const SEQ_LEN: usize = 24;

/// The weights of a gate, each `[rows][columns]`.
pub struct Gate {
    /// For the inputs, `[HIDDEN_SIZE][INPUT_SIZE]`.
    pub input: Vec<f32>,
    /// For the hidden state, `[HIDDEN_SIZE][HIDDEN_SIZE]`.
    pub hidden: Vec<f32>,
    /// `[HIDDEN_SIZE]`.
    pub bias: Vec<f32>,
}

/// The gates in the order input, forget, candidate, output.
pub fn gates() -> [Gate; 4] {
    [1, 2, 3, 4].map(|gate| Gate {
        input: numbers(10 * gate, HIDDEN_SIZE * INPUT_SIZE),
        hidden: numbers(10 * gate + 1, HIDDEN_SIZE * HIDDEN_SIZE),
        bias: numbers(10 * gate + 2, HIDDEN_SIZE),
    })
}

/// The inputs, `[SEQ_LEN][BATCH_SIZE][INPUT_SIZE]`.
pub fn inputs() -> Vec<f32> {
    numbers(0, SEQ_LEN * BATCH_SIZE * INPUT_SIZE)
}

/// Multiples of 1/2048 from -0.5 to below 0.5, which look random and are the same everywhere: the upper bits of a
/// linear congruential generator (Knuth's MMIX).
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut number = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from((state >> 53) as u16) / 2048.0 - 0.5
    };
    (0..count).map(|_| number()).collect()
}

/// The outputs `[SEQ_LEN][BATCH_SIZE][HIDDEN_SIZE]`, by at most so many threads; 0 is as many as there are.
///
/// # Errors
///
/// What the layer refuses; nothing, as it is well formed.
pub fn outputs(n_threads: usize) -> Result<Vec<f32>, Error> {
    let (x, gates) = (inputs(), gates());
    let mut y = vec![0.0; SEQ_LEN * BATCH_SIZE * HIDDEN_SIZE];
    let matrix = |values, columns| {
        NDArrayDescriptor::read(values, DataLayout::FIRST_MAJOR_4D, &[1, 1, HIDDEN_SIZE, columns])
    };
    let [input_gate, forget_gate, candidate_gate, output_gate] =
        gates.each_ref().map(|gate| LSTMGateDescriptor {
            iw_desc: [matrix(&gate.input, INPUT_SIZE), NDArrayDescriptor::absent()],
            hw_desc: matrix(&gate.hidden, HIDDEN_SIZE),
            b_desc: NDArrayDescriptor::read(
                &gate.bias,
                DataLayout::FIRST_MAJOR_3D,
                &[1, 1, HIDDEN_SIZE],
            ),
            ..Default::default()
        });
    // The layout's sizes begin with the fastest axis.
    let (x_size, y_size) = ([INPUT_SIZE, BATCH_SIZE, SEQ_LEN], [HIDDEN_SIZE, BATCH_SIZE, SEQ_LEN]);
    let mut params = LayerParametersLSTM {
        input_size: INPUT_SIZE,
        hidden_size: HIDDEN_SIZE,
        batch_size: BATCH_SIZE,
        num_layers: 1,
        seq_len: SEQ_LEN,
        lstm_flags: LayerFlags::LSTM_DEFAULT_ACTIVATIONS,
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &x_size),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut y, DataLayout::SNE, &y_size),
            ..Default::default()
        },
        input_gate,
        forget_gate,
        candidate_gate,
        output_gate,
        ..Default::default()
    };
    let filter = FilterParameters { n_threads, ..Default::default() };
    direct_apply_lstm_batch_training_caching(&mut params, &filter, None)?;
    Ok(y)
}

/// The last output of the first sample, `[HIDDEN_SIZE]`.
pub fn last_of_first_sample(y: &[f32]) -> &[f32] {
    &y[(SEQ_LEN - 1) * BATCH_SIZE * HIDDEN_SIZE..][..HIDDEN_SIZE]
}

/// Print the values; the same ones are computed with more threads, which are a limit where there are none.
///
/// # Errors
///
/// As [`outputs`].
pub fn main() -> Result<(), Error> {
    let y = outputs(0)?;
    assert_eq!(y, outputs(2)?, "threads change no bit");
    for value in last_of_first_sample(&y) {
        println!("{value:.8}");
    }
    Ok(())
}
