//! Every bit that layers compute, as hashes: proof that a change of the code's form changed no number.
//!
//! In: the golden cases and random layers. Out: one line for each SIMD level, number of threads and way to
//! compute, with a hash of all outputs or of all gradients. `python3 tasks.py bits` prints it;
//! with `BITS_FILE` set, all numbers go to that file too, in order, to measure how far two versions are apart.

use crate::support::{Case, GateFloats, optional, ways};
use bnns_lstm::{
    Checkpoints, DataLayout, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor,
    LayerParametersLSTM, Level, NDArrayDescriptor, Options, Route,
    compute_lstm_training_cache_capacity, direct_backward_with, direct_forward_with,
};
use bnns_lstm_testkit::compare::narrow;
use bnns_lstm_testkit::golden::load_all;
use bnns_lstm_testkit::random::{Activations, Limits, random_case};
use bnns_lstm_testkit::{Incoming, Layer, PerGate};
use std::io::Write as _;

/// FNV-1a (Fowler, Noll, Vo) with 64 bits, over the bits of all floats; NaN counts as one number.
struct Hash(u64);

impl Hash {
    fn add(&mut self, values: &[f32]) {
        for value in values {
            let bits = if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
            for byte in bits.to_le_bytes() {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
}

/// How gradients come about.
#[derive(Clone, Copy)]
struct Training {
    name: &'static str,
    checkpoints: Checkpoints,
    has_cache: bool,
}

const TRAININGS: [Training; 4] = [
    Training { name: "cached", checkpoints: Checkpoints::EveryStep, has_cache: true },
    Training { name: "recomputed", checkpoints: Checkpoints::EveryStep, has_cache: false },
    Training { name: "checkpointed", checkpoints: Checkpoints::SquareRoot, has_cache: true },
    Training { name: "every second", checkpoints: Checkpoints::Every(2), has_cache: true },
];

/// Names and limits of the random layers, and how many.
fn random_layers() -> Vec<(u64, Limits)> {
    let small = Limits { variants: false, ..Limits::default() };
    let plain = Limits { activations: Activations::Default, ..small.clone() };
    let medium = Limits {
        input_size: 40,
        hidden_size: 70,
        batch_size: 20,
        num_layers: 3,
        seq_len: 12,
        ..plain.clone()
    };
    let any = Limits { activations: Activations::Any, ..medium.clone() };
    // Beyond what stays close: weights are read ahead, and inputs projected with the steps.
    let large =
        Limits { input_size: 300, hidden_size: 330, batch_size: 40, seq_len: 30, ..medium.clone() };
    let sets =
        [(small, 0..80), (plain, 80..120), (medium, 120..165), (any, 165..190), (large, 190..200)];
    let seeds =
        sets.into_iter().flat_map(|(limits, seeds)| seeds.map(move |seed| (seed, limits.clone())));
    seeds.collect()
}

/// The cases, and incoming gradients for each.
fn cases() -> Vec<(Case, Incoming)> {
    let golden = load_all().unwrap().into_iter();
    let golden = golden.map(|golden| (Case::new(&golden.layer, &golden.inputs), golden.incoming));
    let random = random_layers().into_iter().map(|(seed, limits)| {
        let random = random_case(seed, &limits);
        (Case::new(&random.layer, &random.inputs), random.incoming)
    });
    golden.chain(random).collect()
}

fn states(layer: &Layer) -> [usize; 4] {
    [layer.num_layers, layer.directions(), layer.batch_size, layer.hidden_size]
}

fn sequence(layer: &Layer, width: usize) -> [usize; 3] {
    [width, layer.batch_size, layer.seq_len]
}

fn to_fill<'v>(values: &'v mut [f32], shape: &[usize]) -> NDArrayDescriptor<'v> {
    NDArrayDescriptor::write(values, DataLayout::first_major(shape.len()), shape)
}

/// Where the gradients of one gate go.
fn gate_gradients<'g>(layer: &Layer, to: &'g mut GateFloats) -> LSTMGateDescriptor<'g> {
    let [l, d, _, h] = states(layer);
    let upper = Some(&mut to.iw_upper).filter(|upper| !upper.is_empty());
    let matrix: &[usize] = if to.is_full { &[l, d, h, h] } else { &[l, d, h] };
    let absent = NDArrayDescriptor::absent;
    LSTMGateDescriptor {
        iw_desc: [
            to_fill(&mut to.iw, &[1, d, h, layer.input_size]),
            upper.map_or_else(absent, |upper| to_fill(upper, &[l - 1, d, h, d * h])),
        ],
        hw_desc: to_fill(&mut to.hw, &[l, d, h, h]),
        cw_desc: to.cw.as_mut().map_or_else(absent, |cw| to_fill(cw, matrix)),
        b_desc: to.b.as_mut().map_or_else(absent, |b| to_fill(b, &[l, d, h])),
        activation: None,
    }
}

