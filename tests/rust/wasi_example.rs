//! The example for WebAssembly, whose program runs anywhere.

use bnns_lstm::Error;
use bnns_lstm_testkit::compare::widen;
use bnns_lstm_testkit::{
    Activation, Gate, Inputs, Layer, Peephole, PerGate, Variant, assert_close, forward,
};

#[path = "../../rust/core/examples/wasi/main.rs"]
mod wasi;

/// What `tasks.py wasm` compares the program's lines with.
const EXPECTED: &str = include_str!("../../rust/core/examples/wasi/expected.txt");

/// The outputs of the example's layer by the oracle.
fn oracle() -> Vec<f64> {
    let gates = wasi::gates().each_ref().map(|gate| Gate {
        iw: vec![widen(&gate.input)],
        hw: widen(&gate.hidden),
        cw: Peephole::None,
        b: Some(widen(&gate.bias)),
        activation: Activation::SIGMOID,
    });
    let [input, forget, candidate, output] = gates;
    let candidate = Gate { activation: Activation::TANH, ..candidate };
    let layer = Layer {
        input_size: wasi::INPUT_SIZE,
        hidden_size: wasi::HIDDEN_SIZE,
        batch_size: wasi::BATCH_SIZE,
        num_layers: 1,
        seq_len: wasi::SEQ_LEN,
        bidirectional: false,
        gates: PerGate { input, forget, candidate, output },
        hidden_activation: Activation::TANH,
        variant: Variant::default(),
        projection: None,
        batch_sizes: None,
    };
    let inputs = Inputs { x: widen(&wasi::inputs()), h0: None, c0: None };
    forward(&layer, &inputs, None).outputs.y
}

#[test]
fn the_example_agrees_with_the_oracle() -> Result<(), Error> {
    assert_close("y", &wasi::outputs(1)?, &oracle(), 1e-5);
    wasi::main()
}

#[test]
fn what_the_program_must_print_is_the_oracles() {
    let y = oracle();
    let last =
        &y[(wasi::SEQ_LEN - 1) * wasi::BATCH_SIZE * wasi::HIDDEN_SIZE..][..wasi::HIDDEN_SIZE];
    let lines: Vec<String> = last.iter().map(|value| format!("{value:.12}")).collect();
    assert_eq!(EXPECTED, lines.join("\n") + "\n");
}
