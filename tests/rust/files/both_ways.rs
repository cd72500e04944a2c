//! The same files, and the same bits, as the Python package.

use super::{Arrays, content, file, floats};
use bnns_lstm::ndarray::{Array3, ArrayD, Ix3};
use bnns_lstm::{
    Activation, ActivationFunction, Batch, Coupled, Gate, Level, Lstm, LstmBuilder, LstmState,
    Merge, Options, Peephole,
};
use std::fs;
use std::path::{Path, PathBuf};

/// The seed of dropout in all files.
const SEED: u64 = 12_345_678_901;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python/data/crate")
}

fn options() -> Options {
    Options { level: Level::fallback(), n_threads: 1, ..Options::default() }
}

/// What each LSTM of this side is, and the steps of its samples (none: all of them).
fn cases() -> Vec<(&'static str, LstmBuilder, Option<Vec<f32>>)> {
    let selu = Activation::new(ActivationFunction::SELU, 1.0, 1.0);
    let above = Activation::new(ActivationFunction::CLAMP, 0.0, f32::INFINITY);
    let plain = Lstm::builder(3, 5).num_layers(2).dropout(0.4).seed(7).forget_bias(1.0);
    let variant = Lstm::builder(3, 5).num_layers(3).dropout(0.1).batch_first(true).bias(false);
    let variant = variant.peephole(Peephole::Full).cell_clip(0.3).gate_clip(0.6).seed(8);
    let variant = variant.coupled(Coupled::Input).activation(Gate::Forget, selu);
    let merged = Lstm::builder(3, 5).bidirectional(true).num_layers(2).merge(Merge::Average);
    let merged = merged.peephole(Peephole::Diagonal).hidden_activation(above).seed(9);
    let projected = Lstm::builder(3, 5).num_layers(2).bidirectional(true).proj_size(5).seed(10);
    let projected = projected.cell_clip(0.5).dropout(0.3);
    vec![
        ("rust_plain", plain, Some(vec![0.0, 2.0, 5.0, 3.0])),
        ("rust_variant", variant, None),
        ("rust_merged", merged, Some(vec![1.0, 4.0, 4.0, 2.0])),
        ("rust_projected", projected, Some(vec![5.0, 3.0, 0.0, 1.0])),
    ]
}

fn three(arrays: &Arrays, name: &str) -> Array3<f32> {
    arrays[name].clone().into_dimensionality::<Ix3>().unwrap()
}

/// What the calls of a file give, from what they are given.
fn calls_of(lstm: &mut Lstm, given: &Arrays) -> Arrays {
    let lengths: Option<Vec<usize>> = given
        .get("lengths")
        .map(|lengths| lengths.iter().map(|&length| length.to_string().parse().unwrap()).collect());
    let x = three(given, "x");
    let state = LstmState { h: three(given, "state.h"), c: three(given, "state.c") };
    let mut batch = Batch::new(x.view()).state(&state);
    if let Some(lengths) = &lengths {
        batch = batch.lengths(lengths);
    }
    let (y, last) = lstm.forward(batch).unwrap();
    let (train, train_last, tape) = lstm.forward_training(batch, SEED).unwrap();
    let d_state = LstmState { h: three(given, "dh"), c: three(given, "dc") };
    let dy = three(given, "dy");
    let gradients = lstm.backward(&tape, Some(dy.view()), Some(&d_state)).unwrap();
    let named = [
        ("y", y),
        ("y.h", last.h),
        ("y.c", last.c),
        ("train", train),
        ("train.h", train_last.h),
        ("train.c", train_last.c),
        ("d.x", gradients.input),
        ("d.h", gradients.state.h),
        ("d.c", gradients.state.c),
    ];
    let mut found: Arrays =
        named.into_iter().map(|(name, array)| (name.to_owned(), array.into_dyn())).collect();
    let weights = gradients.parameters.iter();
    found.extend(weights.map(|(name, array)| (format!("d.{name}"), array.to_owned())));
    found
}

/// Inputs that no generator of another library need draw: small multiples of a sine.
fn drawn(shape: (usize, usize, usize), start: f32) -> ArrayD<f32> {
    let mut at = start;
    Array3::from_shape_simple_fn(shape, || {
        at += 0.731;
        (at * at).sin()
    })
    .into_dyn()
}

fn given(lstm: &Lstm, lengths: Option<&Vec<f32>>) -> Arrays {
    let (config, is_batch_first) = (lstm.config(), lstm.config().batch_first);
    let sequence = |values| if is_batch_first { (4, 5, values) } else { (5, 4, values) };
    let stack = config.num_layers * if config.bidirectional { 2 } else { 1 };
    let outputs = if config.proj_size > 0 { config.proj_size } else { config.hidden_size };
    let mut arrays = Arrays::from([
        ("x".to_owned(), drawn(sequence(config.input_size), 0.1)),
        ("dy".to_owned(), drawn(sequence(config.output_size()), 0.2)),
    ]);
    let widths = [outputs, config.hidden_size].repeat(2);
    for ((number, name), width) in (3_u8..).zip(["state.h", "state.c", "dh", "dc"]).zip(widths) {
        arrays.insert(name.to_owned(), drawn((stack, 4, width), f32::from(number)));
    }
    if let Some(lengths) = lengths {
        let lengths = ArrayD::from_shape_vec(vec![4], lengths.clone()).unwrap();
        arrays.insert("lengths".to_owned(), lengths);
    }
    arrays
}

