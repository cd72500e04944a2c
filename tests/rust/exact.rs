//! Integer arithmetic in floats: with linear activations and small integers every product and sum is
//! exact, so any slip in packing, gate order, peepholes or direction of time shows as a whole number.

use crate::support::{Case, all_ways};
use bnns_lstm_testkit::random::{Activations, Limits, Rng, random_case};
use bnns_lstm_testkit::{Activation, Peephole, Variant, forward};

/// Round every number of a case to a small integer and make all activations linear.
fn integral(seed: u64) -> Option<(Case, Vec<f32>)> {
    let limits = Limits {
        input_size: 7,
        hidden_size: 18,
        batch_size: 8,
        num_layers: 2,
        seq_len: 3,
        activations: Activations::Default,
        ..Limits::default()
    };
    let mut drawn = random_case(seed, &limits);
    let mut random = Rng::new(seed);
    let mut sparse = |values: &mut [f64], one_in: u64| {
        for value in values {
            let drawn = random.bits();
            *value =
                if drawn.is_multiple_of(one_in) { (drawn / one_in % 3) as f64 - 1.0 } else { 0.0 };
        }
    };
    let linear = Activation { function: 0, alpha: 1.0, beta: 1.0 };
    let layer = &mut drawn.layer;
    layer.hidden_activation = linear;
    let Variant { cell_clip, gate_clip, .. } = &mut layer.variant;
    for clip in [cell_clip, gate_clip].into_iter().flatten() {
        *clip = 2.0;
    }
    for (_, gate) in layer.gates.named_mut() {
        gate.activation = linear;
        for weights in &mut gate.iw {
            sparse(weights, 4);
        }
        sparse(&mut gate.hw, 9);
        if let Peephole::Full(weights) | Peephole::Diagonal(weights) = &mut gate.cw {
            sparse(weights, 9);
        }
        if let Some(bias) = &mut gate.b {
            sparse(bias, 2);
        }
    }
    if let Some(projection) = &mut layer.projection {
        sparse(&mut projection.weights, 4);
    }
    sparse(&mut drawn.inputs.x, 2);
    for state in [&mut drawn.inputs.h0, &mut drawn.inputs.c0].into_iter().flatten() {
        sparse(state, 2);
    }
    let outputs = forward(&drawn.layer, &drawn.inputs, None).outputs;
    let values = [outputs.y, outputs.hn, outputs.cn].concat();
    // Products of products grow fast; what exceeds the exact range proves nothing.
    let is_exact = values.iter().all(|value| value.abs() < f64::from(1 << 20));
    let case = Case::new(&drawn.layer, &drawn.inputs);
    is_exact.then(|| (case, values.iter().map(|&value| value as f32).collect()))
}

#[test]
fn integers_come_out_exactly_at_every_level() {
    let mut exact = 0;
    let mut nonzero = 0;
    for seed in 0..300 {
        let Some((case, expected)) = integral(seed) else { continue };
        exact += 1;
        nonzero += usize::from(expected.iter().any(|&value| value != 0.0));
        for way in all_ways() {
            let results = case.run_in(way).unwrap();
            let found = [results.y, results.hn, results.cn].concat();
            assert_eq!(found, expected, "seed {seed} at {way:?}");
        }
    }
    assert!(exact > 100 && nonzero > 100, "{exact} exact cases, {nonzero} of them not all zero");
}
