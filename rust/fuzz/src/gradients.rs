//! Backward passes of small layers.
//!
//! In: bytes of a fuzzer. Out: a layer, a second structure for its gradients in which something may be
//! corrupted, and a cache that may be missing, too small, never filled or another layer's. [`run`] checks the
//! pair and computes what passes: no panic, gradients exactly where they belong, the same with a cache and
//! without, by panels whatever threads divide, and nothing written on errors.

use super::arrays::{Array, UNTOUCHED, read};
use super::corruption::Corruption;
use super::division::Division;
use super::form::Choice;
use super::layer::{Inputs, Layer};
use arbitrary::Arbitrary;
use bnns_lstm::{
    Checkpoints, Error, FilterParameters, LSTMDataDescriptor, LSTMExtensions, LSTMGateDescriptor,
    LayerFlags, LayerParametersLSTM, NDArrayDescriptor, NDArrayFlags, Route,
    compute_lstm_training_cache_capacity, direct_backward_with, direct_forward_with,
};
use bnns_lstm_testkit::random::Rng;

/// A layer and what is wanted of its gradients.
#[derive(Debug, Arbitrary)]
pub struct Pair {
    layer: Layer,
    /// Bits for gradients that are not wanted, and for those that are added to what is there.
    unwanted: u32,
    accumulated: u32,
    /// Bits for incoming gradients that are missing.
    missing: u8,
    forms: [Choice; 8],
    corruptions: Vec<Corruption>,
    checkpoints: u8,
    cache: Cache,
    seed: u64,
    division: Division,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
enum Cache {
    None,
    Filled,
    OneByteShort,
    Unfilled,
    Garbage(u8),
    OfAnotherSeed,
}

/// The gradients that come in: of the outputs.
struct Incoming([Option<Array>; 3]);

impl Pair {
    /// The same pair by the other route of products.
    #[must_use]
    pub fn by_other_route(self) -> Self {
        Self { layer: self.layer.by_other_route(), ..self }
    }

    fn filter(&self, n_threads: usize) -> FilterParameters {
        let checkpoints = match self.checkpoints % 8 {
            0 => Checkpoints::EveryStep,
            7 => Checkpoints::SquareRoot,
            every => Checkpoints::Every(every.into()),
        };
        FilterParameters { n_threads, seed: self.seed, checkpoints, ..Default::default() }
    }

    fn incoming(&self) -> Incoming {
        let [_, hidden, batch, layers, steps, directions] = self.layer.sizes();
        let outputs = self.layer.outputs_of_direction();
        let mut random = Rng::new(self.seed);
        Incoming([0, 1, 2].map(|which| {
            if self.missing >> which & 1 == 1 {
                return None;
            }
            let width = if which == 1 { outputs } else { hidden };
            let form = match which {
                0 => self.forms[0].form(&[steps, batch, directions * outputs], true, false),
                _ => self.forms[which].form(&[layers, directions, batch, width], false, false),
            };
            Some(self.layer.array(&mut random, form))
        }))
    }

    /// Room for the gradients; `None` where one is unwanted.
    fn outgoing(&self) -> Vec<Option<Array>> {
        let shapes = self.layer.shapes().into_iter().enumerate();
        shapes
            .map(|(index, shape)| {
                let shape = shape.filter(|_| self.unwanted >> index & 1 == 0)?;
                let is_diagonal = index > 2 && (index - 3) % 5 == 3 && shape.len() == 3;
                let form = self.forms[3 + index % 5].form(&shape, index == 0, is_diagonal);
                let mut floats = vec![f32::from_bits(UNTOUCHED); form.len()];
                if self.accumulated >> index & 1 == 1 {
                    form.places.iter().for_each(|&place| floats[place] = 1.0);
                }
                Some(Array { form, floats })
            })
            .collect()
    }

