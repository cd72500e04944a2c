//! What must hold whatever the numbers: splitting, carrying, striding and reversing change no bit by panels, and
//! only the rounding by a library.

use crate::support::{CallWay, Case, Results, all_ways, examples, optional};
use bnns_lstm::{
    DataLayout, FilterParameters, LSTMDataDescriptor, LayerFlags, LayerParametersLSTM, Level,
    NDArrayDescriptor, Route, direct_forward_with,
};
use bnns_lstm_testkit::random::{Activations, Limits, random_case};
use proptest::prelude::*;

fn random(seed: u64, lengths: bool) -> Case {
    let limits = Limits {
        hidden_size: 19,
        batch_size: 9,
        lengths,
        activations: Activations::Default,
        ..Limits::default()
    };
    let case = random_case(seed, &limits);
    Case::new(&case.layer, &case.inputs)
}

/// Run a structure in some way.
fn apply(params: &mut LayerParametersLSTM<'_>, way: CallWay) {
    let filter = FilterParameters { n_threads: way.n_threads, ..Default::default() };
    direct_forward_with(way.options(), params, &filter, None).unwrap();
}

/// By panels at the best level.
fn best(n_threads: usize) -> CallWay {
    CallWay { route: Route::Panels, level: Level::best(), n_threads }
}

/// Check that two results of a way are the same.
fn assert_same(way: CallWay, found: &Results, wanted: &Results) {
    way.assert_same("y", &found.y, &wanted.y);
    way.assert_same("hn", &found.hn, &wanted.hn);
    way.assert_same("cn", &found.cn, &wanted.cn);
}

/// Copy `[outer][batch][inner]` for some batch rows.
fn batch_rows(
    values: &[f32],
    batch: usize,
    inner: usize,
    rows: std::ops::Range<usize>,
) -> Vec<f32> {
    values
        .chunks_exact(batch * inner)
        .flat_map(|outer| outer[rows.start * inner..rows.end * inner].iter().copied())
        .collect()
}

/// The same layer for some rows of the batch.
fn of_rows(case: &Case, rows: std::ops::Range<usize>) -> Case {
    let (batch, hidden) = (case.layer.batch_size, case.layer.hidden_size);
    let mut part = case.clone();
    part.layer.batch_size = rows.len();
    part.x = batch_rows(&case.x, batch, case.layer.input_size, rows.clone());
    let state = |values: &[f32], width| batch_rows(values, batch, width, rows.clone());
    part.h0 = case.h0.as_deref().map(|h0| state(h0, case.layer.outputs()));
    part.c0 = case.c0.as_deref().map(|c0| state(c0, hidden));
    part
}

