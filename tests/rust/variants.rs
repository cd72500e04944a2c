//! Variants of the layer: what must hold exactly, beside the random layers of the other tests.

use crate::support::training::{Named, Way};
use crate::support::{Case, Results, ways};
use bnns_lstm::{BoundWeights, Checkpoints, Error, LayerPlan, Level, Options, Plan};
use bnns_lstm_testkit::random::{Activations, Limits, random_case};
use bnns_lstm_testkit::{
    Activation, Coupled, Gate, Incoming, Inputs, Layer, Peephole, PerGate, Variant, forward,
};

fn bits(gradients: &Named) -> Vec<u32> {
    gradients.values().flatten().map(|value| value.to_bits()).collect()
}

const CHECKPOINTS: [Checkpoints; 3] =
    [Checkpoints::EveryStep, Checkpoints::SquareRoot, Checkpoints::Every(2)];

/// Outputs and gradients of a case at all levels, with one thread and two, with every kind of cache.
fn all_results(case: &Case, incoming: &Incoming) -> Vec<(Results, Vec<u32>)> {
    let mut found = Vec::new();
    for (level, threads) in ways() {
        for checkpoints in CHECKPOINTS {
            let way = Way { checkpoints, ..Way::new(level, threads) };
            let gradients = case.gradients(incoming, way).unwrap();
            found.push((case.run(level, threads).unwrap(), bits(&gradients)));
        }
    }
    found
}

#[test]
fn limits_that_are_never_reached_change_no_bit() {
    let limits = Limits { variants: false, hidden_size: 19, ..Limits::default() };
    for seed in 0..40 {
        let mut drawn = random_case(seed, &limits);
        let plain = all_results(&Case::new(&drawn.layer, &drawn.inputs), &drawn.incoming);
        let all =
            [(Some(1e30), None, true), (None, Some(1e30), false), (Some(1e30), Some(1e30), true)];
        for (cell_clip, gate_clip, gate_clip_hidden) in all {
            drawn.layer.variant =
                Variant { cell_clip, gate_clip, gate_clip_hidden, ..Variant::default() };
            let case = Case::new(&drawn.layer, &drawn.inputs);
            let found = all_results(&case, &drawn.incoming);
            assert!(found == plain, "seed {seed}: {:?}", drawn.layer.variant);
        }
    }
}

/// `[step][rest]` with the steps turned round.
fn turned(values: &[f64], per_step: usize) -> Vec<f64> {
    values.chunks_exact(per_step).rev().flatten().copied().collect()
}

#[test]
fn a_reversed_layer_is_a_forward_one_of_a_sequence_turned_round() {
    let limits = Limits { bidirectional: false, lengths: false, ..Limits::default() };
    for seed in 0..60 {
        let mut drawn = random_case(seed, &limits);
        drawn.layer.variant.reverse = false;
        let layer = drawn.layer.clone();
        let (per_step, outputs) =
            (layer.batch_size * layer.input_size, layer.batch_size * layer.outputs());
        let straight = Case::new(&layer, &drawn.inputs);
        let mut reversed = layer.clone();
        reversed.variant.reverse = true;
        let inputs = Inputs { x: turned(&drawn.inputs.x, per_step), ..drawn.inputs.clone() };
        let reversed = Case::new(&reversed, &inputs);
        let turned_dy = drawn.incoming.dy.as_ref().map(|dy| turned(dy, outputs));
        let turned_incoming = Incoming { dy: turned_dy, ..drawn.incoming.clone() };
        for (level, threads) in ways() {
            let expected = straight.run(level, threads).unwrap();
            let found = reversed.run(level, threads).unwrap();
            let y: Vec<f32> = found.y.chunks_exact(outputs).rev().flatten().copied().collect();
            assert_eq!((y, found.hn, found.cn), (expected.y, expected.hn, expected.cn));
            for checkpoints in CHECKPOINTS {
                let way = Way { checkpoints, ..Way::new(level, threads) };
                let expected = straight.gradients(&drawn.incoming, way).unwrap();
                let mut found = reversed.gradients(&turned_incoming, way).unwrap();
                let dx = &found["x"];
                let dx = dx.chunks_exact(per_step).rev().flatten().copied().collect();
                found.insert("x".to_owned(), dx);
                assert!(bits(&found) == bits(&expected), "seed {seed} at {way:?}");
            }
        }
    }
}

/// A layer of one unit and one step, all of whose functions are the identity: i = f = o = 1, g = x.
pub fn adder(variant: Variant, activation: Activation) -> Layer {
    let gate = |input: f64, bias: f64| Gate {
        iw: vec![vec![input]],
        hw: vec![0.0],
        cw: Peephole::None,
        b: Some(vec![bias]),
        activation,
    };
    Layer {
        input_size: 1,
        hidden_size: 1,
        batch_size: 1,
        num_layers: 1,
        seq_len: 1,
        bidirectional: false,
        gates: PerGate {
            input: gate(0.0, 1.0),
            forget: gate(0.0, 1.0),
            candidate: gate(1.0, 0.0),
            output: gate(0.0, 1.0),
        },
        hidden_activation: activation,
        variant,
        projection: None,
        batch_sizes: None,
    }
}

