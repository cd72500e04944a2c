//! From the oracle's f64 layers to the descriptors of the library, and back.
//!
//! In: a layer of the testkit. Out: what the library computes for it, at a level and with a number of
//! threads. Everything is f32 from here on.

pub mod training;
mod ways;

pub use ways::{CallWay, all_ways, ways};

use bnns_lstm::{
    Activation, ActivationFunction, Coupled, DataLayout, Error, FilterParameters, Integers,
    LSTMDataDescriptor, LSTMExtensions, LSTMGateDescriptor, LayerFlags, LayerParametersLSTM, Level,
    NDArrayDescriptor, Options, Route, direct_forward_with,
};
use bnns_lstm_testkit::compare::narrow;
use bnns_lstm_testkit::{Gate, Inputs, Layer, Peephole, PerGate, Trace, Variant};
use proptest::test_runner::{Config as ProptestConfig, RngSeed, TestCaseError};

/// The weights of one gate.
#[derive(Debug, Clone)]
pub struct GateFloats {
    pub iw: Vec<f32>,
    pub iw_upper: Vec<f32>,
    pub hw: Vec<f32>,
    pub cw: Option<Vec<f32>>,
    pub is_full: bool,
    pub b: Option<Vec<f32>>,
}

/// A layer and its inputs in f32.
#[derive(Debug, Clone)]
pub struct Case {
    pub layer: Layer,
    pub gates: PerGate<GateFloats>,
    pub projection: Option<Vec<f32>>,
    pub x: Vec<f32>,
    pub h0: Option<Vec<f32>>,
    pub c0: Option<Vec<f32>>,
    pub batch_sizes: Option<Vec<u32>>,
}

/// What a forward pass computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    pub y: Vec<f32>,
    pub hn: Vec<f32>,
    pub cn: Vec<f32>,
}

impl Results {
    /// All values as bits, so that NaN equals itself.
    pub fn bits(&self) -> Vec<u32> {
        self.y.iter().chain(&self.hn).chain(&self.cn).map(|value| value.to_bits()).collect()
    }
}

impl Case {
    pub fn new(layer: &Layer, inputs: &Inputs) -> Self {
        let gate = |gate: &Gate| GateFloats {
            // A gate that another one gives has none.
            iw: gate.iw.first().map(|layer| narrow(layer)).unwrap_or_default(),
            iw_upper: gate.iw.iter().skip(1).flat_map(|layer| narrow(layer)).collect(),
            hw: narrow(&gate.hw),
            cw: gate.cw.values().map(narrow),
            is_full: matches!(gate.cw, Peephole::Full(_)),
            b: gate.b.as_deref().map(narrow),
        };
        let gates = &layer.gates;
        Self {
            layer: layer.clone(),
            gates: PerGate {
                input: gate(&gates.input),
                forget: gate(&gates.forget),
                candidate: gate(&gates.candidate),
                output: gate(&gates.output),
            },
            projection: layer.projection.as_ref().map(|all| narrow(&all.weights)),
            x: narrow(&inputs.x),
            h0: inputs.h0.as_deref().map(narrow),
            c0: inputs.c0.as_deref().map(narrow),
            batch_sizes: layer
                .batch_sizes
                .as_ref()
                .map(|sizes| sizes.iter().map(|&size| u32::try_from(size).unwrap()).collect()),
        }
    }