fn bits(array: &ArrayD<f32>) -> (Vec<usize>, Vec<u32>) {
    (array.shape().to_vec(), array.iter().map(|number| number.to_bits()).collect())
}

fn assert_same(what: &str, one: &Arrays, other: &Arrays) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{what}");
    for (name, array) in one {
        assert_eq!(bits(array), bits(&other[name]), "{what}: {name}");
    }
}

/// A file says the same when it is written again.
fn assert_written_again(name: &str, bytes: &[u8]) {
    let again = Lstm::from_bytes(bytes).unwrap().to_bytes().unwrap();
    let ((arrays, metadata), (own_arrays, own_metadata)) = (content(bytes), content(&again));
    assert_same(name, &arrays, &own_arrays);
    let plain = |text: &str| text.replace("-Infinity", "-1e300").replace("Infinity", "1e300");
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(&plain(text)).unwrap();
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["config", "format", "version"]);
    assert_eq!(parsed(&metadata["config"]), parsed(&own_metadata["config"]), "{name}");
    assert_eq!(metadata["format"], own_metadata["format"]);
    assert_eq!(metadata["version"], own_metadata["version"]);
}

#[test]
fn files_of_both_sides_give_the_same_bits() {
    let mut checked = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".calls.safetensors") else { continue };
        let path = folder().join(format!("{name}.safetensors"));
        let mut lstm = Lstm::load(&path).unwrap();
        lstm.set_options(options());
        let (stored, _) =
            content(&fs::read(folder().join(format!("{name}.calls.safetensors"))).unwrap());
        let mut found = calls_of(&mut lstm, &stored);
        for (name, array) in &stored {
            found.entry(name.clone()).or_insert_with(|| array.clone());
        }
        assert_same(name, &stored, &found);
        assert_written_again(name, &fs::read(&path).unwrap());
        checked += 1;
    }
    assert_eq!(checked, 8);
}

#[test]
fn the_files_of_this_side_are_what_it_writes() {
    for (name, builder, lengths) in cases() {
        let mut lstm = builder.options(options()).build().unwrap();
        let mut calls = given(&lstm, lengths.as_ref());
        calls.extend(calls_of(&mut lstm, &calls));
        let paths = ["", ".calls"].map(|end| folder().join(format!("{name}{end}.safetensors")));
        if std::env::var_os("UPDATE_DATA").is_some() {
            lstm.save(&paths[0]).unwrap();
            let arrays = calls.iter().map(|(name, array)| (name.clone(), floats(array)));
            fs::write(&paths[1], file(arrays, &[])).unwrap();
        }
        let [stored, stored_calls] = paths.map(|path| fs::read(path).unwrap());
        assert_same(name, &content(&stored_calls).0, &calls);
        let weights =
            lstm.parameters().iter().map(|(name, array)| (name.to_owned(), array.to_owned()));
        assert_same(name, &content(&stored).0, &weights.collect());
        assert_eq!(Lstm::from_bytes(&stored).unwrap().config(), lstm.config(), "{name}");
    }
}

#[test]
fn what_a_file_carries_comes_back() {
    let config = r#"{"input_size": 1, "hidden_size": 1, "num_layers": 1, "bidirectional": false,
        "bias": false, "batch_first": false, "dropout": 0, "peephole": null, "activations": null,
        "lengths": [2, 0]}"#;
    let array = |shape: &[usize], value: f32| floats(&ArrayD::from_elem(shape, value));
    let arrays = [
        ("weight_ih_l0", array(&[4, 1], 0.5)),
        ("weight_hh_l0", array(&[4, 1], 0.25)),
        ("state.h", array(&[1, 2, 1], 0.125)),
        ("state.c", array(&[1, 2, 1], 2.0)),
    ];
    let arrays = arrays.map(|(name, array)| (name.to_owned(), array));
    let metadata = [("format", "bnns-lstm"), ("version", "1"), ("config", config)];
    let bytes = file(arrays, &metadata);
    let lstm = Lstm::from_bytes(&bytes).unwrap();
    assert_eq!(lstm.lengths(), Some(&[2, 0][..]));
    let state = lstm.initial_state().unwrap();
    assert_eq!(state.h, Array3::from_elem((1, 2, 1), 0.125));
    assert_eq!(state.c, Array3::from_elem((1, 2, 1), 2.0));
    let again = Lstm::from_bytes(&lstm.to_bytes().unwrap()).unwrap();
    assert_eq!((again.lengths(), again.initial_state()), (lstm.lengths(), Some(state)));
}

#[test]
fn a_file_is_replaced_when_the_new_one_is_whole() {
    let folder = std::env::temp_dir().join(format!("bnns-lstm-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("lstm.safetensors");
    fs::write(&path, "what was there before").unwrap();
    let lstm = Lstm::builder(2, 3).seed(1).build().unwrap();
    lstm.save(&path).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(Lstm::load(&path).unwrap().parameters(), lstm.parameters());
    let missing = folder.join("missing").join("lstm.safetensors");
    for error in [lstm.save(&missing).unwrap_err(), Lstm::load(&missing).unwrap_err()] {
        assert!(error.to_string().contains("missing"), "{error}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
