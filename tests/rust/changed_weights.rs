//! A training cache belongs to the weights that filled it: others are refused, wherever they differ, and nothing
//! is written then.

use crate::support::{Case, GateFloats};
use bnns_lstm::{
    Checkpoints, Code, DataLayout, Error, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor,
    LayerParametersLSTM, Level, NDArrayDescriptor, Options, compute_lstm_training_cache_capacity,
    direct_backward_with, direct_forward_with,
};
use bnns_lstm_testkit::random::{Limits, Rng, random_layer};
use bnns_lstm_testkit::{Inputs, Layer, Peephole};
use ndarray::ArrayView4;
use std::collections::BTreeSet;

const LAYERS: usize = 2;
const DIRECTIONS: usize = 2;
const HIDDEN: usize = 6;
const STEPS: usize = 5;
const BATCH: usize = 2;
/// Where the fingerprint of the weights is in a cache.
const WEIGHTS: std::ops::Range<usize> = 24..32;

/// Layers of two directions, with every kind of weight array among them. All arrays are of a size, as far as
/// they can be.
fn cases() -> Vec<Case> {
    let limits = Limits {
        input_size: HIDDEN,
        hidden_size: HIDDEN,
        batch_size: BATCH,
        num_layers: LAYERS,
        seq_len: STEPS,
        lengths: false,
        variants: false,
        ..Limits::default()
    };
    let fits = |layer: &Layer| {
        let sizes = (layer.input_size, layer.hidden_size, layer.num_layers);
        sizes == (HIDDEN, HIDDEN, LAYERS)
            && layer.bidirectional
            && layer
                .gates
                .named()
                .iter()
                .all(|(_, gate)| gate.b.is_some() && gate.cw.values().is_some())
    };
    let layers = (0..).map(|seed| random_layer(seed, &limits)).filter(fits);
    let mut full = 0;
    let mut found = Vec::new();
    for mut layer in layers {
        full += usize::from(matches!(layer.gates.forget.cw, Peephole::Full(_)));
        (layer.batch_size, layer.seq_len, layer.batch_sizes) = (BATCH, STEPS, None);
        let x = Rng::new(1).reals(layer.x_len(), 1.0);
        let mut case = Case::new(&layer, &Inputs { x, h0: None, c0: None });
        for (_, gate) in case.gates.named_mut() {
            for (_, array) in arrays(gate) {
                array[0] = 0.0;
            }
        }
        found.push(case);
        if full > 0 && full < found.len() {
            return found;
        }
    }
    unreachable!("there are endless seeds")
}

fn arrays(gate: &mut GateFloats) -> impl Iterator<Item = (&'static str, &mut Vec<f32>)> {
    let GateFloats { iw, iw_upper, hw, cw, b, .. } = gate;
    [
        Some(("iw", iw)),
        Some(("iw_upper", iw_upper)),
        Some(("hw", hw)),
        cw.as_mut().map(|cw| ("cw", cw)),
        b.as_mut().map(|b| ("b", b)),
    ]
    .into_iter()
    .flatten()
}

/// The gradients of a call: of the input, and of one bias.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    dx: Vec<f32>,
    db: Vec<f32>,
}

/// How both calls are made.
#[derive(Debug, Clone, Copy)]
struct How {
    level: Level,
    n_threads: usize,
    checkpoints: Checkpoints,
}

impl How {
    fn new(checkpoints: Checkpoints) -> Self {
        Self { level: Level::best(), n_threads: 1, checkpoints }
    }

    fn options(self) -> (Options, FilterParameters) {
        let options = Options { level: self.level, force_threads: true, ..Options::default() };
        let (n_threads, checkpoints) = (self.n_threads, self.checkpoints);
        (options, FilterParameters { n_threads, checkpoints, ..Default::default() })
    }
}

const BOTH: [Checkpoints; 2] = [Checkpoints::EveryStep, Checkpoints::Every(2)];
const SEQUENCE: [usize; 3] = [DIRECTIONS * HIDDEN, BATCH, STEPS];

/// The structure of the forward call, with its output.
fn with_output<'a>(case: &'a Case, y: &'a mut [f32]) -> LayerParametersLSTM<'a> {
    let mut params = case.params();
    params.output_descriptor.data_desc = NDArrayDescriptor::write(y, DataLayout::SNE, &SEQUENCE);
    params
}

fn filled(params: &mut LayerParametersLSTM<'_>, how: How) -> Vec<u8> {
    let (options, filter) = how.options();
    let mut cache = vec![0; compute_lstm_training_cache_capacity(params, &filter).unwrap()];
    direct_forward_with(options, params, &filter, Some(&mut cache)).unwrap();
    cache
}

fn fill(case: &Case, how: How) -> Vec<u8> {
    filled(&mut with_output(case, &mut vec![0.0; case.layer.y_len()]), how)
}