    /// The structure without outputs.
    pub fn params(&self) -> LayerParametersLSTM<'_> {
        let layer = &self.layer;
        let (l, d, n, h) =
            (layer.num_layers, layer.directions(), layer.batch_size, layer.hidden_size);
        let flags =
            if layer.bidirectional { LayerFlags::LSTM_BIDIRECTIONAL } else { LayerFlags::NONE };
        LayerParametersLSTM {
            input_size: layer.input_size,
            hidden_size: h,
            batch_size: n,
            num_layers: l,
            seq_len: layer.seq_len,
            lstm_flags: flags,
            sequence_descriptor: self
                .batch_sizes
                .as_ref()
                .map_or_else(NDArrayDescriptor::absent, |sizes| {
                    NDArrayDescriptor::sequence(Integers::U32(sizes))
                }),
            input_descriptor: LSTMDataDescriptor {
                data_desc: NDArrayDescriptor::read(
                    &self.x,
                    DataLayout::SNE,
                    &[layer.input_size, n, layer.seq_len],
                ),
                hidden_desc: optional(self.h0.as_deref(), &[l, d, n, layer.outputs()]),
                cell_state_desc: optional(self.c0.as_deref(), &[l, d, n, h]),
            },
            input_gate: self.gate(&self.gates.input, &layer.gates.input),
            forget_gate: self.gate(&self.gates.forget, &layer.gates.forget),
            candidate_gate: self.gate(&self.gates.candidate, &layer.gates.candidate),
            output_gate: self.gate(&self.gates.output, &layer.gates.output),
            hidden_activation: Some(activation(layer.hidden_activation)),
            extensions: self.extensions(),
            ..Default::default()
        }
    }

    /// What the layer has beyond BNNS.
    fn extensions(&self) -> Option<LSTMExtensions<'_>> {
        let (l, d, h) = (self.layer.num_layers, self.layer.directions(), self.layer.hidden_size);
        let plain = extensions(&self.layer.variant);
        let Some(projection) = &self.layer.projection else { return plain };
        let shape = [l, d, projection.size, h];
        Some(LSTMExtensions {
            projection_size: Some(projection.size),
            projection_desc: optional(self.projection.as_deref(), &shape),
            ..asked_by(&self.layer.variant)
        })
    }

    fn gate<'c>(&self, floats: &'c GateFloats, gate: &Gate) -> LSTMGateDescriptor<'c> {
        let layer = &self.layer;
        let (l, d, h) = (layer.num_layers, layer.directions(), layer.hidden_size);
        if floats.iw.is_empty() {
            return LSTMGateDescriptor::default();
        }
        let upper = Some(floats.iw_upper.as_slice()).filter(|_| l > 1);
        LSTMGateDescriptor {
            iw_desc: [
                optional(Some(&floats.iw), &[1, d, h, layer.input_size]),
                optional(upper, &[l - 1, d, h, layer.output_size()]),
            ],
            hw_desc: optional(Some(&floats.hw), &[l, d, h, layer.outputs()]),
            cw_desc: match gate.cw {
                Peephole::Diagonal(_) => optional(floats.cw.as_deref(), &[l, d, h]),
                _ => optional(floats.cw.as_deref(), &[l, d, h, h]),
            },
            b_desc: optional(floats.b.as_deref(), &[l, d, h]),
            activation: Some(activation(gate.activation)),
        }
    }

    /// What the library computes by panels.
    pub fn run(&self, level: Level, n_threads: usize) -> Result<Results, Error> {
        self.run_in(CallWay { route: Route::Panels, level, n_threads })
    }

    /// What the library computes in some way.
    pub fn run_in(&self, way: CallWay) -> Result<Results, Error> {
        self.run_with(way.options())
    }

    /// What the library computes with options.
    pub fn run_with(&self, options: Options) -> Result<Results, Error> {
        let layer = &self.layer;
        let (l, d, n, h) =
            (layer.num_layers, layer.directions(), layer.batch_size, layer.hidden_size);
        // What is there before must not matter.
        let mut y = vec![f32::NAN; layer.y_len()];
        let mut hn = vec![f32::NAN; layer.hidden_len()];
        let mut cn = vec![f32::NAN; layer.cell_len()];
        let mut params = self.params();
        params.output_descriptor = LSTMDataDescriptor {
            data_desc: NDArrayDescriptor::write(
                &mut y,
                DataLayout::SNE,
                &[layer.output_size(), n, layer.seq_len],
            ),
            hidden_desc: NDArrayDescriptor::write(
                &mut hn,
                DataLayout::FIRST_MAJOR_4D,
                &[l, d, n, layer.outputs()],
            ),
            cell_state_desc: NDArrayDescriptor::write(
                &mut cn,
                DataLayout::FIRST_MAJOR_4D,
                &[l, d, n, h],
            ),
        };
        let filter = FilterParameters { n_threads: options.n_threads, ..Default::default() };
        direct_forward_with(options, &mut params, &filter, None)?;
        drop(params);
        Ok(Results { y, hn, cn })
    }
}

