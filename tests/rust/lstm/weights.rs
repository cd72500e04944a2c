//! Weights by name: their shapes, their changes, the initial ones.

use super::{bits, drawn, findings};
use bnns_lstm::ndarray::{Array1, Array2, Ix1, s};
use bnns_lstm::{Coupled, Error, Lstm, Peephole};

#[test]
fn names_and_shapes_are_those_of_pytorch() {
    let builder = Lstm::builder(3, 5).num_layers(2).bidirectional(true);
    let lstm = builder.peephole(Peephole::Diagonal).build().unwrap();
    let mut expected = Vec::new();
    for (layer, width) in [(0, 3), (1, 10)] {
        for end in ["", "_reverse"] {
            expected.push((format!("weight_ih_l{layer}{end}"), vec![20, width]));
            expected.push((format!("weight_hh_l{layer}{end}"), vec![20, 5]));
            expected.push((format!("bias_ih_l{layer}{end}"), vec![20]));
            expected.push((format!("bias_hh_l{layer}{end}"), vec![20]));
            expected.push((format!("weight_ch_l{layer}{end}"), vec![20]));
        }
    }
    let parameters = lstm.parameters();
    let found = parameters.iter().map(|(name, array)| (name.to_owned(), array.shape().to_vec()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert!(parameters.names().eq(expected.iter().map(|(name, _)| name.as_str())));

    let coupled = Lstm::builder(3, 5).coupled(Coupled::Input).peephole(Peephole::Full).bias(false);
    let coupled = coupled.build().unwrap();
    let found = coupled.parameters().iter().map(|(name, array)| (name, array.shape().to_vec()));
    let expected =
        [("weight_ih_l0", [15, 3]), ("weight_hh_l0", [15, 5]), ("weight_ch_l0", [15, 5])];
    assert!(found.eq(expected.map(|(name, shape)| (name, shape.to_vec()))));
}

#[test]
fn a_projection_has_a_matrix_of_each_layer_and_direction() {
    let builder = Lstm::builder(3, 5).num_layers(2).bidirectional(true).bias(false).proj_size(2);
    let mut lstm = builder.build().unwrap();
    let found =
        lstm.parameters().iter().map(|(name, array)| (name.to_owned(), array.shape().to_vec()));
    let mut expected = Vec::new();
    for (layer, width) in [(0, 3), (1, 4)] {
        for end in ["", "_reverse"] {
            expected.push((format!("weight_ih_l{layer}{end}"), vec![20, width]));
            expected.push((format!("weight_hh_l{layer}{end}"), vec![20, 2]));
            expected.push((format!("weight_hr_l{layer}{end}"), vec![2, 5]));
        }
    }
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let (y, last) = lstm.forward(&drawn((4, 2, 3), 0.0)).unwrap();
    assert_eq!((y.dim(), last.h.dim(), last.c.dim()), ((4, 2, 4), (4, 2, 2), (4, 2, 5)));
}

/// One unit with one input: every number can be followed.
#[test]
fn blocks_are_input_forget_candidate_and_output_gate() {
    let mut lstm = Lstm::builder(1, 1).build_zeros().unwrap();
    let ih = Array2::from_shape_vec((4, 1), vec![0.5, -0.25, 1.5, 2.0]).unwrap();
    lstm.set("weight_ih_l0", ih.view()).unwrap();
    lstm.set("bias_ih_l0", Array1::from(vec![0.1, 0.2, 0.3, 0.4]).view()).unwrap();
    lstm.set("bias_hh_l0", Array1::from(vec![1.0, 0.0, 0.0, -1.0]).view()).unwrap();
    let x = drawn((1, 1, 1), 0.9);
    let input = f64::from(x[[0, 0, 0]]);
    let sigmoid = |value: f64| 1.0 / (1.0 + (-value).exp());
    let cell = sigmoid(0.5 * input + 1.1) * (1.5 * input + 0.3).tanh();
    let expected = sigmoid(2.0 * input - 0.6) * cell.tanh();
    let (y, last) = lstm.forward(&x).unwrap();
    assert!((f64::from(y[[0, 0, 0]]) - expected).abs() < 1e-6);
    assert!((f64::from(last.c[[0, 0, 0]]) - cell).abs() < 1e-6);
}

#[test]
fn a_changed_weight_is_seen_by_the_next_call() {
    let build = |seed| Lstm::builder(3, 5).seed(seed).build().unwrap();
    let (mut lstm, mut other) = (build(1), build(2));
    let x = drawn((4, 2, 3), 0.0);
    assert_ne!(lstm.forward(&x).unwrap(), other.forward(&x).unwrap());
    for (name, array) in other.parameters().iter() {
        lstm.set(name, array).unwrap();
    }
    assert_eq!(lstm.forward(&x).unwrap(), other.forward(&x).unwrap());
    // Other shapes share the packed weights.
    let short = drawn((2, 2, 3), 0.0);
    assert_eq!(lstm.forward(&short).unwrap(), other.forward(&short).unwrap());
    lstm.parameters_mut().get_mut("bias_hh_l0").unwrap()[[3]] += 1.0;
    assert_ne!(lstm.forward(&x).unwrap(), other.forward(&x).unwrap());
    assert_ne!(lstm.forward(&short).unwrap(), other.forward(&short).unwrap());
}

#[test]
fn a_step_of_descent_is_a_sum() {
    let (mut lstm, other) = (
        Lstm::builder(3, 5).seed(1).build().unwrap(),
        Lstm::builder(3, 5).seed(2).build().unwrap(),
    );
    let before = lstm.parameters().clone();
    lstm.parameters_mut().scaled_add(-0.5, other.parameters()).unwrap();
    for ((name, found), (one, two)) in lstm
        .parameters()
        .iter()
        .zip(before.iter().map(|(_, array)| array).zip(other.parameters().iter().map(|(_, a)| a)))
    {
        let expected = one.iter().zip(&two).map(|(one, two)| one + -0.5 * two);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-7), "{name}");
    }
    let wide = Lstm::builder(4, 5).build().unwrap();
    let error = lstm.parameters_mut().scaled_add(1.0, wide.parameters()).unwrap_err();
    assert_eq!(error, Error::WrongLayer { what: "gradients" });
}