    /// The second structure.
    fn delta<'a>(
        &self,
        incoming: &'a Incoming,
        outgoing: &'a mut [Option<Array>],
    ) -> LayerParametersLSTM<'a> {
        let [input_size, hidden_size, batch_size, num_layers, seq_len, directions] =
            self.layer.sizes();
        let mut arrays = outgoing.iter_mut().enumerate().map(|(index, array)| match array {
            Some(Array { form, floats }) => NDArrayDescriptor {
                flags: NDArrayFlags(self.accumulated >> index & 1),
                ..form.write(floats)
            },
            None => NDArrayDescriptor::absent(),
        });
        let mut next = || arrays.next().unwrap_or_default();
        let input_descriptor =
            LSTMDataDescriptor { data_desc: next(), hidden_desc: next(), cell_state_desc: next() };
        let mut gate = || LSTMGateDescriptor {
            iw_desc: [next(), next()],
            hw_desc: next(),
            cw_desc: next(),
            b_desc: next(),
            activation: None,
        };
        let [input_gate, forget_gate, candidate_gate, output_gate] =
            [gate(), gate(), gate(), gate()];
        let extensions = LSTMExtensions { projection_desc: next(), ..LSTMExtensions::default() };
        let Incoming(incoming) = incoming;
        let [dy, dhn, dcn] = incoming.each_ref().map(|array| read(array.as_ref()));
        let mut delta = LayerParametersLSTM {
            input_size,
            hidden_size,
            batch_size,
            num_layers,
            seq_len,
            lstm_flags: LayerFlags(u32::from(directions == 2)),
            input_descriptor,
            output_descriptor: LSTMDataDescriptor {
                data_desc: dy,
                hidden_desc: dhn,
                cell_state_desc: dcn,
            },
            input_gate,
            forget_gate,
            candidate_gate,
            output_gate,
            extensions: Some(extensions),
            ..Default::default()
        };
        for corruption in &self.corruptions {
            corruption.apply(&mut delta);
        }
        delta
    }

    /// A cache as the pair chooses; `None` also where the forward pass is refused.
    fn cache(&self, inputs: &Inputs) -> Option<Vec<u8>> {
        let mut outputs = self.layer.outputs();
        let division = self.layer.division;
        // The layer's own division fills it, where that changes no bit.
        let is_divided = self.layer.route() == Route::Panels;
        let filter = self.filter(if is_divided { division.threads() } else { 1 });
        let filter = match self.cache {
            Cache::OfAnotherSeed => FilterParameters { seed: self.seed.wrapping_add(1), ..filter },
            _ => filter,
        };
        let mut params = self.layer.params(inputs, &mut outputs);
        let bytes = compute_lstm_training_cache_capacity(&params, &filter).ok()?;
        let mut cache = vec![0; bytes];
        match self.cache {
            Cache::None => return None,
            Cache::Unfilled => return Some(cache),
            Cache::Garbage(byte) => return Some(vec![byte; bytes]),
            Cache::Filled | Cache::OneByteShort | Cache::OfAnotherSeed => {}
        }
        let options = self.layer.options();
        let options = if is_divided { division.of(options) } else { options };
        direct_forward_with(options, &mut params, &filter, Some(&mut cache)).ok()?;
        if self.cache == Cache::OneByteShort {
            cache.pop();
        }
        Some(cache)
    }

    fn backward(
        &self,
        inputs: &Inputs,
        incoming: &Incoming,
        outgoing: &mut [Option<Array>],
        cache: Option<&[u8]>,
        division: Option<Division>,
    ) -> Result<(), Error> {
        let mut outputs = self.layer.outputs();
        let params = self.layer.params(inputs, &mut outputs);
        let mut delta = self.delta(incoming, outgoing);
        let filter = self.filter(division.map_or(1, Division::threads));
        let options = self.layer.options();
        let options = division.map_or(options, |division| division.of(options));
        direct_backward_with(options, &params, &mut delta, &filter, cache)
    }

    /// Whether both structures hold.
    fn is_valid(&self) -> bool {
        let is_valid = self.layer.is_valid() && self.corruptions.is_empty();
        is_valid && !self.layer.is_in_place() && self.missing & 0b111 != 0b111
    }
}

/// All memory of some arrays; NaN is NaN, which one is up to the compiler.
fn numbers(arrays: &[Option<Array>]) -> Vec<u32> {
    let floats = arrays.iter().flatten().flat_map(|array| &array.floats);
    let is_special = |float: &f32| float.is_nan() && float.to_bits() != UNTOUCHED;
    floats.map(|float| if is_special(float) { u32::MAX } else { float.to_bits() }).collect()
}

/// Compute the gradients, and compare what was written with what should have been written; say whether they were computed.
pub fn run(pair: &Pair) -> bool {
    let (inputs, incoming) = (pair.layer.inputs(), pair.incoming());
    let before = inputs.bits();
    let cache = pair.cache(&inputs);
    let mut outgoing = pair.outgoing();
    let untouched = numbers(&outgoing);
    let result = pair.backward(&inputs, &incoming, &mut outgoing, cache.as_deref(), None);
    assert!(inputs.bits() == before, "an input was written");
    match &result {
        Ok(()) if pair.is_valid() => assert_written(pair, &outgoing),
        Ok(()) => {}
        Err(error) => {
            assert!(numbers(&outgoing) == untouched, "a gradient was written before: {error}");
            assert!(matches!(error, Error::Descriptor(_) | Error::Cache(_)), "{error}");
            let is_usable = matches!(pair.cache, Cache::None | Cache::Filled);
            assert!(!pair.is_valid() || !is_usable, "a valid pair was refused: {error}");
        }
    }
    if result.is_ok() {
        let division = Some(pair.division);
        let mut again = pair.outgoing();
        let repeated = pair.backward(&inputs, &incoming, &mut again, None, division);
        assert!(repeated.is_ok(), "refused without a cache: {repeated:?}");
        // Threads change how a library rounds, and with infinities more than that.
        let is_comparable = pair.division.is_one_thread() || pair.layer.route() == Route::Panels;
        let is_same = numbers(&again) == numbers(&outgoing);
        assert!(!is_comparable || is_same, "the cache or the division changed the gradients");
    }
    result.is_ok()
}

/// Every wanted gradient was written, and nothing between its elements.
fn assert_written(pair: &Pair, outgoing: &[Option<Array>]) {
    for (index, array) in outgoing.iter().enumerate() {
        let Some(Array { form, floats }) = array else { continue };
        let is_added = pair.accumulated >> index & 1 == 1;
        let mut is_element = vec![false; floats.len()];
        form.places.iter().for_each(|&place| is_element[place] = true);
        for (place, (value, is_element)) in floats.iter().zip(is_element).enumerate() {
            let is_untouched = value.to_bits() == UNTOUCHED;
            assert!(is_element || is_untouched, "{form:?} was written at {place}");
            assert!(!is_element || is_added || !is_untouched, "{form:?} misses {place}");
        }
    }
}
