//! Training as a whole: what the cache refuses, what calls leave behind, long sums, what is not finite.

use crate::support::Case;
use crate::support::training::{Named, Way};
use bnns_lstm::{
    Checkpoints, Code, DataLayout, Error, FilterParameters, LSTMDataDescriptor,
    LayerParametersLSTM, Level, NDArrayDescriptor, compute_lstm_training_cache_capacity,
    direct_apply_lstm_batch_backward, direct_apply_lstm_batch_training_caching,
};
use bnns_lstm_testkit::alloc::measure;
use bnns_lstm_testkit::random::{Activations, Limits, Rng, random_layer};
use bnns_lstm_testkit::{Incoming, Inputs, Layer, backward, forward};
use std::collections::BTreeMap;

/// A layer with diagonal and full peepholes, of these sizes.
fn layer(sizes: &Limits) -> Layer {
    let mut layers = (0..).map(|seed| random_layer(seed, sizes));
    let fits = |layer: &Layer| {
        layer.hidden_size == sizes.hidden_size
            && layer.num_layers == sizes.num_layers
            && layer.gates.forget.cw.values().is_some()
    };
    let mut found = layers.find(fits).unwrap();
    (found.batch_size, found.seq_len) = (sizes.batch_size, sizes.seq_len);
    found.batch_sizes = None;
    found
}

fn sizes(batch_size: usize, seq_len: usize) -> Limits {
    Limits {
        input_size: 5,
        hidden_size: 6,
        batch_size,
        num_layers: 2,
        seq_len,
        bidirectional: false,
        lengths: false,
        activations: Activations::Default,
        ..Limits::default()
    }
}

/// A layer with random inputs and random gradients of its outputs.
fn case(limits: &Limits) -> (Case, Layer, Inputs, Incoming) {
    let layer = layer(limits);
    let rng = &mut Rng::new(1);
    let inputs = Inputs { x: rng.reals(layer.x_len(), 1.0), h0: None, c0: None };
    let incoming = Incoming { dy: Some(rng.reals(layer.y_len(), 1.0)), ..Incoming::default() };
    (Case::new(&layer, &inputs), layer, inputs, incoming)
}

/// The structures of one training step, with gradients of the input and of one bias.
struct Step<'a> {
    params: LayerParametersLSTM<'a>,
    delta: LayerParametersLSTM<'a>,
}

fn step<'a>(
    case: &'a Case,
    y: &'a mut [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    db: &'a mut [f32],
) -> Step<'a> {
    let layer = &case.layer;
    let (n, s, h) = (layer.batch_size, layer.seq_len, layer.output_size());
    let sequence =
        |floats, width| NDArrayDescriptor::write(floats, DataLayout::SNE, &[width, n, s]);
    let mut params = case.params();
    params.output_descriptor.data_desc = sequence(y, h);
    let mut delta = LayerParametersLSTM {
        input_size: layer.input_size,
        hidden_size: layer.hidden_size,
        batch_size: n,
        num_layers: layer.num_layers,
        seq_len: s,
        input_descriptor: LSTMDataDescriptor {
            data_desc: sequence(dx, layer.input_size),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(dy, DataLayout::SNE, &[h, n, s]),
            ..Default::default()
        },
        ..Default::default()
    };
    if case.gates.forget.b.is_some() {
        let shape = [layer.num_layers, layer.hidden_size];
        delta.forget_gate.b_desc = NDArrayDescriptor::write(db, DataLayout::FIRST_MAJOR_2D, &shape);
    }
    Step { params, delta }
}

/// The buffers that a step borrows: outputs, incoming gradient, gradients of the input and of a bias.
fn buffers(case: &Case) -> [Vec<f32>; 4] {
    let layer = &case.layer;
    let bias = layer.num_layers * layer.directions() * layer.hidden_size;
    [vec![7.0; layer.y_len()], vec![1.0; layer.y_len()], vec![7.0; layer.x_len()], vec![7.0; bias]]
}

