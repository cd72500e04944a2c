//! Options and arguments that do not fit: all at once, each by its name.

use super::{drawn, findings, state};
use bnns_lstm::ndarray::Array3;
use bnns_lstm::{
    Activation, ActivationFunction, Batch, Coupled, Gate, Lstm, LstmBuilder, LstmState, Merge,
};

fn named<'f>(found: &'f [(String, &'static str)]) -> Vec<(&'f str, &'static str)> {
    found.iter().map(|(path, code)| (path.as_str(), *code)).collect()
}

#[test]
fn each_option_is_refused_by_its_name() {
    let plain = || Lstm::builder(3, 4);
    let softmax = Activation::new(ActivationFunction::SOFTMAX, 1.0, 1.0);
    let clamp = Activation::new(ActivationFunction::CLAMP, f32::NAN, 1.0);
    let cases: [(LstmBuilder, &str, &str); 20] = [
        (plain().proj_size(5), "proj_size", "invalid_number"),
        (Lstm::builder(0, 4), "input_size", "zero_size"),
        (Lstm::builder(3, 0), "hidden_size", "zero_size"),
        (Lstm::builder(3, usize::MAX / 2), "hidden_size", "size_overflow"),
        (plain().num_layers(0), "num_layers", "zero_size"),
        (plain().dropout(1.0), "dropout", "invalid_dropout"),
        (plain().dropout(f32::NAN), "dropout", "invalid_dropout"),
        (plain().cell_clip(0.0), "cell_clip", "invalid_number"),
        (plain().gate_clip(f32::INFINITY), "gate_clip", "invalid_number"),
        (plain().gate_clip_hidden(false), "gate_clip_hidden", "extension_conflict"),
        (plain().reverse(true).bidirectional(true), "reverse", "extension_conflict"),
        (plain().merge(Merge::Sum), "merge", "unsupported_here"),
        (plain().num_threads(5000), "num_threads", "too_many_threads"),
        (plain().forget_bias(f32::NAN), "forget_bias", "invalid_number"),
        (plain().forget_bias(1.0).bias(false), "forget_bias", "unsupported_here"),
        (plain().forget_bias(1.0).coupled(Coupled::Forget), "forget_bias", "derived_gate"),
        (
            plain().activation(Gate::Output, softmax),
            "output_gate.activation.function",
            "unsupported_activation",
        ),
        (
            plain().hidden_activation(softmax),
            "hidden_activation.function",
            "unsupported_activation",
        ),
        (
            plain().activation(Gate::Input, clamp),
            "input_gate.activation.alpha",
            "invalid_activation_parameter",
        ),
        (
            plain().coupled(Coupled::Forget).activation(Gate::Forget, Activation::identity()),
            "forget_gate.activation",
            "derived_gate",
        ),
    ];
    for (builder, path, code) in cases {
        let found = findings(builder.clone().build());
        assert_eq!(named(&found), [(path, code)], "{builder:?}");
    }
    let all =
        plain().num_layers(0).dropout(-1.0).cell_clip(-1.0).merge(Merge::Sum).forget_bias(f32::NAN);
    let found = findings(all.build());
    let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["num_layers", "dropout", "cell_clip", "merge", "forget_bias"]);
}

#[test]
fn a_size_that_no_memory_holds_is_an_error() {
    let huge = Lstm::builder(1 << 40, 1 << 10).build();
    assert!(huge.unwrap_err().to_string().contains("out of memory"));
}

#[test]
fn all_arguments_of_a_call_are_refused_at_once() {
    let mut lstm = Lstm::builder(3, 4).seed(1).build().unwrap();
    let x = drawn((5, 2, 2), 0.0);
    let wrong = LstmState { h: Array3::zeros((1, 3, 4)), c: Array3::zeros((2, 2, 4)) };
    let batch = Batch::new(x.view()).state(&wrong).lengths(&[6, 2]);
    let mut y = Array3::from_elem((5, 2, 5), 3.0);
    let found = findings(lstm.forward_into(batch, y.view_mut()));
    let expected = [
        ("y", "size_mismatch"),
        ("x", "size_mismatch"),
        ("lengths[0]", "invalid_number"),
        ("state.h", "size_mismatch"),
        ("state.c", "size_mismatch"),
    ];
    assert_eq!(named(&found), expected);
    assert_eq!(y, Array3::from_elem((5, 2, 5), 3.0));
    assert_eq!(named(&findings(lstm.forward(batch))), expected[1..]);
    assert_eq!(named(&findings(lstm.forward_training(batch, 0))), expected[1..]);
    let x = drawn((5, 2, 3), 0.0);
    let found = findings(lstm.forward(Batch::new(x.view()).lengths(&[1])));
    assert_eq!(named(&found), [("lengths", "size_mismatch")]);
}

#[test]
fn gradients_that_do_not_fit_are_refused() {
    let lstm = Lstm::builder(3, 4).seed(1).build().unwrap();
    let (_, _, tape) = lstm.forward_training(&drawn((5, 2, 3), 0.0), 0).unwrap();
    let found = findings(lstm.backward(&tape, None, None));
    assert_eq!(named(&found), [("dy", "missing_gradient")]);
    let found = findings(lstm.backward(
        &tape,
        Some(Array3::zeros((5, 2, 3)).view()),
        Some(&state(1, 1, 4, 0.0)),
    ));
    let expected =
        [("dy", "size_mismatch"), ("d_state.h", "size_mismatch"), ("d_state.c", "size_mismatch")];
    assert_eq!(named(&found), expected);
}
