//! Weights of `PyTorch` from a safetensors file.

use super::{Raw, content, file, findings, floats};
use bnns_lstm::ndarray::{ArrayD, Ix3};
use bnns_lstm::{Batch, Lstm, LstmState};
use bnns_lstm_testkit::compare::{assert_close, widen};
use safetensors::Dtype;

/// An array of a state dict.
type Entry = (String, ArrayD<f32>);

fn array(shape: &[usize], start: f32) -> ArrayD<f32> {
    let mut at = start;
    ArrayD::from_shape_simple_fn(shape, || {
        at += 0.01;
        at
    })
}

/// A state dict with an LSTM of two layers and directions under a prefix, and something else beside it.
fn state_dict() -> Vec<Entry> {
    let mut found = vec![("head.weight".to_owned(), array(&[2, 6], 9.0))];
    for (layer, width) in [(0, 2), (1, 6)] {
        for end in ["", "_reverse"] {
            let place = format!("l{layer}{end}");
            found.push((format!("encoder.weight_ih_{place}"), array(&[12, width], 0.1)));
            found.push((format!("encoder.weight_hh_{place}"), array(&[12, 3], 0.2)));
            found.push((format!("encoder.bias_ih_{place}"), array(&[12], 0.3)));
            found.push((format!("encoder.bias_hh_{place}"), array(&[12], 0.4)));
        }
    }
    found
}

fn bytes_of(arrays: &[Entry]) -> Vec<u8> {
    file(arrays.iter().map(|(name, array)| (name.clone(), floats(array))), &[])
}

#[test]
fn sizes_follow_from_names_and_shapes() {
    let arrays = state_dict();
    let lstm = Lstm::from_torch_bytes(&bytes_of(&arrays), "encoder.").unwrap();
    let config = lstm.config();
    assert_eq!((config.input_size, config.hidden_size, config.num_layers), (2, 3, 2));
    assert!(config.bidirectional && config.bias && !config.batch_first);
    assert_eq!(lstm.parameters().names().count(), 16);
    for (name, array) in lstm.parameters().iter() {
        let (_, stored) = arrays.iter().find(|(own, _)| *own == format!("encoder.{name}")).unwrap();
        assert_eq!(array, stored.view(), "{name}");
    }
}

/// What `PyTorch` computes in f64 with projections, two layers and both directions:
/// `tests/python/support/torch_projections.py` says how it was stored.
#[test]
fn a_projection_computes_what_pytorch_computes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/data");
    let bytes = std::fs::read(format!("{path}/torch_projections.safetensors")).unwrap();
    let arrays: Vec<Entry> = content(&bytes).0.into_iter().collect();
    let own = arrays.iter().filter_map(|(name, array)| {
        Some((name.strip_prefix("both directions/")?.to_owned(), array))
    });
    let own: std::collections::BTreeMap<_, _> = own.collect();
    let weights = own.iter().filter(|(name, _)| name.starts_with(['w', 'b']));
    let weights: Vec<Entry> =
        weights.map(|(name, array)| (name.clone(), (*array).clone())).collect();
    assert_eq!(weights.len(), 20);
    let lstm = Lstm::from_torch_bytes(&bytes_of(&weights), "").unwrap();
    assert_eq!((lstm.config().hidden_size, lstm.config().proj_size), (5, 3));
    let three = |name: &str| own[name].clone().into_dimensionality::<Ix3>().unwrap();
    let (x, begin) = (three("x"), LstmState { h: three("h0"), c: three("c0") });
    let (y, last, tape) = lstm.forward_training(Batch::new(x.view()).state(&begin), 1).unwrap();
    let d_state = LstmState { h: three("dhn"), c: three("dcn") };
    let gradients = lstm.backward(&tape, Some(three("dy").view()), Some(&d_state)).unwrap();
    let named = [
        ("y", y.view().into_dyn()),
        ("hn", last.h.view().into_dyn()),
        ("cn", last.c.view().into_dyn()),
        ("grad.x", gradients.input.view().into_dyn()),
        ("grad.h0", gradients.state.h.view().into_dyn()),
        ("grad.c0", gradients.state.c.view().into_dyn()),
    ];
    let parameters = gradients.parameters.iter();
    let parameters = parameters.map(|(name, array)| (format!("grad.{name}"), array));
    let all = named.map(|(name, array)| (name.to_owned(), array)).into_iter().chain(parameters);
    let mut checked = 0;
    for (name, found) in all {
        assert_eq!(found.shape(), own[&name].shape(), "{name}");
        let found: Vec<f32> = found.iter().copied().collect();
        let wanted: Vec<f32> = own[&name].iter().copied().collect();
        assert_close(&name, &found, &widen(&wanted), 2e-5);
        checked += 1;
    }
    assert_eq!(checked, 26);
}