fn code(result: Result<(), Error>) -> Option<Code> {
    match result {
        Err(Error::Cache(issue)) => {
            assert_eq!(issue.path.to_string(), "cache");
            Some(issue.code)
        }
        Err(error) => panic!("{error}"),
        Ok(()) => None,
    }
}

#[test]
fn arrays_of_another_layer_than_the_plans_are_refused() {
    let way = Way::new(Level::best(), 1);
    let (planned, ..) = case(&sizes(2, 4));
    let longer = case(&sizes(2, 5));
    let wider = case(&Limits { input_size: 7, ..sizes(2, 4) });
    let taller = case(&Limits { num_layers: 3, ..sizes(2, 4) });
    let mut in_another_form = case(&sizes(2, 4));
    let bias = &mut in_another_form.0.gates.forget.b;
    *bias = if bias.is_some() { None } else { Some(vec![0.0; 2 * 6]) };
    for (other, _, _, incoming) in [longer, wider, taller, in_another_form] {
        let error = other.gradients_with_plan_of(&planned, &incoming, way).unwrap_err();
        assert_eq!(error, Error::WrongPlan { what: "arrays" });
    }
}

#[test]
fn a_cache_that_does_not_fit_is_refused_and_nothing_is_written() {
    let (case, ..) = case(&sizes(3, 7));
    let [mut y, dy, mut dx, mut db] = buffers(&case);
    let filter = FilterParameters::default();
    let Step { mut params, mut delta } = step(&case, &mut y, &dy, &mut dx, &mut db);
    let needed = compute_lstm_training_cache_capacity(&params, &filter).unwrap();
    let mut cache = vec![0_u8; needed];
    let mut forward = |cache: &mut [u8]| {
        code(direct_apply_lstm_batch_training_caching(&mut params, &filter, Some(cache)))
    };
    assert_eq!(forward(&mut cache[1..]), Some(Code::CacheTooSmall));
    assert_eq!(forward(&mut []), Some(Code::CacheTooSmall));
    assert!(cache.iter().all(|&byte| byte == 0));
    let filled = || {
        let mut filled = vec![0_u8; needed];
        let [mut y, dy, mut dx, mut db] = buffers(&case);
        let mut params = step(&case, &mut y, &dy, &mut dx, &mut db).params;
        direct_apply_lstm_batch_training_caching(&mut params, &filter, Some(&mut filled)).unwrap();
        filled
    };
    let other = FilterParameters { checkpoints: Checkpoints::Every(2), ..filter };
    let mut half = filled();
    half[16] = 0;
    for (cache, filter, wanted) in [
        (&cache[..], filter, Code::CacheNotFilled),
        (&half, filter, Code::CacheNotFilled),
        (&filled()[..needed - 1], filter, Code::CacheTooSmall),
        (&filled(), other, Code::ForeignCache),
    ] {
        let result = direct_apply_lstm_batch_backward(&params, &mut delta, &filter, Some(cache));
        assert_eq!(code(result), Some(wanted));
    }
    // Other activations, and no dropout where there was some.
    let filled = filled();
    params.hidden_activation = Some(bnns_lstm::Activation::identity());
    let result = direct_apply_lstm_batch_backward(&params, &mut delta, &filter, Some(&filled));
    assert_eq!(code(result), Some(Code::ForeignCache));
    params.hidden_activation = Some(bnns_lstm::Activation::tanh());
    params.dropout = 0.5;
    let result = direct_apply_lstm_batch_backward(&params, &mut delta, &filter, Some(&filled));
    assert_eq!(code(result), Some(Code::ForeignCache));
    params.dropout = 0.0;
    let result = direct_apply_lstm_batch_backward(&params, &mut delta, &filter, Some(&filled));
    assert_eq!(code(result), None);
    drop((params, delta));
    assert!(y.iter().all(|&value| value.to_bits() == 7.0_f32.to_bits()));
    assert!(dx.iter().all(|value| value.is_finite() && *value < 7.0));
}

