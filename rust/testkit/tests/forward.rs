//! What the specification says about lengths, directions and dropout, as properties.

use bnns_lstm_testkit::random::{Activations, Case, Limits, random_case, random_mask};
use bnns_lstm_testkit::{Inputs, Layer, Outputs, Peephole, forward};

/// A layer of the same weights for one sample of `length` steps.
fn alone(layer: &Layer, inputs: &Inputs, n: usize, length: usize) -> Outputs {
    let one = Layer { batch_size: 1, seq_len: length, batch_sizes: None, ..layer.clone() };
    let rows = inputs.x.chunks(layer.input_size).skip(n).step_by(layer.batch_size).take(length);
    let state = |values: &Option<Vec<f64>>, width: usize| {
        let values = values.as_ref()?;
        let rows = values.chunks(width).skip(n).step_by(layer.batch_size);
        Some(rows.flatten().copied().collect())
    };
    let x = rows.flatten().copied().collect();
    let (h0, c0) = (state(&inputs.h0, layer.outputs()), state(&inputs.c0, layer.hidden_size));
    forward(&one, &Inputs { x, h0, c0 }, None).outputs
}

fn of_sample(values: &[f64], width: usize, samples: usize, n: usize) -> Vec<f64> {
    values.chunks(width).skip(n).step_by(samples).flatten().copied().collect()
}

#[test]
fn each_sample_is_as_if_alone_with_its_own_length() {
    let (mut empty, mut shorter) = (0, 0);
    for seed in 0..100 {
        let Case { layer, inputs, .. } = random_case(seed, &Limits::default());
        let Outputs { y, hn, cn } = forward(&layer, &inputs, None).outputs;
        for n in 0..layer.batch_size {
            let own = |values: &[f64], width| of_sample(values, width, layer.batch_size, n);
            let length = layer.length(n);
            shorter += usize::from(length < layer.seq_len);
            let states = [own(&hn, layer.outputs()), own(&cn, layer.hidden_size)];
            if length == 0 {
                empty += 1;
                let zeros = vec![0.0; layer.cell_len()];
                let initial = |state: &Option<Vec<f64>>, width: usize| {
                    let all = layer.num_layers * layer.directions() * layer.batch_size * width;
                    own(state.as_deref().unwrap_or(&zeros[..all]), width)
                };
                let initial =
                    [initial(&inputs.h0, layer.outputs()), initial(&inputs.c0, layer.hidden_size)];
                assert_eq!(states, initial);
                continue;
            }
            let single = alone(&layer, &inputs, n, length);
            let mut padded = single.y;
            padded.resize(layer.seq_len * layer.output_size(), 0.0);
            assert_eq!(own(&y, layer.output_size()), padded, "seed {seed}, sample {n}");
            assert_eq!(states, [single.hn, single.cn], "seed {seed}, sample {n}");
        }
    }
    assert!(empty > 5 && shorter > 20, "{empty} empty and {shorter} shorter samples");
}

/// The same layer with the directions' weights exchanged.
fn exchanged(layer: &Layer) -> Layer {
    let mut other = layer.clone();
    let derived = layer.variant.derived();
    let gates = other.gates.named_mut().into_iter().filter(|(name, _)| derived != Some(*name));
    for (_, gate) in gates {
        exchange(&mut gate.iw[0], 1);
        exchange(&mut gate.hw, 1);
        gate.cw.values_mut().into_iter().for_each(|w| exchange(w, 1));
        gate.b.iter_mut().for_each(|b| exchange(b, 1));
    }
    other.projection.iter_mut().for_each(|projection| exchange(&mut projection.weights, 1));
    other
}

/// Exchanges the two halves of each of `groups` equal parts.
fn exchange(values: &mut [f64], groups: usize) {
    let half = values.len() / (2 * groups);
    values.chunks_mut(2 * half).for_each(|part| part.rotate_left(half));
}