/// The gradients from a cache, or the code of the refusal; nothing was written then.
fn backward(case: &Case, cache: &[u8], how: How) -> Result<Found, Code> {
    let layer = &case.layer;
    let (mut y, dy) = (vec![0.0; layer.y_len()], vec![1.0; layer.y_len()]);
    let params = with_output(case, &mut y);
    let mut found =
        Found { dx: vec![7.0; layer.x_len()], db: vec![7.0; LAYERS * DIRECTIONS * HIDDEN] };
    let before = found.clone();
    let Found { dx, db } = &mut found;
    let bias =
        NDArrayDescriptor::write(db, DataLayout::FIRST_MAJOR_3D, &[LAYERS, DIRECTIONS, HIDDEN]);
    let mut delta = LayerParametersLSTM {
        input_size: HIDDEN,
        hidden_size: HIDDEN,
        batch_size: BATCH,
        num_layers: LAYERS,
        seq_len: STEPS,
        lstm_flags: params.lstm_flags,
        input_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(dx, DataLayout::SNE, &[HIDDEN, BATCH, STEPS]),
            ..Default::default()
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::read(&dy, DataLayout::SNE, &SEQUENCE),
            ..Default::default()
        },
        forget_gate: LSTMGateDescriptor { b_desc: bias, ..Default::default() },
        ..Default::default()
    };
    let (options, filter) = how.options();
    let result = direct_backward_with(options, &params, &mut delta, &filter, Some(cache));
    drop(delta);
    match result {
        Ok(()) => {
            assert_ne!(found, before);
            Ok(found)
        }
        Err(Error::Cache(issue)) => {
            assert_eq!(found, before, "gradients were written before: {issue}");
            assert_eq!(issue.path.to_string(), "cache");
            if issue.code == Code::ChangedWeights {
                assert!(issue.actual.contains("call forward again, or restore"), "{issue}");
            }
            Err(issue.code)
        }
        Err(error) => panic!("{error}"),
    }
}

fn flip(weight: &mut f32, bit: u32) {
    *weight = f32::from_bits(weight.to_bits() ^ 1 << bit);
}