/// How near to a kink or jump of an activation f32 and f64 may fall on different sides.
const KINK: f64 = 1e-4;

/// States beyond which rounding errors of f32 have been multiplied too often to compare.
const LARGEST: f64 = 100.0;

/// Reject a layer where f32 cannot be expected to agree with f64: a value next to a kink, or one that has exploded.
///
/// Proptest draws another one in its place, and fails where it has to reject too many ([`examples`]).
pub fn comparable(layer: &Layer, trace: &Trace) -> Result<(), TestCaseError> {
    let cells = trace.cells.iter().flatten();
    let mut states = cells.flat_map(|cell| cell.new_c.iter().chain(&cell.new_h));
    if !states.all(|value| value.abs() <= LARGEST) {
        return Err(TestCaseError::reject("a state has exploded"));
    }
    if trace.kink_distance(layer) < KINK {
        return Err(TestCaseError::reject("a value lies next to a kink"));
    }
    Ok(())
}

/// As [`comparable`], of gradients, which also jump where a value reaches a limit.
pub fn comparable_gradients(layer: &Layer, trace: &Trace) -> Result<(), TestCaseError> {
    comparable(layer, trace)?;
    if trace.clip_distance(layer) < KINK {
        return Err(TestCaseError::reject("a value lies next to a limit"));
    }
    Ok(())
}

/// How proptest runs: the same examples every time in continuous integration, new ones at a developer's
/// desk. So many are tested; a property that rejects more than four for each of them fails.
pub fn examples(cases: u32) -> ProptestConfig {
    let rng_seed = match std::env::var_os("CI") {
        Some(_) => RngSeed::Fixed(1),
        None => RngSeed::Random,
    };
    ProptestConfig { cases, rng_seed, max_global_rejects: 4 * cases, ..ProptestConfig::default() }
}

/// The extensions of a variant; none for the layer of BNNS.
pub fn extensions<'a>(variant: &Variant) -> Option<LSTMExtensions<'a>> {
    (*variant != Variant::default()).then(|| asked_by(variant))
}

/// The extensions of a variant without the array of its projection.
pub fn asked_by<'a>(variant: &Variant) -> LSTMExtensions<'a> {
    let narrow = |clip: Option<f64>| clip.map(|clip| clip as f32);
    LSTMExtensions {
        cell_clip: narrow(variant.cell_clip),
        gate_clip: narrow(variant.gate_clip),
        gate_clip_hidden: variant.gate_clip_hidden,
        coupled: variant.coupled.map(|coupled| match coupled {
            bnns_lstm_testkit::Coupled::Forget => Coupled::Forget,
            bnns_lstm_testkit::Coupled::Input => Coupled::Input,
        }),
        reverse: variant.reverse,
        ..LSTMExtensions::default()
    }
}

/// A C array of this shape, or an absent descriptor.
pub fn optional<'c>(values: Option<&'c [f32]>, shape: &[usize]) -> NDArrayDescriptor<'c> {
    let layout = DataLayout::first_major(shape.len());
    values.map_or_else(NDArrayDescriptor::absent, |values| {
        NDArrayDescriptor::read(values, layout, shape)
    })
}

fn activation(activation: bnns_lstm_testkit::Activation) -> Activation<'static> {
    let function = ActivationFunction(activation.function);
    Activation::new(function, activation.alpha as f32, activation.beta as f32)
}