/// y, c and the gradients of x and of the initial cell state 1, where 1 is the gradient of y.
fn one_step(variant: Variant, x: f64, way: Way) -> Vec<f32> {
    let layer = adder(variant, Activation { function: 0, alpha: 1.0, beta: 1.0 });
    let inputs = Inputs { x: vec![x], h0: None, c0: Some(vec![1.0]) };
    let case = Case::new(&layer, &inputs);
    let Results { y, cn, .. } = case.run(way.level, way.n_threads).unwrap();
    let incoming = Incoming { dy: Some(vec![1.0]), ..Incoming::default() };
    let found = case.gradients(&incoming, way).unwrap();
    [y, cn, found["x"].clone(), found["c0"].clone()].concat()
}

#[test]
fn gradients_pass_up_to_the_limit_and_stop_beyond_it() {
    let cell = Variant { cell_clip: Some(3.0), ..Variant::default() };
    let gate = Variant { gate_clip: Some(3.0), ..Variant::default() };
    let bare = Variant { gate_clip_hidden: false, ..gate };
    // The cell state is x + 1. Where the limit acts on it, y and c are limited and nothing passes; that of the
    // hidden activation leaves c alone, and that of the gates limits the candidate, and lets c through.
    let cases = [
        (cell, 1.0, [2.0, 2.0, 1.0, 1.0]),
        (cell, 2.0, [3.0, 3.0, 1.0, 1.0]),
        (cell, 2.5, [3.0, 3.0, 0.0, 0.0]),
        (cell, -4.0, [-3.0, -3.0, 1.0, 1.0]),
        (cell, -5.0, [-3.0, -3.0, 0.0, 0.0]),
        (gate, 2.0, [3.0, 3.0, 1.0, 1.0]),
        (gate, 2.5, [3.0, 3.5, 0.0, 0.0]),
        (gate, 4.0, [3.0, 4.0, 0.0, 0.0]),
        (bare, 2.5, [3.5, 3.5, 1.0, 1.0]),
        (bare, 3.0, [4.0, 4.0, 1.0, 1.0]),
        (bare, 4.0, [4.0, 4.0, 0.0, 1.0]),
        (bare, -4.0, [-2.0, -2.0, 0.0, 1.0]),
    ];
    for (level, threads) in ways() {
        for checkpoints in CHECKPOINTS {
            let way = Way { checkpoints, ..Way::new(level, threads) };
            for (variant, x, expected) in cases {
                let found = one_step(variant, x, way);
                assert_eq!(found, expected.to_vec(), "{variant:?} at {x}, {way:?}");
            }
        }
    }
}

#[test]
fn a_derived_gate_is_what_the_other_one_leaves_of_1() {
    for (level, threads) in ways() {
        let way = Way::new(level, threads);
        // The source is 0.25: c = 1 - 0.25 times what is derived and 0.25 times the other.
        for (coupled, c, dx, dc) in
            [(Coupled::Forget, 1.25, 0.25, 0.75), (Coupled::Input, 1.75, 0.75, 0.25)]
        {
            let variant = Variant { coupled: Some(coupled), ..Variant::default() };
            let mut layer = adder(variant, Activation { function: 0, alpha: 1.0, beta: 1.0 });
            let (source, derived) = match coupled {
                Coupled::Forget => (&mut layer.gates.input, &mut layer.gates.forget),
                Coupled::Input => (&mut layer.gates.forget, &mut layer.gates.input),
            };
            source.b = Some(vec![0.25]);
            (derived.iw, derived.hw, derived.b) = (Vec::new(), Vec::new(), None);
            let inputs = Inputs { x: vec![2.0], h0: None, c0: Some(vec![1.0]) };
            let case = Case::new(&layer, &inputs);
            let found = case.run(level, threads).unwrap();
            assert_eq!((found.y[0], found.cn[0]), (c, c), "{coupled:?}");
            let incoming = Incoming { dy: Some(vec![1.0]), ..Incoming::default() };
            let found = case.gradients(&incoming, way).unwrap();
            assert_eq!((found["x"][0], found["c0"][0]), (dx, dc), "{coupled:?}");
            // The source lets in 2 and keeps 1: more of it changes c by their difference.
            let (name, db) =
                if coupled == Coupled::Forget { ("input.b", 1.0) } else { ("forget.b", -1.0) };
            assert_eq!(found[name], [db]);
        }
    }
}

