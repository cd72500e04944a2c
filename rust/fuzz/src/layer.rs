//! Small layers that compute.
//!
//! In: bytes of a fuzzer. Out: a valid layer of at most 8 by 8 by 8, its arrays in any form and of any values,
//! in which something may be corrupted. [`run`] computes it by either route of products, at some level with one thread
//! or with several that divide it in some way: no panic, results exactly where they belong and, by panels, the same for
//! any division, and nothing written on errors.

use super::arrays::{Array, Outputs, UNTOUCHED, float, read};
use super::corruption::Corruption;
use super::division::Division;
use super::form::{Choice, Form};
use arbitrary::Arbitrary;
use bnns_lstm::{
    Activation, ActivationFunction, Coupled, Error, FilterParameters, Integers, LSTMDataDescriptor,
    LSTMExtensions, LSTMGateDescriptor, LayerFlags, LayerParametersLSTM, Level, NDArrayDescriptor,
    Options, Route, direct_forward_with,
};
use bnns_lstm_testkit::random::Rng;

/// A layer, how it is described and how it is run.
#[derive(Debug, Arbitrary)]
pub struct Layer {
    /// The low bits; others choose the route of products and a projection.
    sizes: [u8; 5],
    is_bidirectional: bool,
    has_default_activations: bool,
    functions: [(u8, f32, f32); 5],
    lengths: Option<[u8; 8]>,
    data: [Choice; 6],
    /// Bits for outputs and initial states that are left out or in place.
    absent: u8,
    /// The first two bits; the others choose a variant of the layer.
    in_place: u8,
    gates: [GateChoice; 4],
    seed: u32,
    has_special_values: bool,
    corruptions: Vec<Corruption>,
    level: u8,
    pub(crate) division: Division,
}

#[derive(Debug, Arbitrary)]
struct GateChoice {
    peephole: u8,
    has_bias: bool,
    arrays: [Choice; 5],
}

struct Weights {
    arrays: [Option<Array>; 5],
    activation: Option<Activation<'static>>,
}

impl Layer {
    pub(crate) fn sizes(&self) -> [usize; 6] {
        let size = |index: usize| 1 + usize::from(self.sizes[index] % 8);
        let layers = 1 + usize::from(self.sizes[3] % 3);
        [size(0), size(1), size(2), layers, size(4), 1 + usize::from(self.is_bidirectional)]
    }

    fn extensions<'a>(&self) -> Option<LSTMExtensions<'a>> {
        let has = |bit: u32| self.in_place >> bit & 1 == 1;
        let gate_clip = has(3).then_some(0.75);
        let extensions = LSTMExtensions {
            cell_clip: has(2).then_some(0.5),
            gate_clip,
            gate_clip_hidden: gate_clip.is_none() || has(4),
            coupled: [None, Some(Coupled::Forget), Some(Coupled::Input), None]
                [usize::from(self.in_place >> 5 & 3)],
            reverse: has(7) && !self.is_bidirectional,
            ..LSTMExtensions::default()
        };
        Some(extensions).filter(|_| self.in_place >> 2 != 0)
    }

    /// Elements of the output of one direction: by bits that no size needs, all units, or fewer that are projected.
    pub(crate) fn outputs_of_direction(&self) -> usize {
        let hidden = self.sizes()[1];
        if self.projects() { 1 + usize::from(self.sizes[1] >> 3 & 7) % hidden } else { hidden }
    }

    fn projects(&self) -> bool {
        self.sizes[1] >> 7 == 1
    }

    /// The axes of a projection's weights, if there is one.
    fn projection(&self) -> Option<[usize; 4]> {
        let [_, hidden, _, layers, _, directions] = self.sizes();
        let axes = [layers, directions, self.outputs_of_direction(), hidden];
        self.projects().then_some(axes)
    }

    /// Whether another gate gives this one.
    fn is_derived(&self, index: usize) -> bool {
        let coupled = self.extensions().and_then(|extensions| extensions.coupled);
        coupled.is_some_and(|coupled| coupled.derived().index() == index)
    }

