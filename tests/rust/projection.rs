//! Projections: what must hold beside the random layers of the other tests, which have projections too.

use crate::support::training::Way;
use crate::support::{Case, all_ways, ways};
use bnns_lstm::binding::{LayerPlan, Plan};
use bnns_lstm::{
    Checkpoints, Code, DataLayout, Error, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor,
    Level, NDArrayDescriptor, Options, compute_lstm_training_cache_capacity,
    direct_apply_lstm_batch_training_caching, direct_backward_with,
};
use bnns_lstm_testkit::compare::assert_close;
use bnns_lstm_testkit::golden::{Golden, directory, load};
use bnns_lstm_testkit::random::{Activations, Limits, random_case};
use bnns_lstm_testkit::{Layer, Projection, backward, forward};

/// What `PyTorch` computed, in f64; `tests/golden/README.md` says how.
fn golden() -> Golden {
    load(&directory().join("projection/torch.npz")).unwrap()
}

const CHECKPOINTS: [Checkpoints; 3] =
    [Checkpoints::EveryStep, Checkpoints::SquareRoot, Checkpoints::Every(2)];

#[test]
fn the_oracle_computes_what_pytorch_does() {
    let golden = golden();
    let trace = forward(&golden.layer, &golden.inputs, None);
    for (found, wanted) in [
        (&trace.outputs.y, &golden.outputs.y),
        (&trace.outputs.hn, &golden.outputs.hn),
        (&trace.outputs.cn, &golden.outputs.cn),
    ] {
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-6));
    }
    let found = backward(&golden.layer, &trace, &golden.incoming).named();
    assert!(golden.gradients.contains_key("projection"));
    assert!(found.keys().eq(golden.gradients.keys()));
    for (name, values) in &found {
        let wanted = &golden.gradients[name].values;
        let near = |(found, wanted): (&f64, &f32)| (found - f64::from(*wanted)).abs() < 1e-5;
        assert!(values.len() == wanted.len() && values.iter().zip(wanted).all(near), "{name}");
    }
}

#[test]
fn outputs_and_gradients_are_those_of_pytorch() {
    let golden = golden();
    let case = Case::new(&golden.layer, &golden.inputs);
    for way in all_ways() {
        let found = case.run_in(way).unwrap();
        assert_close("y", &found.y, &golden.outputs.y, 2e-5);
        assert_close("hn", &found.hn, &golden.outputs.hn, 2e-5);
        assert_close("cn", &found.cn, &golden.outputs.cn, 2e-5);
    }
    for (level, threads) in ways() {
        for checkpoints in CHECKPOINTS {
            let way = Way { checkpoints, ..Way::new(level, threads) };
            let found = case.gradients(&golden.incoming, way).unwrap();
            assert!(found.keys().eq(golden.gradients.keys()));
            for (name, values) in &found {
                let wanted: Vec<f64> =
                    golden.gradients[name].values.iter().copied().map(f64::from).collect();
                assert_close(&format!("{name} at {way:?}"), values, &wanted, 1e-4);
            }
        }
    }
}

/// A layer whose projection is the identity.
fn with_identity(layer: &Layer) -> Layer {
    let (h, places) = (layer.hidden_size, layer.num_layers * layer.directions());
    let one = (0..h * h).map(|at| if at / h == at % h { 1.0 } else { 0.0 });
    let weights = (0..places).flat_map(|_| one.clone()).collect();
    Layer { projection: Some(Projection { size: h, weights }), ..layer.clone() }
}

#[test]
fn projecting_by_the_identity_changes_no_number() {
    let limits = Limits { hidden_size: 35, batch_size: 9, variants: false, ..Limits::default() };
    for seed in 0..40 {
        let drawn = random_case(seed, &limits);
        let plain = Case::new(&drawn.layer, &drawn.inputs);
        let projected = Case::new(&with_identity(&drawn.layer), &drawn.inputs);
        for (level, threads) in ways() {
            assert_eq!(
                projected.run(level, threads).unwrap(),
                plain.run(level, threads).unwrap(),
                "seed {seed} at {level:?}, {threads} threads"
            );
            for checkpoints in CHECKPOINTS {
                let way = Way { checkpoints, ..Way::new(level, threads) };
                let mut found = projected.gradients(&drawn.incoming, way).unwrap();
                assert!(found.remove("projection").is_some());
                let wanted = plain.gradients(&drawn.incoming, way).unwrap();
                assert_eq!(found, wanted, "seed {seed} at {way:?}");
            }
        }
    }
}