#[test]
fn an_infinite_input_leaves_gradients_that_are_numbers() {
    for coupled in [Coupled::Forget, Coupled::Input] {
        let variant = Variant { coupled: Some(coupled), ..Variant::default() };
        let mut layer = adder(variant, Activation::TANH);
        let gate = match coupled {
            Coupled::Forget => &mut layer.gates.forget,
            Coupled::Input => &mut layer.gates.input,
        };
        (gate.iw, gate.hw, gate.b) = (Vec::new(), Vec::new(), None);
        for gate in [&mut layer.gates.input, &mut layer.gates.forget, &mut layer.gates.output] {
            gate.iw.iter_mut().for_each(|weights| weights.fill(1.0));
        }
        let case = Case::new(&layer, &Inputs { x: vec![f64::INFINITY], h0: None, c0: None });
        let incoming = Incoming { dy: Some(vec![1.0]), ..Incoming::default() };
        for (level, threads) in ways() {
            let found = case.gradients(&incoming, Way::new(level, threads)).unwrap();
            assert!(found["x"][0].is_finite() && found["c0"][0].is_finite(), "{coupled:?}");
        }
    }
}

#[test]
fn nan_passes_through_limits() {
    let variant = Variant { cell_clip: Some(1.0), gate_clip: Some(1.0), ..Variant::default() };
    for activation in [Activation::SIGMOID, Activation::TANH] {
        let mut layer = adder(variant, activation);
        (layer.hidden_activation, layer.gates.candidate.activation) =
            (Activation::TANH, Activation::TANH);
        let case = Case::new(&layer, &Inputs { x: vec![f64::NAN], h0: None, c0: None });
        for (level, threads) in ways() {
            let found = case.run(level, threads).unwrap();
            assert!(found.y[0].is_nan() && found.cn[0].is_nan(), "{level:?}");
        }
    }
}

#[test]
fn weights_lent_for_a_derived_gate_are_refused() {
    let variant = Variant { coupled: Some(Coupled::Forget), ..Variant::default() };
    let mut layer = adder(variant, Activation::TANH);
    let forget = &mut layer.gates.forget;
    (forget.iw, forget.hw, forget.b) = (Vec::new(), Vec::new(), None);
    let case = Case::new(&layer, &Inputs { x: vec![1.0], h0: None, c0: None });
    let mut y = vec![0.0; case.layer.y_len()];
    let checked = case.checked(Way::new(Level::best(), 1), &mut y).unwrap();
    let mut views = case.weight_views();
    assert!(BoundWeights::bind(&checked, &views).is_ok());
    views.gates.forget.hw = Some([0.0].as_slice().into());
    match BoundWeights::bind(&checked, &views).unwrap_err() {
        Error::ArrayMismatch { path, .. } => assert_eq!(path.to_string(), "forget_gate.hw_desc"),
        error => panic!("{error}"),
    }
}

#[test]
fn a_plan_says_that_its_layer_is_a_variant() {
    let say = |variant| {
        let case = Case::new(
            &adder(variant, Activation::TANH),
            &Inputs { x: vec![1.0], h0: None, c0: None },
        );
        let mut y = vec![0.0; case.layer.y_len()];
        let checked = case.checked(Way::new(Level::best(), 1), &mut y).unwrap();
        let options = Options::default();
        let plan = Plan::new(&LayerPlan::new(&checked, options), &checked, options).unwrap();
        (
            plan.explain().contains("generic step of a variant"),
            plan.summary().contains(", reversed"),
        )
    };
    let plain = Variant::default();
    assert_eq!(say(plain), (false, false));
    assert_eq!(say(Variant { cell_clip: Some(1.0), ..plain }), (true, false));
    // Its steps are those of any other layer.
    assert_eq!(say(Variant { reverse: true, ..plain }), (false, true));
}

/// A layer whose units pass tiles, blocks and chunks, compared with the oracle.
#[test]
fn larger_variants_agree_with_the_oracle() {
    let limits = Limits {
        input_size: 40,
        hidden_size: 70,
        batch_size: 20,
        num_layers: 2,
        seq_len: 12,
        activations: Activations::Default,
        ..Limits::default()
    };
    let drawn = (0..200).map(|seed| random_case(seed, &limits));
    let is_large = |layer: &Layer| layer.variant.coupled.is_some() && layer.hidden_size > 33;
    let mut compared = 0;
    for drawn in drawn.filter(|drawn| is_large(&drawn.layer)).take(8) {
        let trace = forward(&drawn.layer, &drawn.inputs, None);
        let case = Case::new(&drawn.layer, &drawn.inputs);
        for (level, threads) in ways() {
            let found = case.run(level, threads).unwrap();
            let values = found.y.iter().zip(&trace.outputs.y);
            let worst = values.fold(0.0_f64, |most, (&found, expected)| {
                most.max((f64::from(found) - expected).abs())
            });
            assert!(worst < 2e-5, "{worst} at {level:?}: {:?}", drawn.layer.variant);
        }
        compared += 1;
    }
    assert_eq!(compared, 8);
}