proptest! {
    #![proptest_config(examples(60))]

    #[test]
    fn any_number_of_threads_gives_the_same_bits(seed: u64) {
        let case = random(seed, true);
        for level in Level::available() {
            let one = case.run(level, 1).unwrap();
            for threads in [2, 3, 4, 7] {
                let many = case.run(level, threads).unwrap();
                prop_assert_eq!(one.bits(), many.bits(), "{:?}, {} threads", level, threads);
            }
        }
    }

    #[test]
    fn a_split_batch_gives_the_same_bits(seed: u64) {
        let case = random(seed, false);
        let (batch, hidden) = (case.layer.batch_size, case.layer.hidden_size);
        let (width, outputs) = (case.layer.output_size(), case.layer.outputs());
        let half = batch / 2;
        prop_assume!(half > 0);
        for way in all_ways() {
            let whole = case.run_in(way).unwrap();
            for rows in [0..half, half..batch] {
                let part = of_rows(&case, rows.clone()).run_in(way).unwrap();
                let of = |values, width| batch_rows(values, batch, width, rows.clone());
                let (y, hn, cn) =
                    (of(&whole.y, width), of(&whole.hn, outputs), of(&whole.cn, hidden));
                assert_same(way, &part, &Results { y, hn, cn });
            }
        }
    }

    #[test]
    fn two_calls_with_carried_state_give_the_bits_of_one(seed: u64) {
        let limits = Limits {
            hidden_size: 19, bidirectional: false, lengths: false,
            activations: Activations::Default, ..Limits::default()
        };
        let mut drawn = random_case(seed, &limits);
        // What reads backwards cannot be carried on forwards.
        drawn.layer.variant.reverse = false;
        let case = Case::new(&drawn.layer, &drawn.inputs);
        let steps = case.layer.seq_len;
        let cut = steps / 2;
        prop_assume!(cut > 0);
        for way in all_ways() {
            let whole = case.run_in(way).unwrap();
            let per_step = case.layer.batch_size * case.layer.input_size;
            let mut first = case.clone();
            first.layer.seq_len = cut;
            first.x.truncate(cut * per_step);
            let first = first.run_in(way).unwrap();
            let mut second = case.clone();
            second.layer.seq_len = steps - cut;
            second.x.drain(..cut * per_step);
            (second.h0, second.c0) = (Some(first.hn), Some(first.cn));
            let second = second.run_in(way).unwrap();
            let y = [&first.y[..], &second.y].concat();
            assert_same(way, &Results { y, ..second }, &whole);
        }
    }

    #[test]
    fn layouts_strides_and_states_in_place_change_no_bit(seed: u64) {
        let case = random(seed, true);
        for way in all_ways() {
            let plain = case.run_in(way).unwrap();
            assert_same(way, &strided(&case, way), &plain);
        }
    }

    #[test]
    fn reversed_input_gives_the_backward_direction(seed: u64) {
        let limits = Limits {
            num_layers: 1, lengths: false, activations: Activations::Default, ..Limits::default()
        };
        let mut drawn = random_case(seed, &limits);
        drawn.inputs.h0 = None;
        drawn.inputs.c0 = None;
        prop_assume!(drawn.layer.bidirectional);
        let case = Case::new(&drawn.layer, &drawn.inputs);
        let mut swapped = case.clone();
        let per_step = case.layer.batch_size * case.layer.input_size;
        swapped.x = case.x.chunks_exact(per_step).rev().flatten().copied().collect();
        for gate in [
            &mut swapped.gates.input, &mut swapped.gates.forget,
            &mut swapped.gates.candidate, &mut swapped.gates.output,
        ] {
            for weights in [Some(&mut gate.iw), Some(&mut gate.hw), gate.cw.as_mut(), gate.b.as_mut()]
                .into_iter()
                .flatten()
            {
                let half = weights.len() / 2;
                weights.rotate_left(half);
            }
        }
        let half = swapped.projection.as_ref().map_or(0, |weights| weights.len() / 2);
        swapped.projection.iter_mut().for_each(|weights| weights.rotate_left(half));
        let h = case.layer.outputs();
        for way in all_ways() {
            let straight = case.run_in(way).unwrap();
            let turned = swapped.run_in(way).unwrap();
            let per_step = case.layer.batch_size * 2 * h;
            let expected: Vec<f32> = turned
                .y
                .chunks_exact(per_step)
                .rev()
                .flat_map(|step| step.chunks_exact(2 * h))
                .flat_map(|row| row[h..].iter().chain(&row[..h]).copied())
                .collect();
            way.assert_same("y", &straight.y, &expected);
        }
    }
}

/// The same call with batch-major data at padded strides, and final states over the initial ones.
fn strided(case: &Case, way: CallWay) -> Results {
    let layer = &case.layer;
    let (l, d, n, h) = (layer.num_layers, layer.directions(), layer.batch_size, layer.hidden_size);
    let (s, i) = (layer.seq_len, layer.input_size);
    let pitch_in = i + 3;
    let mut x = vec![f32::NAN; n * s * pitch_in + 5];
    for step in 0..s {
        for row in 0..n {
            let to = (row * s + step) * pitch_in;
            let from = (step * n + row) * i;
            x[to..to + i].copy_from_slice(&case.x[from..from + i]);
        }
    }
    let p = layer.outputs();
    let pitch_out = d * p + 2;
    let mut y = vec![7.0; n * s * pitch_out];
    let mut hn = case.h0.clone().unwrap_or_else(|| vec![0.0; layer.hidden_len()]);
    let mut cn = case.c0.clone().unwrap_or_else(|| vec![0.0; layer.cell_len()]);
    let mut params = case.params();
    params.input_descriptor = LSTMDataDescriptor {
        data_desc: NDArrayDescriptor::read(&x, DataLayout::NSE, &[i, s, n]).with_strides(&[
            1,
            pitch_in,
            s * pitch_in,
        ]),
        hidden_desc: NDArrayDescriptor::in_place(),
        cell_state_desc: NDArrayDescriptor::in_place(),
    };
    params.output_descriptor = LSTMDataDescriptor {
        data_desc: NDArrayDescriptor::write(&mut y, DataLayout::NSE, &[d * p, s, n])
            .with_strides(&[1, pitch_out, s * pitch_out]),
        hidden_desc: NDArrayDescriptor::write(&mut hn, DataLayout::FIRST_MAJOR_4D, &[l, d, n, p]),
        cell_state_desc: NDArrayDescriptor::write(
            &mut cn,
            DataLayout::FIRST_MAJOR_4D,
            &[l, d, n, h],
        ),
    };
    apply(&mut params, way);
    drop(params);
    let mut dense = vec![0.0; layer.y_len()];
    for step in 0..s {
        for row in 0..n {
            let from = (row * s + step) * pitch_out;
            let to = (step * n + row) * d * p;
            dense[to..to + d * p].copy_from_slice(&y[from..from + d * p]);
            assert_eq!(y[from + d * p..from + pitch_out], [7.0; 2], "padding was written");
        }
    }
    Results { y: dense, hn, cn }
}