#[test]
fn directions_mirror_each_other() {
    let limits = Limits { num_layers: 1, lengths: false, ..Limits::default() };
    let mut layers = 0;
    for seed in 0..60 {
        let Case { layer, inputs, .. } = random_case(seed, &limits);
        if !layer.bidirectional {
            continue;
        }
        layers += 1;
        let mut mirrored = inputs.clone();
        let step = layer.batch_size * layer.input_size;
        mirrored.x = inputs.x.chunks(step).rev().flatten().copied().collect();
        mirrored.h0.iter_mut().for_each(|state| exchange(state, 1));
        mirrored.c0.iter_mut().for_each(|state| exchange(state, 1));
        let mut expected = forward(&layer, &inputs, None).outputs;
        let step = layer.batch_size * layer.output_size();
        expected.y = expected.y.chunks(step).rev().flatten().copied().collect();
        exchange(&mut expected.y, layer.seq_len * layer.batch_size);
        exchange(&mut expected.hn, 1);
        exchange(&mut expected.cn, 1);
        let outputs = forward(&exchanged(&layer), &mirrored, None).outputs;
        assert_eq!(outputs, expected, "seed {seed}");
    }
    assert!(layers > 10);
}

#[test]
fn a_reversed_layer_is_the_backward_direction_of_a_bidirectional_one() {
    let limits = Limits { num_layers: 1, ..Limits::default() };
    let mut layers = 0;
    for seed in 0..60 {
        let Case { layer, inputs, .. } = random_case(seed, &limits);
        if !layer.bidirectional {
            continue;
        }
        layers += 1;
        // Every array of a layer is [D] times the part of one direction.
        let second = |values: &[f64]| values[values.len() / 2..].to_vec();
        let mut one = Layer { bidirectional: false, ..layer.clone() };
        one.variant.reverse = true;
        for (_, gate) in one.gates.named_mut() {
            gate.iw.iter_mut().for_each(|w| *w = second(w));
            gate.hw = second(&gate.hw);
            if let Peephole::Full(w) | Peephole::Diagonal(w) = &mut gate.cw {
                *w = second(w);
            }
            gate.b.iter_mut().for_each(|b| *b = second(b));
        }
        if let Some(projection) = &mut one.projection {
            projection.weights = second(&projection.weights);
        }
        let halves = Inputs {
            x: inputs.x.clone(),
            h0: inputs.h0.as_deref().map(second),
            c0: inputs.c0.as_deref().map(second),
        };
        let found = forward(&one, &halves, None).outputs;
        let both = forward(&layer, &inputs, None).outputs;
        let rows = both.y.chunks(layer.output_size());
        let y: Vec<f64> = rows.flat_map(&second).collect();
        assert_eq!((found.y, found.hn, found.cn), (y, second(&both.hn), second(&both.cn)));
    }
    assert!(layers > 10);
}

#[test]
fn a_mask_acts_between_layers_only() {
    let limits = Limits { activations: Activations::Default, ..Limits::default() };
    for seed in 0..40 {
        let Case { layer, inputs, .. } = random_case(seed, &limits);
        let plain = forward(&layer, &inputs, None);
        let kept = forward(&layer, &inputs, Some(&vec![1.0; layer.mask_len()]));
        assert_eq!(plain.outputs, kept.outputs);
        let mask = random_mask(seed, &layer, 0.5);
        let masked = forward(&layer, &inputs, Some(&mask));
        let per_layer = plain.cells.len() / layer.num_layers;
        for (index, cell) in masked.cells.iter().enumerate() {
            let Some(cell) = cell else { continue };
            let l = index / per_layer;
            let row = index % per_layer % (layer.seq_len * layer.batch_size);
            if l == 0 {
                assert_eq!(cell.x, inputs.x[row * layer.input_size..][..layer.input_size]);
                continue;
            }
            for (k, &read) in cell.x.iter().enumerate() {
                let factor = mask[(l - 1) * layer.y_len() + row * layer.output_size() + k];
                let (d, unit) = (k / layer.outputs(), k % layer.outputs());
                let steps = layer.seq_len * layer.batch_size;
                let below = ((l - 1) * layer.directions() + d) * steps + row;
                let written =
                    masked.cells[below].as_ref().map_or(f64::NAN, |cell| cell.new_h[unit]);
                assert!((read - factor * written).abs() < 1e-15, "seed {seed}");
            }
        }
    }
}