#[test]
fn other_floats_are_converted() {
    let numbers = [1.5_f32, -0.25, 1024.0, 0.0];
    let raw = |dtype, bytes: Vec<u8>| Raw(dtype, vec![4, 1], bytes);
    let upper = |number: f32| ((number.to_bits() >> 16) as u16).to_le_bytes();
    let ways = [
        raw(Dtype::F64, numbers.iter().flat_map(|&n| f64::from(n).to_le_bytes()).collect()),
        raw(Dtype::BF16, numbers.iter().flat_map(|&n| upper(n)).collect()),
        raw(
            Dtype::F16,
            [0x3e00_u16, 0xb400, 0x6400, 0].iter().flat_map(|n| n.to_le_bytes()).collect(),
        ),
    ];
    for way in ways {
        let dtype = way.0;
        let recurrent = floats(&array(&[4, 1], 0.0));
        let arrays = [("weight_ih_l0".to_owned(), way), ("weight_hh_l0".to_owned(), recurrent)];
        let lstm = Lstm::from_torch_bytes(&file(arrays, &[]), "").unwrap();
        assert!(!lstm.config().bias);
        let found: Vec<f32> =
            lstm.parameters().get("weight_ih_l0").unwrap().iter().copied().collect();
        assert_eq!(found, numbers, "{dtype:?}");
    }
}

#[test]
fn everything_that_does_not_fit_is_named() {
    let of = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut arrays = state_dict();
        change(&mut arrays);
        findings(Lstm::from_torch_bytes(&bytes_of(&arrays), "encoder."))
    };
    let found = of(&|arrays| {
        arrays.retain(|(name, _)| name != "encoder.bias_hh_l1");
        arrays.push(("encoder.weight_hr_l1".to_owned(), array(&[1, 3], 0.0)));
        arrays.push(("encoder.scale".to_owned(), array(&[1], 0.0)));
        arrays[5].1 = array(&[12, 4], 0.0);
    });
    let expected = [
        ("encoder.weight_ih_l0_reverse", "size_mismatch"),
        ("encoder.bias_hh_l1", "missing_entry"),
        ("encoder.scale", "unexpected_entry"),
        ("encoder.weight_hr_l1", "unexpected_entry"),
    ];
    assert_eq!(found, expected.map(|(path, code)| (path.to_owned(), code)));

    let one = |path: &str, code| vec![(path.to_owned(), code)];
    let bytes = bytes_of(&state_dict());
    let other = findings(Lstm::from_torch_bytes(&bytes, "decoder."));
    assert_eq!(other, one("decoder.weight_ih_l0", "missing_entry"));
    let gru = of(&|arrays| {
        arrays.retain(|(name, _)| name.ends_with("h_l0"));
        arrays[1].1 = array(&[9, 3], 0.0);
    });
    assert_eq!(gru, one("encoder.weight_hh_l0", "size_mismatch"));
    let projected = of(&|arrays| {
        arrays.retain(|(name, _)| name.ends_with("_l0"));
        arrays[1].1 = array(&[11, 2], 0.0);
        arrays.push(("encoder.weight_hr_l0".to_owned(), array(&[2, 3], 0.0)));
    });
    assert_eq!(projected, one("encoder.weight_hh_l0", "size_mismatch"));
}