    pub(crate) fn array(&self, random: &mut Rng, form: Form) -> Array {
        let floats = (0..form.len()).map(|_| float(random, self.has_special_values)).collect();
        Array { form, floats }
    }

    fn activation(&self, index: usize) -> Activation<'static> {
        let (number, alpha, beta) = self.functions[index];
        let finite = |value: f32| if value.is_nan() { 1.0 } else { value };
        let number = match number % 32 {
            // Those that are refused.
            9 | 10 | 11 | 13 | 14 | 21 | 29 => 4,
            number => number,
        };
        Activation::new(ActivationFunction(number.into()), finite(alpha), finite(beta))
    }

    fn weights(&self, random: &mut Rng, index: usize) -> Weights {
        if self.is_derived(index) {
            return Weights { arrays: [const { None }; 5], activation: None };
        }
        let [input, hidden, _, layers, _, directions] = self.sizes();
        let choice = &self.gates[index];
        let matrix = [layers, directions, hidden, hidden];
        let mut array = |which: usize, axes: &[usize], must_have_sizes| {
            let form = choice.arrays[which].form(axes, false, must_have_sizes);
            Some(self.array(random, form))
        };
        let outputs = self.outputs_of_direction();
        let upper = [layers - 1, directions, hidden, directions * outputs];
        Weights {
            arrays: [
                array(0, &[1, directions, hidden, input], false),
                if layers > 1 { array(1, &upper, false) } else { None },
                array(2, &[layers, directions, hidden, outputs], false),
                match choice.peephole % 3 {
                    0 => None,
                    1 => array(3, &matrix[..3], true),
                    _ => array(3, &matrix, false),
                },
                if choice.has_bias { array(4, &matrix[..3], false) } else { None },
            ],
            activation: Some(self.activation(index)),
        }
    }

    fn batch_sizes(&self) -> Option<Vec<u8>> {
        let [_, _, batch, _, steps, _] = self.sizes();
        let lengths = &self.lengths.as_ref()?[..batch];
        let length = |sample: usize| {
            let length = usize::from(lengths[sample]) % (steps + 1);
            if sample == 0 { length.max(1) } else { length }
        };
        let active = |step| (0..batch).filter(|&sample| length(sample) > step).count() as u8;
        Some((0..steps).map(active).collect())
    }

    pub(crate) fn options(&self) -> Options {
        let levels = Level::available();
        let level = levels[usize::from(self.level) % levels.len()];
        let products = Some(self.route());
        Options { level, products, force_threads: true, ..Options::default() }
    }

    /// The route of products, by a bit that no size needs.
    pub(crate) fn route(&self) -> Route {
        Route::ALL[usize::from(self.sizes[0] >> 7)]
    }

    /// The same layer by the other route.
    #[must_use]
    pub fn by_other_route(mut self) -> Self {
        self.sizes[0] ^= 1 << 7;
        self
    }
}

impl Weights {
    fn descriptor(&self) -> LSTMGateDescriptor<'_> {
        let [iw, iw_upper, hw, cw, b] = self.arrays.each_ref().map(|array| read(array.as_ref()));
        LSTMGateDescriptor {
            iw_desc: [iw, iw_upper],
            hw_desc: hw,
            cw_desc: cw,
            b_desc: b,
            activation: self.activation,
        }
    }
}

/// Everything that a call reads.
pub(crate) struct Inputs {
    data: Array,
    states: [Option<Array>; 2],
    weights: [Weights; 4],
    projection: Option<Array>,
    batch_sizes: Option<Vec<u8>>,
}

impl Inputs {
    pub(crate) fn bits(&self) -> Vec<u32> {
        let weights = self.weights.iter().flat_map(|gate| gate.arrays.iter().flatten());
        let weights = weights.chain(&self.projection);
        let all = weights.chain(self.states.iter().flatten()).chain([&self.data]);
        all.flat_map(|array| array.floats.iter().map(|value| value.to_bits())).collect()
    }
}