/// A name, and what happens.
type Change<T> = (&'static str, fn(&mut T));

/// What happens to the weights of one array that belong to one direction of a layer.
const CHANGES: [Change<[f32]>; 11] = [
    ("the first weight by one bit", |weights| flip(&mut weights[0], 0)),
    ("the last weight by one bit", |weights| flip(weights.last_mut().unwrap(), 0)),
    ("one sign", |weights| flip(&mut weights[1], 31)),
    ("all signs", |weights| weights.iter_mut().for_each(|weight| *weight = -*weight)),
    ("all doubled", |weights| weights.iter_mut().for_each(|weight| *weight *= 2.0)),
    ("a constant added", |weights| weights.iter_mut().for_each(|weight| *weight += 0.5)),
    ("a step of training", |weights| {
        let slopes = Rng::new(5).reals(weights.len(), 1e-4);
        weights.iter_mut().zip(slopes).for_each(|(weight, slope)| *weight -= slope as f32);
    }),
    ("neighbours swapped", |weights| weights.swap(1, 2)),
    ("the second neighbours swapped", |weights| weights.swap(1, 3)),
    ("rows or halves swapped", |weights| weights.rotate_left(weights.len() / 2)),
    ("the order reversed", |weights| weights.reverse()),
];

#[test]
fn weights_that_were_changed_anywhere_are_refused_and_taken_again_when_restored() {
    let mut refused = BTreeSet::new();
    for case in cases() {
        let caches = BOTH.map(How::new).map(|how| (how, fill(&case, how)));
        let before = caches.clone().map(|(how, cache)| backward(&case, &cache, how).unwrap());
        let mut other = case.clone();
        for gate in 0..4 {
            for array in 0.. {
                let Some((name, array)) = arrays(other.gates.named_mut()[gate].1).nth(array) else {
                    break;
                };
                let (name, untouched) =
                    (format!("{}.{name}", case.gates.named()[gate].0), array.clone());
                let places = DIRECTIONS * if name.contains(".iw") { 1 } else { LAYERS };
                let length = untouched.len() / places;
                for place in 0..places {
                    for (change, apply) in CHANGES {
                        // The array anew each time: the structures borrow all of them.
                        let mut changed = untouched.clone();
                        apply(&mut changed[place * length..][..length]);
                        let bits = |weights: &[f32]| -> Vec<u32> {
                            weights.iter().map(|w| w.to_bits()).collect()
                        };
                        assert_ne!(bits(&changed), bits(&untouched), "{name}: {change}");
                        set(&mut other, &name, changed);
                        for (how, cache) in &caches {
                            let found = backward(&other, cache, *how);
                            assert_eq!(
                                found,
                                Err(Code::ChangedWeights),
                                "{name}[{place}]: {change}"
                            );
                        }
                    }
                    refused.insert(format!("{name} {place}"));
                }
                set(&mut other, &name, untouched);
            }
        }
        // As they were: the same weights, in other memory.
        for ((how, cache), before) in caches.iter().zip(before) {
            assert_eq!(backward(&other, cache, *how), Ok(before));
        }
    }
    // Of each gate: one array of 2 places below, one above, three of 4.
    assert_eq!(refused.len(), 4 * (2 + 2 + 4 + 4 + 4), "{refused:?}");
}

/// Replace an array by its name.
fn set(case: &mut Case, name: &str, weights: Vec<f32>) {
    let (gate, array) = name.split_once('.').unwrap();
    for (_, floats) in case.gates.named_mut().into_iter().filter(|(name, _)| *name == gate) {
        for (_, old) in arrays(floats).filter(|(name, _)| *name == array) {
            old.clone_from(&weights);
        }
    }
}

#[test]
fn arrays_that_changed_places_are_refused() {
    // Two arrays or parts of them that change places.
    let swaps: [Change<Case>; 6] = [
        ("gates", |case| std::mem::swap(&mut case.gates.input, &mut case.gates.forget)),
        ("gates of one array", |case| {
            std::mem::swap(&mut case.gates.candidate.hw, &mut case.gates.output.hw);
        }),
        ("biases", |case| std::mem::swap(&mut case.gates.input.b, &mut case.gates.output.b)),
        ("layers", |case| case.gates.input.hw.rotate_left(DIRECTIONS * HIDDEN * HIDDEN)),
        ("directions", |case| case.gates.input.iw.rotate_left(HIDDEN * HIDDEN)),
        ("input and hidden weights", |case| {
            let GateFloats { iw, hw, .. } = &mut case.gates.input;
            hw[..iw.len()].swap_with_slice(iw);
        }),
    ];
    let mut case = cases().remove(0);
    // Whichever gate had a peephole of its own, so that the layer stays the same.
    for (_, gate) in case.gates.named_mut() {
        (gate.cw, gate.is_full) = (None, false);
    }
    for (_, gate) in case.layer.gates.named_mut() {
        gate.cw = Peephole::None;
    }
    for how in BOTH.map(How::new) {
        let cache = fill(&case, how);
        assert!(backward(&case, &cache, how).is_ok());
        for (name, swap) in swaps {
            let mut other = case.clone();
            swap(&mut other);
            assert_eq!(backward(&other, &cache, how), Err(Code::ChangedWeights), "{name}");
        }
    }
}

/// A case whose weights are made of their positions alone.
fn numbered() -> Case {
    let mut case = cases().remove(0);
    for (gate, (_, floats)) in case.gates.named_mut().into_iter().enumerate() {
        for (kind, (_, array)) in arrays(floats).enumerate() {
            for (index, weight) in array.iter_mut().enumerate() {
                *weight = ((gate * 5 + kind) * 1000 + index) as f32 / 65536.0;
            }
        }
    }
    case
}

#[test]
fn every_level_any_threads_and_all_strides_give_the_same_fingerprint() {
    let case = numbered();
    let mut ways = 0;
    for checkpoints in BOTH {
        for level in Level::available() {
            for n_threads in [1, 2] {
                let how = How { level, n_threads, checkpoints };
                let cache = fill(&case, how);
                assert_eq!(
                    cache[WEIGHTS],
                    FINGERPRINT.to_le_bytes(),
                    "{how:?}: {:x?}",
                    &cache[WEIGHTS]
                );
                ways += 1;
            }
        }
    }
    assert!(ways >= 4);
    // The hidden weights of each gate with columns next to each other.
    let shape = (LAYERS, DIRECTIONS, HIDDEN, HIDDEN);
    let turned = case.gates.named().map(|(_, gate)| {
        let rows = ArrayView4::from_shape(shape, &gate.hw).unwrap();
        rows.permuted_axes([0, 1, 3, 2]).as_standard_layout().into_owned()
    });
    let how = How::new(Checkpoints::EveryStep);
    let mut y = vec![0.0; case.layer.y_len()];
    let mut params = with_output(&case, &mut y);
    let gates = [
        &mut params.input_gate,
        &mut params.forget_gate,
        &mut params.candidate_gate,
        &mut params.output_gate,
    ];
    for (gate, turned) in gates.into_iter().zip(&turned) {
        gate.hw_desc = NDArrayDescriptor::view(turned.view().permuted_axes([0, 1, 3, 2]));
    }
    let cache = filled(&mut params, how);
    assert_eq!(cache[WEIGHTS], FINGERPRINT.to_le_bytes());
    assert!(backward(&case, &cache, how).is_ok());
}

/// That of the weights of [`numbered`]: another one would refuse the caches of this version.
const FINGERPRINT: u64 = 0x6d9e_c817_a248_764a;

#[test]
fn a_cache_of_an_earlier_version_is_refused_by_name() {
    let case = numbered();
    let how = How::new(Checkpoints::EveryStep);
    let mut cache = fill(&case, how);
    // It said nothing of versions and weights.
    cache[17..64].fill(0);
    assert_eq!(backward(&case, &cache, how), Err(Code::ForeignCache));
}
