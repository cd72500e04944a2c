//! Central finite differences confirm the backward pass on random layers of every kind.

use std::collections::BTreeMap;

use bnns_lstm_testkit::random::{Case, Limits, Rng, random_case, random_mask};
use bnns_lstm_testkit::{Layer, Outputs, backward, forward};

const STEP: f64 = 1e-5;

/// The scalar whose gradients with respect to the outputs are the incoming ones.
fn loss(case: &Case, mask: Option<&[f64]>) -> f64 {
    let Outputs { y, hn, cn } = forward(&case.layer, &case.inputs, mask).outputs;
    let incoming = &case.incoming;
    [(&incoming.dy, y), (&incoming.dhn, hn), (&incoming.dcn, cn)]
        .into_iter()
        .filter_map(|(gradient, values)| gradient.as_ref().map(|gradient| (gradient, values)))
        .flat_map(|(gradient, values)| gradient.iter().zip(values).map(|(g, v)| g * v))
        .sum()
}

/// One element of what the layer reads, by the names of the gradients.
fn element<'a>(case: &'a mut Case, name: &str, index: usize) -> &'a mut f64 {
    let Case { layer, inputs, .. } = case;
    let Some((gate, array)) = name.split_once('.') else {
        let values = match name {
            "x" => Some(&mut inputs.x),
            "h0" => inputs.h0.as_mut(),
            "projection" => layer.projection.as_mut().map(|projection| &mut projection.weights),
            _ => inputs.c0.as_mut(),
        };
        return &mut values.expect("an initial state, or a projection")[index];
    };
    let gates = layer.gates.named_mut();
    let (_, gate) = gates.into_iter().find(|(known, _)| *known == gate).expect("a gate");
    match array {
        "iw0" => &mut gate.iw[0][index],
        "iw1" => {
            let len = gate.iw[1].len();
            &mut gate.iw[1 + index / len][index % len]
        }
        "hw" => &mut gate.hw[index],
        "cw" => &mut gate.cw.values_mut().expect("a peephole")[index],
        _ => &mut gate.b.as_mut().expect("a bias")[index],
    }
}

fn difference_quotient(case: &Case, mask: Option<&[f64]>, name: &str, index: usize) -> f64 {
    let mut shifted = case.clone();
    *element(&mut shifted, name, index) += STEP;
    let above = loss(&shifted, mask);
    *element(&mut shifted, name, index) -= 2.0 * STEP;
    (above - loss(&shifted, mask)) / (2.0 * STEP)
}

/// Compares a few elements of every gradient; returns how many.
fn confirm(seed: u64, case: &mut Case, mask: Option<&[f64]>) -> usize {
    let (hidden, cell) = (case.layer.hidden_len(), case.layer.cell_len());
    case.inputs.h0.get_or_insert_with(|| vec![0.0; hidden]);
    case.inputs.c0.get_or_insert_with(|| vec![0.0; cell]);
    let trace = forward(&case.layer, &case.inputs, mask);
    let distance = trace.kink_distance(&case.layer).min(trace.clip_distance(&case.layer));
    if distance < 20.0 * STEP {
        return 0;
    }
    let gradients: BTreeMap<_, _> = backward(&case.layer, &trace, &case.incoming).named();
    let rng = &mut Rng::new(seed);
    let mut confirmed = 0;
    for (name, values) in &gradients {
        for _ in 0..4 {
            let index = rng.between(0, values.len() - 1);
            let (want, got) = (difference_quotient(case, mask, name, index), values[index]);
            let error = (got - want).abs() / want.abs().max(1.0);
            assert!(error < 1e-7, "seed {seed}: {name}[{index}]: {got}, by differences {want}");
            confirmed += 1;
        }
    }
    confirmed
}

fn small() -> Limits {
    Limits { input_size: 4, hidden_size: 4, batch_size: 3, seq_len: 5, ..Limits::default() }
}

#[test]
fn differences_confirm_the_gradients() {
    let seeds = 0..160;
    let confirmed = seeds.map(|seed| confirm(seed, &mut random_case(seed, &small()), None));
    let layers = confirmed.filter(|&elements| elements > 0).count();
    assert!(layers >= 90, "only {layers} layers were far enough from kinks");
}

#[test]
fn differences_confirm_the_gradients_with_dropout() {
    let mut layers = 0;
    for seed in 1000..1060 {
        let mut case = random_case(seed, &small());
        let mask = random_mask(seed, &case.layer, 0.4);
        if case.layer.num_layers > 1 && confirm(seed, &mut case, Some(&mask)) > 0 {
            layers += 1;
        }
    }
    assert!(layers >= 20, "only {layers} layers were stacked and far enough from kinks");
}

/// Incoming gradients add up: all three together give the sum of what each gives alone.
#[test]
fn gradients_are_linear_in_the_incoming_ones() {
    for seed in 0..20 {
        let Case { layer, inputs, incoming } = random_case(seed, &small());
        let trace = forward(&layer, &inputs, None);
        let mut alone = [incoming.clone(), incoming.clone(), incoming.clone()];
        for (kept, part) in alone.iter_mut().enumerate() {
            let all = [&mut part.dy, &mut part.dhn, &mut part.dcn];
            all.into_iter().enumerate().filter(|(k, _)| *k != kept).for_each(|(_, g)| *g = None);
        }
        let sums = alone.map(|part| backward(&layer, &trace, &part).named());
        for (name, together) in backward(&layer, &trace, &incoming).named() {
            for (k, value) in together.iter().enumerate() {
                let sum: f64 = sums.iter().map(|gradients| gradients[&name][k]).sum();
                assert!((sum - value).abs() < 1e-9 * value.abs().max(1.0), "{name}[{k}]");
            }
        }
    }
}

/// Neither the inputs nor the incoming gradients are read at inactive places.
#[test]
fn inactive_places_are_not_read() {
    let mut inactive = 0;
    for seed in 0..60 {
        let Case { layer, mut inputs, mut incoming } = random_case(seed, &small());
        let trace = forward(&layer, &inputs, None);
        let expected = backward(&layer, &trace, &incoming);
        inactive += poison(&layer, &mut inputs.x, layer.input_size);
        if let Some(dy) = &mut incoming.dy {
            poison(&layer, dy, layer.output_size());
        }
        let poisoned = forward(&layer, &inputs, None);
        assert_eq!(trace.outputs, poisoned.outputs, "seed {seed}");
        assert_eq!(expected, backward(&layer, &poisoned, &incoming), "seed {seed}");
    }
    assert!(inactive > 20, "only {inactive} inactive places were tried");
}

/// Writes NaN to `[S][N][width]` wherever the sample is inactive; returns at how many places.
fn poison(layer: &Layer, values: &mut [f64], width: usize) -> usize {
    let mut places = 0;
    for (row, chunk) in values.chunks_mut(width).enumerate() {
        let (s, n) = (row / layer.batch_size, row % layer.batch_size);
        if n >= layer.active(s) {
            chunk.fill(f64::NAN);
            places += 1;
        }
    }
    places
}
