//! A training cache belongs to the extensions that it was filled with.

use crate::support::{Case, asked_by};
use crate::variants::adder;
use bnns_lstm::{
    Code, DataLayout, Error, FilterParameters, LSTMDataDescriptor, LayerParametersLSTM,
    NDArrayDescriptor, compute_lstm_training_cache_capacity, direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching,
};
use bnns_lstm_testkit::random::Rng;
use bnns_lstm_testkit::{Activation, Inputs, Variant};

/// The structures of a training step of a layer of one unit, of a variant, or without extensions.
fn caches(variant: Option<Variant>, run: impl FnOnce(Pair<'_>)) {
    let layer = adder(Variant::default(), Activation::TANH);
    let x = Rng::new(1).reals(layer.x_len(), 1.0);
    let case = Case::new(&layer, &Inputs { x, h0: None, c0: None });
    let (mut y, dy, mut dx) = ([0.0], [1.0], [0.0]);
    let size = [1, 1, 1];
    let mut params = case.params();
    params.extensions = variant.map(|variant| asked_by(&variant));
    params.output_descriptor.data_desc = NDArrayDescriptor::write(&mut y, DataLayout::SNE, &size);
    let delta = LayerParametersLSTM {
        input_size: 1,
        hidden_size: 1,
        batch_size: 1,
        num_layers: 1,
        seq_len: 1,
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(&mut dx, DataLayout::SNE, &size),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&dy, DataLayout::SNE, &size),
            ..Default::default()
        },
        ..Default::default()
    };
    run(Pair { params, delta });
}

struct Pair<'a> {
    params: LayerParametersLSTM<'a>,
    delta: LayerParametersLSTM<'a>,
}

#[test]
fn a_cache_of_another_variant_is_refused() {
    let plain = Variant::default();
    let all = [
        None,
        Some(Variant { cell_clip: Some(0.5), ..plain }),
        Some(Variant { cell_clip: Some(0.25), ..plain }),
        Some(Variant { gate_clip: Some(0.5), ..plain }),
        Some(Variant { gate_clip: Some(0.5), gate_clip_hidden: false, ..plain }),
        Some(Variant { reverse: true, ..plain }),
    ];
    let filter = FilterParameters::default();
    for of_cache in all {
        let mut cache = Vec::new();
        caches(of_cache, |Pair { mut params, .. }| {
            cache = vec![0; compute_lstm_training_cache_capacity(&params, &filter).unwrap()];
            let cache = Some(cache.as_mut_slice());
            direct_apply_lstm_batch_training_caching(&mut params, &filter, cache).unwrap();
        });
        for of_layer in all {
            caches(of_layer, |Pair { params, mut delta }| {
                let result =
                    direct_apply_lstm_batch_backward(&params, &mut delta, &filter, Some(&cache));
                match result {
                    Ok(()) => assert_eq!(of_layer, of_cache),
                    Err(Error::Cache(issue)) => {
                        assert_ne!(of_layer, of_cache);
                        assert_eq!(issue.code, Code::ForeignCache);
                    }
                    Err(error) => panic!("{error}"),
                }
            });
        }
    }
}

#[test]
fn extensions_that_ask_for_nothing_are_the_layer_of_bnns() {
    let filter = FilterParameters::default();
    let mut caches_found = Vec::new();
    for variant in [None, Some(Variant::default())] {
        caches(variant, |Pair { mut params, .. }| {
            let mut cache =
                vec![0; compute_lstm_training_cache_capacity(&params, &filter).unwrap()];
            direct_apply_lstm_batch_training_caching(&mut params, &filter, Some(&mut cache))
                .unwrap();
            caches_found.push(cache);
        });
    }
    assert_eq!(caches_found[0], caches_found[1]);
}