impl Layer {
    pub(crate) fn inputs(&self) -> Inputs {
        let [input, hidden, batch, layers, steps, directions] = self.sizes();
        let mut random = Rng::new(u64::from(self.seed));
        let data = self.data[0].form(&[steps, batch, input], true, false);
        let data = self.array(&mut random, data);
        let states = [0, 1].map(|which| {
            let is_given = (self.absent | self.in_place) >> which & 1 == 0;
            let width = if which == 0 { self.outputs_of_direction() } else { hidden };
            let form = self.data[1 + which].form(&[layers, directions, batch, width], false, false);
            is_given.then(|| self.array(&mut random, form))
        });
        let weights = [0, 1, 2, 3].map(|index| self.weights(&mut random, index));
        let projection = self.projection().map(|axes| {
            let form = self.gates[3].arrays[2].form(&axes, false, false);
            self.array(&mut random, form)
        });
        Inputs { data, states, weights, projection, batch_sizes: self.batch_sizes() }
    }

    pub(crate) fn outputs(&self) -> Outputs {
        let [_, hidden, batch, layers, steps, directions] = self.sizes();
        let mut random = Rng::new(u64::from(self.seed) + 1);
        let is_in_place = [false, self.in_place & 1 != 0, self.in_place & 2 != 0];
        let arrays = [0, 1, 2].map(|which| {
            let is_needed =
                is_in_place[which] || (which == 0 && self.absent & 0b1_1000 == 0b1_1000);
            if !is_needed && self.absent >> (2 + which) & 1 == 1 {
                return None;
            }
            let outputs = self.outputs_of_direction();
            let width = if which == 1 { outputs } else { hidden };
            let form = match which {
                0 => self.data[3].form(&[steps, batch, directions * outputs], true, false),
                _ => self.data[3 + which].form(&[layers, directions, batch, width], false, false),
            };
            let mut floats = vec![f32::from_bits(UNTOUCHED); form.len()];
            if is_in_place[which] {
                for &place in &form.places {
                    floats[place] = float(&mut random, self.has_special_values);
                }
            }
            Some(Array { form, floats })
        });
        Outputs { arrays, is_in_place }
    }

    /// Compute the layer into the outputs, by one thread or divided.
    fn compute(
        &self,
        inputs: &Inputs,
        outputs: &mut Outputs,
        division: Option<Division>,
    ) -> Result<(), Error> {
        let n_threads = division.map_or(1, Division::threads);
        let options = division.map_or(self.options(), |division| division.of(self.options()));
        let filter = FilterParameters { n_threads, ..FilterParameters::default() };
        direct_forward_with(options, &mut self.params(inputs, outputs), &filter, None)
    }