/// Sizes whose outputs have one, two, three and more vectors, and beyond tiles, blocks and chunks.
#[test]
fn projections_of_every_width_agree_with_the_oracle() {
    let limits = Limits {
        input_size: 20,
        hidden_size: 90,
        batch_size: 14,
        num_layers: 2,
        seq_len: 9,
        activations: Activations::Default,
        ..Limits::default()
    };
    let mut widths = Vec::new();
    for seed in 0..200 {
        let drawn = random_case(seed, &limits);
        let width = drawn.layer.outputs().div_ceil(16);
        let is_wanted = drawn.layer.projection.is_some() && drawn.layer.hidden_size > 20;
        if !is_wanted || widths.iter().filter(|&&other| other == width).count() >= 2 {
            continue;
        }
        widths.push(width);
        let trace = forward(&drawn.layer, &drawn.inputs, None);
        let wanted = backward(&drawn.layer, &trace, &drawn.incoming).named();
        let is_fair = trace.clip_distance(&drawn.layer) > 1e-4;
        let case = Case::new(&drawn.layer, &drawn.inputs);
        for (level, threads) in ways() {
            let found = case.run(level, threads).unwrap();
            let name = format!("seed {seed} at {level:?}");
            assert_close(&name, &found.y, &trace.outputs.y, 2e-5);
            assert_close(&name, &found.hn, &trace.outputs.hn, 2e-5);
            let found = case.gradients(&drawn.incoming, Way::new(level, threads)).unwrap();
            for (array, values) in found.iter().filter(|_| is_fair) {
                let largest = wanted[array].iter().fold(1.0_f64, |most, one| most.max(one.abs()));
                let scaled: Vec<f32> = values.iter().map(|one| one / largest as f32).collect();
                let wanted: Vec<f64> = wanted[array].iter().map(|one| one / largest).collect();
                assert_close(&format!("{array} of {name}"), &scaled, &wanted, 1e-4);
            }
        }
    }
    widths.sort_unstable();
    assert_eq!(widths, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5], "vectors of 16 outputs");
}

#[test]
fn a_cache_belongs_to_the_weights_of_the_projection() {
    let golden = golden();
    let case = Case::new(&golden.layer, &golden.inputs);
    let filter = FilterParameters::default();
    let (mut y, size) = (vec![0.0; case.layer.y_len()], [8, 3, 6]);
    let mut params = case.params();
    params.output_descriptor.data_desc = NDArrayDescriptor::write(&mut y, DataLayout::SNE, &size);
    let mut cache = vec![0; compute_lstm_training_cache_capacity(&params, &filter).unwrap()];
    // 64 + 4 L D N S (5 H + P).
    assert_eq!(cache.len(), 64 + 4 * 2 * 2 * 3 * 6 * (5 * 11 + 4));
    direct_apply_lstm_batch_training_caching(&mut params, &filter, Some(&mut cache)).unwrap();
    drop(params);
    let backward = |case: &Case| {
        let (dy, mut dx) = (vec![1.0; case.layer.y_len()], vec![7.0; case.layer.x_len()]);
        let mut delta = case.params();
        for gate in [
            &mut delta.input_gate,
            &mut delta.forget_gate,
            &mut delta.candidate_gate,
            &mut delta.output_gate,
        ] {
            *gate = LSTMGateDescriptor::default();
        }
        delta.extensions = None;
        delta.input_descriptor = LSTMDataDescriptor::default();
        delta.input_descriptor.data_desc =
            NDArrayDescriptor::write(&mut dx, DataLayout::SNE, &[5, 3, 6]);
        delta.output_descriptor.data_desc = NDArrayDescriptor::read(&dy, DataLayout::SNE, &size);
        let (params, options) = (case.params(), Options::default());
        direct_backward_with(options, &params, &mut delta, &filter, Some(&cache))
    };
    assert_eq!(backward(&case), Ok(()));
    for index in 0..case.projection.as_ref().unwrap().len() {
        let mut other = case.clone();
        other.projection.as_mut().unwrap()[index] += 1.0;
        match backward(&other) {
            Err(Error::Cache(issue)) => assert_eq!(issue.code, Code::ChangedWeights),
            result => panic!("{result:?}"),
        }
    }
}

#[test]
fn a_plan_says_how_it_projects() {
    let golden = golden();
    let case = Case::new(&golden.layer, &golden.inputs);
    let mut y = vec![0.0; case.layer.y_len()];
    let checked = case.checked(Way::new(Level::best(), 1), &mut y).unwrap();
    let options = Options { n_threads: 4, force_threads: true, ..Options::default() };
    let plan = Plan::new(&LayerPlan::new(&checked, options), &checked, options).unwrap();
    let text = plan.explain();
    assert!(text.contains("projection: 11 units to 4 outputs after each step"), "{text}");
    assert!(text.contains("parts of the units 1\n"), "{text}");
}