#[test]
fn initial_weights_are_uniform_and_depend_on_the_seed() {
    let builder = Lstm::builder(40, 64).seed(11);
    let lstm = builder.clone().forget_bias(2.0).build().unwrap();
    let plain = builder.build().unwrap();
    let bound = 1.0 / 8.0;
    for (name, array) in plain.parameters().iter() {
        assert!(array.iter().all(|value| value.abs() <= bound), "{name}");
        let mean = array.sum() / array.len() as f32;
        // Four standard deviations of the mean of uniform numbers.
        assert!(mean.abs() < 4.0 * bound / (3.0 * array.len() as f32).sqrt(), "{name}: {mean}");
        assert!(array.iter().any(|value| value.abs() > 0.9 * bound), "{name}");
    }
    let biases = |of: &Lstm, name: &str| {
        of.parameters().get(name).unwrap().into_dimensionality::<Ix1>().unwrap().to_owned()
    };
    let (with, without) = (biases(&lstm, "bias_ih_l0"), biases(&plain, "bias_ih_l0"));
    assert_eq!(with.slice(s![64..128]), without.slice(s![64..128]).mapv(|bias| bias + 2.0));
    assert_eq!(with.slice(s![..64]), without.slice(s![..64]));
    assert_eq!(with.slice(s![128..]), without.slice(s![128..]));
    assert_eq!(biases(&lstm, "bias_hh_l0"), biases(&plain, "bias_hh_l0"));
    let other = Lstm::builder(40, 64).seed(12).build().unwrap();
    let of = |lstm: &Lstm| bits(lstm.parameters().get("weight_hh_l0").unwrap());
    assert_ne!(of(&other), of(&plain));
}

#[test]
fn weights_of_another_lstm_are_refused_by_the_next_call() {
    let plain = || Lstm::builder(3, 5);
    for other in [
        Lstm::builder(4, 5),
        plain().num_layers(2),
        plain().coupled(Coupled::Forget),
        plain().bias(false),
        plain().peephole(Peephole::Full),
        plain().proj_size(2),
    ] {
        let mut lstm = plain().build().unwrap();
        let own = lstm.parameters().clone();
        *lstm.parameters_mut() = other.build().unwrap().parameters().clone();
        let x = drawn((4, 2, 3), 0.0);
        assert!(matches!(lstm.forward(&x), Err(Error::WrongLayer { .. })));
        assert!(matches!(lstm.forward_training(&x, 0), Err(Error::WrongLayer { .. })));
        *lstm.parameters_mut() = own;
        assert!(lstm.forward(&x).is_ok());
    }
}

#[test]
fn names_and_shapes_that_do_not_fit_are_refused() {
    let mut lstm = Lstm::builder(3, 5).build().unwrap();
    let before = lstm.parameters().clone();
    let small = Array2::zeros((20, 4));
    let found = findings(lstm.set("weight_ih_l0", small.view()));
    assert_eq!(found, [("weight_ih_l0".to_owned(), "size_mismatch")]);
    let found = findings(lstm.set("weight_ih_l1", small.view()));
    assert_eq!(found, [("parameters".to_owned(), "unexpected_entry")]);
    assert!(lstm.parameters().get("weight_hh_l1").is_none());
    assert!(lstm.parameters_mut().get_mut("weights").is_none());
    assert_eq!(*lstm.parameters(), before);
}