    /// The structure, corruptions included.
    pub(crate) fn params<'a>(
        &self,
        inputs: &'a Inputs,
        outputs: &'a mut Outputs,
    ) -> LayerParametersLSTM<'a> {
        let [input_size, hidden_size, batch_size, num_layers, seq_len, _] = self.sizes();
        let [y, hn, cn] = outputs.arrays.each_mut().map(|array| match array {
            Some(Array { form, floats }) => form.write(floats),
            None => NDArrayDescriptor::absent(),
        });
        let initial = |which: usize| {
            if self.in_place >> which & 1 == 1 {
                return NDArrayDescriptor::in_place();
            }
            read(inputs.states[which].as_ref())
        };
        let [input_gate, forget_gate, candidate_gate, output_gate] =
            inputs.weights.each_ref().map(Weights::descriptor);
        let sequence_descriptor =
            inputs.batch_sizes.as_deref().map_or_else(NDArrayDescriptor::absent, |batch_sizes| {
                NDArrayDescriptor::sequence(Integers::U8(batch_sizes))
            });
        let flags = u32::from(self.is_bidirectional) | u32::from(self.has_default_activations) << 1;
        let mut params = LayerParametersLSTM {
            input_size,
            hidden_size,
            batch_size,
            num_layers,
            seq_len,
            dropout: 0.5,
            lstm_flags: LayerFlags(flags),
            sequence_descriptor,
            input_descriptor: LSTMDataDescriptor {
                data_desc: inputs.data.form.read(&inputs.data.floats),
                hidden_desc: initial(0),
                cell_state_desc: initial(1),
            },
            output_descriptor: LSTMDataDescriptor {
                data_desc: y,
                hidden_desc: hn,
                cell_state_desc: cn,
            },
            input_gate,
            forget_gate,
            candidate_gate,
            output_gate,
            hidden_activation: Some(self.activation(4)),
            extensions: match &inputs.projection {
                None => self.extensions(),
                Some(weights) => Some(LSTMExtensions {
                    projection_size: Some(self.outputs_of_direction()),
                    projection_desc: read(Some(weights)),
                    ..self.extensions().unwrap_or_default()
                }),
            },
        };
        for corruption in &self.corruptions {
            corruption.apply(&mut params);
        }
        params
    }

    /// Whether nothing was corrupted.
    pub(crate) fn is_valid(&self) -> bool {
        self.corruptions.is_empty()
    }

    /// Whether an initial state is overwritten by the final one.
    pub(crate) fn is_in_place(&self) -> bool {
        self.in_place & 0b11 != 0
    }

    /// The shapes of all gradients: input, states, for each gate its five arrays, and the projection; `None` where the
    /// layer has no such weight.
    pub(crate) fn shapes(&self) -> Vec<Option<Vec<usize>>> {
        let [input, hidden, batch, layers, steps, directions] = self.sizes();
        let outputs = self.outputs_of_direction();
        let mut shapes = vec![
            Some(vec![steps, batch, input]),
            Some(vec![layers, directions, batch, outputs]),
            Some(vec![layers, directions, batch, hidden]),
        ];
        for (index, choice) in self.gates.iter().enumerate() {
            if self.is_derived(index) {
                shapes.extend([const { None }; 5]);
                continue;
            }
            let matrix = vec![layers, directions, hidden, hidden];
            let vector = matrix[..3].to_vec();
            shapes.extend([
                Some(vec![1, directions, hidden, input]),
                (layers > 1).then(|| vec![layers - 1, directions, hidden, directions * outputs]),
                Some(vec![layers, directions, hidden, outputs]),
                match choice.peephole % 3 {
                    0 => None,
                    1 => Some(vector.clone()),
                    _ => Some(matrix),
                },
                choice.has_bias.then_some(vector),
            ]);
        }
        shapes.push(self.projection().map(Vec::from));
        shapes
    }
}

/// Compute the layer, and compare what it wrote with what it should have written; say whether it was computed.
pub fn run(layer: &Layer) -> bool {
    let inputs = layer.inputs();
    let before = inputs.bits();
    let mut outputs = layer.outputs();
    let untouched = outputs.bits();
    let result = layer.compute(&inputs, &mut outputs, None);
    assert!(inputs.bits() == before, "an input was written");
    let is_valid = layer.corruptions.is_empty();
    if let Err(error) = &result {
        assert!(!is_valid, "a valid layer was refused: {error}");
        // What passes the check computes.
        assert!(matches!(error, Error::Descriptor(_)), "{error}");
        assert!(outputs.bits() == untouched, "an output was written before: {error}");
    } else if is_valid {
        outputs.assert_written();
    }
    if !layer.division.is_one_thread() {
        let mut again = layer.outputs();
        assert!(layer.compute(&inputs, &mut again, Some(layer.division)) == result);
        // Threads change how a library rounds, and with infinities more than that.
        assert!(
            layer.route() == Route::Gemm || again.numbers() == outputs.numbers(),
            "the result depends on the division among threads"
        );
    }
    result.is_ok()
}