#[test]
fn any_subset_of_outputs_is_what_all_of_them_are() {
    let case = random(11, true);
    let layer = &case.layer;
    let (l, d, n, h) = (layer.num_layers, layer.directions(), layer.batch_size, layer.hidden_size);
    let all = case.run(Level::best(), 2).unwrap();
    for wanted in 1..8_u32 {
        let mut y = vec![0.0; layer.y_len()];
        let (mut hn, mut cn) = (vec![0.0; layer.hidden_len()], vec![0.0; layer.cell_len()]);
        let mut params = case.params();
        let (layout, p) = (DataLayout::FIRST_MAJOR_4D, layer.outputs());
        let state = |values, width| NDArrayDescriptor::write(values, layout, &[l, d, n, width]);
        if wanted & 1 != 0 {
            let size = [d * p, n, layer.seq_len];
            params.output_descriptor.data_desc =
                NDArrayDescriptor::write(&mut y, DataLayout::SNE, &size);
        }
        if wanted & 2 != 0 {
            params.output_descriptor.hidden_desc = state(&mut hn, p);
        }
        if wanted & 4 != 0 {
            params.output_descriptor.cell_state_desc = state(&mut cn, h);
        }
        apply(&mut params, best(2));
        drop(params);
        assert!(wanted & 1 == 0 || y == all.y, "y of {wanted}");
        assert!(wanted & 2 == 0 || hn == all.hn, "hn of {wanted}");
        assert!(wanted & 4 == 0 || cn == all.cn, "cn of {wanted}");
    }
}

#[test]
fn the_default_activations_flag_is_the_default_activations() {
    let case = random(5, false);
    let explicit = case.run(Level::best(), 1).unwrap();
    let layer = &case.layer;
    let mut y = vec![0.0; layer.y_len()];
    let mut params = case.params();
    params.lstm_flags = params.lstm_flags.union(LayerFlags::LSTM_DEFAULT_ACTIVATIONS);
    params.hidden_activation = None;
    params.input_gate.activation = None;
    let size = [layer.output_size(), layer.batch_size, layer.seq_len];
    params.output_descriptor.data_desc = NDArrayDescriptor::write(&mut y, DataLayout::SNE, &size);
    apply(&mut params, best(1));
    drop(params);
    assert_eq!(y, explicit.y);
}

#[test]
fn the_joint_form_is_the_split_form_with_equal_widths() {
    let limits = Limits { activations: Activations::Default, variants: false, ..Limits::default() };
    let mut found = 0;
    for seed in 0..400 {
        let drawn = random_case(seed, &limits);
        let layer = &drawn.layer;
        let (l, d, h) = (layer.num_layers, layer.directions(), layer.hidden_size);
        if l == 1 || layer.input_size != d * h {
            continue;
        }
        found += 1;
        let case = Case::new(layer, &drawn.inputs);
        let split = case.run(Level::best(), 1).unwrap();
        let joint = |gate: &crate::support::GateFloats| [&gate.iw[..], &gate.iw_upper[..]].concat();
        let (i, f) = (joint(&case.gates.input), joint(&case.gates.forget));
        let (g, o) = (joint(&case.gates.candidate), joint(&case.gates.output));
        let mut y = vec![0.0; layer.y_len()];
        let mut params = case.params();
        let weights =
            |values| [optional(Some(values), &[l, d, h, d * h]), NDArrayDescriptor::absent()];
        params.input_gate.iw_desc = weights(&i);
        params.forget_gate.iw_desc = weights(&f);
        params.candidate_gate.iw_desc = weights(&g);
        params.output_gate.iw_desc = weights(&o);
        let size = [d * h, layer.batch_size, layer.seq_len];
        params.output_descriptor.data_desc =
            NDArrayDescriptor::write(&mut y, DataLayout::SNE, &size);
        apply(&mut params, best(1));
        drop(params);
        assert_eq!(y, split.y, "seed {seed}");
    }
    assert!(found > 3, "only {found} layers had equal widths");
}