/// Steps allocate and free their workspaces; the thread keeps some of the first one's memory for the others,
/// and a thousand of them leave nothing more.
#[test]
fn a_thousand_training_steps_leave_what_one_leaves() {
    let (case, ..) = case(&sizes(2, 5));
    let [mut y, dy, mut dx, mut db] = buffers(&case);
    let filter = FilterParameters { n_threads: 1, ..Default::default() };
    let Step { mut params, mut delta } = step(&case, &mut y, &dy, &mut dx, &mut db);
    let mut cache = vec![0; compute_lstm_training_cache_capacity(&params, &filter).unwrap()];
    for steps in [1, 1000] {
        let ((), counts) = measure(|| {
            for _ in 0..steps {
                let forward = direct_apply_lstm_batch_training_caching;
                forward(&mut params, &filter, Some(&mut cache)).unwrap();
                let backward = direct_apply_lstm_batch_backward;
                backward(&params, &mut delta, &filter, Some(&cache)).unwrap();
            }
        });
        assert!(counts.allocations >= steps, "{counts:?}");
        let left = counts.bytes - counts.freed;
        assert!(left <= if steps == 1 { 64 << 20 } else { 0 }, "{steps} steps: {counts:?}");
    }
}

/// Relative to the norm of the gradient, as sums over so many rows are judged.
fn relative_error(found: &[f32], wanted: &[f64]) -> f64 {
    let error =
        found.iter().zip(wanted).map(|(&found, wanted)| (f64::from(found) - wanted).powi(2));
    let norm: f64 = wanted.iter().map(|wanted| wanted.powi(2)).sum();
    (error.sum::<f64>() / norm).sqrt()
}

#[test]
fn sums_over_many_steps_and_samples_are_accurate() {
    let limits = Limits { num_layers: 1, ..sizes(256, 5000) };
    let (case, layer, inputs, incoming) = case(&limits);
    let found = case.gradients(&incoming, Way::new(Level::best(), 1)).unwrap();
    let mut wanted: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    // Sample by sample, so that the trace of one fits the memory.
    let one = Layer { batch_size: 1, ..layer.clone() };
    for sample in 0..limits.batch_size {
        let of_sample = |all: &[f64], width: usize| -> Vec<f64> {
            let rows = all.chunks_exact(width).skip(sample).step_by(limits.batch_size);
            rows.flatten().copied().collect()
        };
        let inputs = Inputs { x: of_sample(&inputs.x, layer.input_size), h0: None, c0: None };
        let dy = incoming.dy.as_ref().map(|dy| of_sample(dy, layer.output_size()));
        let trace = forward(&one, &inputs, None);
        let gradients = backward(&one, &trace, &Incoming { dy, ..Incoming::default() });
        for (name, values) in gradients.named() {
            let sums = wanted.entry(name).or_insert_with(|| vec![0.0; values.len()]);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }
    let mut compared = 0;
    for (name, wanted) in wanted.iter().filter(|(name, _)| name.contains('.')) {
        let error = relative_error(&found[name], wanted);
        assert!(error <= 1e-5, "{name}: {error:e}");
        compared += 1;
    }
    assert!(compared >= 9, "{compared} gradients");
}

#[test]
fn nan_and_infinity_propagate_into_the_gradients_that_depend_on_them() {
    let (case, _, _, incoming) = case(&sizes(3, 7));
    for wrong in [f64::NAN, f64::INFINITY] {
        for level in Level::available() {
            let mut incoming = incoming.clone();
            let dy = incoming.dy.as_mut().unwrap();
            // Sample 1 at step 4.
            dy[(4 * 3 + 1) * case.layer.output_size()] = wrong;
            let found: Named = case.gradients(&incoming, Way::new(level, 1)).unwrap();
            let is_finite = |step: usize, sample: usize| {
                let width = case.layer.input_size;
                found["x"][(step * 3 + sample) * width..][..width].iter().all(|dx| dx.is_finite())
            };
            for step in 0..7 {
                assert_eq!(is_finite(step, 1), step > 4, "{wrong} at {level:?}, step {step}");
                assert!(is_finite(step, 0) && is_finite(step, 2), "{wrong} at {level:?}");
            }
            assert!(found["forget.hw"].iter().any(|dw| !dw.is_finite()));
        }
    }
}