/// All gradients of a training step with dropout where there are layers to drop between.
fn gradients(
    case: &Case,
    incoming: &Incoming,
    (level, n_threads): (Level, usize),
    training: Training,
) -> Vec<Vec<f32>> {
    let layer = &case.layer;
    let options =
        Options { level, force_threads: true, products: Some(Route::Panels), ..Options::default() };
    let Training { checkpoints, has_cache, .. } = training;
    let filter = FilterParameters { n_threads, seed: 7, checkpoints, ..Default::default() };
    let mut y = vec![f32::NAN; layer.y_len()];
    let mut params = case.params();
    params.dropout = if layer.num_layers > 1 { 0.25 } else { 0.0 };
    params.output_descriptor.data_desc =
        NDArrayDescriptor::write(&mut y, DataLayout::SNE, &sequence(layer, layer.output_size()));
    let mut cache = has_cache.then(|| {
        let bytes = compute_lstm_training_cache_capacity(&params, &filter).unwrap();
        vec![0; bytes]
    });
    if let Some(cache) = &mut cache {
        direct_forward_with(options, &mut params, &filter, Some(cache)).unwrap();
    }
    let mut found = case.gates.clone();
    let (mut dx, mut dh, mut dc) =
        (case.x.clone(), vec![0.0; layer.hidden_len()], vec![0.0; layer.cell_len()]);
    let given =
        [&incoming.dy, &incoming.dhn, &incoming.dcn].map(|given| given.as_deref().map(narrow));
    let PerGate { input, forget, candidate, output } = &mut found;
    let mut delta = LayerParametersLSTM {
        input_size: layer.input_size,
        hidden_size: layer.hidden_size,
        batch_size: layer.batch_size,
        num_layers: layer.num_layers,
        seq_len: layer.seq_len,
        lstm_flags: params.lstm_flags,
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(
                &mut dx,
                DataLayout::SNE,
                &sequence(layer, layer.input_size),
            ),
            hidden_desc: to_fill(&mut dh, &states(layer)),
            cell_state_desc: to_fill(&mut dc, &states(layer)),
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: given[0].as_deref().map_or_else(NDArrayDescriptor::absent, |dy| {
                NDArrayDescriptor::read(dy, DataLayout::SNE, &sequence(layer, layer.output_size()))
            }),
            hidden_desc: optional(given[1].as_deref(), &states(layer)),
            cell_state_desc: optional(given[2].as_deref(), &states(layer)),
        },
        input_gate: gate_gradients(layer, input),
        forget_gate: gate_gradients(layer, forget),
        candidate_gate: gate_gradients(layer, candidate),
        output_gate: gate_gradients(layer, output),
        ..Default::default()
    };
    direct_backward_with(options, &params, &mut delta, &filter, cache.as_deref()).unwrap();
    drop(delta);
    drop(params);
    let mut all = vec![dx, dh, dc];
    if has_cache {
        all.push(y);
    }
    for (_, gate) in found.named() {
        let arrays = [
            Some(&gate.iw),
            Some(&gate.iw_upper),
            Some(&gate.hw),
            gate.cw.as_ref(),
            gate.b.as_ref(),
        ];
        all.extend(arrays.into_iter().flatten().cloned());
    }
    all
}

#[test]
#[ignore = "prints hashes to compare two versions by"]
fn print_bits() {
    let mut file = std::env::var_os("BITS_FILE").map(|path| std::fs::File::create(path).unwrap());
    let cases = cases();
    println!("{} layers", cases.len());
    for (level, n_threads) in ways() {
        let mut say = |name: &str, arrays: &mut dyn Iterator<Item = Vec<f32>>| {
            let (mut hash, mut count) = (Hash(0xcbf2_9ce4_8422_2325), 0);
            for array in arrays {
                hash.add(&array);
                count += array.len();
                if let Some(file) = &mut file {
                    let bytes: Vec<u8> =
                        array.iter().flat_map(|value| value.to_le_bytes()).collect();
                    file.write_all(&bytes).unwrap();
                }
            }
            println!("{} {n_threads} {name}: {count} {:016x}", level.name(), hash.0);
        };
        say(
            "inference",
            &mut cases.iter().flat_map(|(case, _)| {
                let found = case.run(level, n_threads).unwrap();
                [found.y, found.hn, found.cn]
            }),
        );
        for training in TRAININGS {
            say(
                training.name,
                &mut cases.iter().flat_map(|(case, incoming)| {
                    gradients(case, incoming, (level, n_threads), training)
                }),
            );
        }
    }
}
