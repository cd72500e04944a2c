//! Random layers, inputs, incoming gradients and dropout masks, always the same from one seed.
//!
//! A seed and [`Limits`] come in; consistent plain data go out, whose numbers are exact in `f32`
//! and small enough that every value of the layer stays moderate. It must not know what is
//! computed from them.

use crate::activation::FUNCTIONS;
use crate::backward::Incoming;
use crate::layer::{
    Activation, Coupled, Gate, Gates, Inputs, Layer, Peephole, PerGate, Projection, Variant,
};

/// The `SplitMix64` generator of random numbers.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that yields the sequence belonging to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    ///
    /// # Panics
    ///
    /// If `low > high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        assert!(low <= high, "nothing lies between {low} and {high}");
        let choices = (high - low) as u64 + 1;
        low + (self.bits() % choices) as usize
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number from `low` to `high`, exact in `f32`.
    pub fn real(&mut self, low: f64, high: f64) -> f64 {
        f64::from((low + (high - low) * self.unit()) as f32)
    }

    /// `len` numbers from `-bound` to `bound`, each exact in `f32`.
    pub fn reals(&mut self, len: usize, bound: f64) -> Vec<f64> {
        (0..len).map(|_| self.real(-bound, bound)).collect()
    }

    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Which activations are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activations {
    /// Always sigmoid for input, forget and output, tanh for candidate and hidden.
    Default,
    /// The default ones three times out of five, otherwise each of the five is any function.
    Any,
}

/// The greatest sizes to draw, and what else a layer may have.
#[expect(clippy::struct_excessive_bools, reason = "each says whether something is drawn")]
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The greatest input size.
    pub input_size: usize,
    /// The greatest hidden size.
    pub hidden_size: usize,
    /// The greatest batch size.
    pub batch_size: usize,
    /// The greatest number of stacked layers.
    pub num_layers: usize,
    /// The greatest number of steps.
    pub seq_len: usize,
    /// Whether layers may be bidirectional.
    pub bidirectional: bool,
    /// Whether gates may have peepholes.
    pub peepholes: bool,
    /// Whether samples may have different lengths.
    pub lengths: bool,
    /// Which activations are drawn.
    pub activations: Activations,
    /// Whether layers may be other than those of BNNS.
    pub variants: bool,
}

impl Default for Limits {
    /// Small layers of every kind and variant.
    fn default() -> Self {
        Self {
            input_size: 9,
            hidden_size: 9,
            batch_size: 5,
            num_layers: 3,
            seq_len: 6,
            bidirectional: true,
            peepholes: true,
            lengths: true,
            activations: Activations::Any,
            variants: true,
        }
    }
}

/// A layer with all that a test of it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The layer.
    pub layer: Layer,
    /// Its inputs.
    pub inputs: Inputs,
    /// Gradients with respect to its outputs.
    pub incoming: Incoming,
}

/// Draws a layer, its inputs and incoming gradients.
///
/// # Panics
///
/// If a limit is 0.
pub fn random_case(seed: u64, limits: &Limits) -> Case {
    let layer = random_layer(seed, limits);
    let inputs = random_inputs(seed, &layer);
    let incoming = random_incoming(seed, &layer);
    Case { layer, inputs, incoming }
}

/// Draws a layer. Sizes are 1 more often than other numbers.
///
/// # Panics
///
/// If a limit is 0.
pub fn random_layer(seed: u64, limits: &Limits) -> Layer {
    let rng = &mut Rng::new(seed);
    let mut size = |limit: usize| if rng.chance(0.2) { 1 } else { rng.between(1, limit) };
    let (input_size, hidden_size) = (size(limits.input_size), size(limits.hidden_size));
    let (batch_size, num_layers) = (size(limits.batch_size), size(limits.num_layers));
    let seq_len = size(limits.seq_len);
    let bidirectional = limits.bidirectional && rng.chance(0.5);
    let batch_sizes =
        (limits.lengths && rng.chance(0.5)).then(|| random_batch_sizes(rng, seq_len, batch_size));
    let any = limits.activations == Activations::Any && rng.chance(0.4);
    let mut activation = |default| if any { random_activation(rng) } else { default };
    let sigmoid = Activation::SIGMOID;
    let activations = PerGate {
        input: activation(sigmoid),
        forget: activation(sigmoid),
        candidate: activation(Activation::TANH),
        output: activation(sigmoid),
    };
    let hidden_activation = activation(Activation::TANH);
    let sizes = (input_size, hidden_size, num_layers, if bidirectional { 2 } else { 1 });
    let mut gate = |activation| random_gate(rng, sizes, limits.peepholes, activation);
    let mut layer = Layer {
        input_size,
        hidden_size,
        batch_size,
        num_layers,
        seq_len,
        bidirectional,
        gates: Gates {
            input: gate(activations.input),
            forget: gate(activations.forget),
            candidate: gate(activations.candidate),
            output: gate(activations.output),
        },
        hidden_activation,
        variant: Variant::default(),
        projection: None,
        batch_sizes,
    };
    if limits.variants {
        make_variant(seed, &mut layer);
        project(seed, &mut layer);
    }
    layer
}

/// Make a variant of a layer half of the time: everything else about it stays as it was drawn.
fn make_variant(seed: u64, layer: &mut Layer) {
    let rng = &mut Rng::new(seed ^ 0x0008_0000_0000_0000);
    if rng.chance(0.5) {
        return;
    }
    layer.variant = Variant {
        cell_clip: rng.chance(0.4).then(|| rng.real(0.1, 0.8)),
        gate_clip: rng.chance(0.4).then(|| rng.real(0.2, 1.2)),
        gate_clip_hidden: true,
        coupled: [None, None, Some(Coupled::Forget), Some(Coupled::Input)][rng.between(0, 3)],
        reverse: rng.chance(0.5) && !layer.bidirectional,
    };
    layer.variant.gate_clip_hidden = layer.variant.gate_clip.is_none() || rng.chance(0.5);
    let derived = layer.variant.derived();
    for (name, gate) in layer.gates.named_mut() {
        if derived == Some(name) {
            let (iw, hw, activation) = (Vec::new(), Vec::new(), Activation::SIGMOID);
            *gate = Gate { iw, hw, cw: Peephole::None, b: None, activation };
        }
    }
}

/// Give a layer a projection, a third of the time: what reads hidden states is drawn anew, all else stays.
fn project(seed: u64, layer: &mut Layer) {
    let rng = &mut Rng::new(seed ^ 0x0010_0000_0000_0000);
    if !rng.chance(0.33) {
        return;
    }
    let (h, layers, directions) = (layer.hidden_size, layer.num_layers, layer.directions());
    let size = rng.between(1, h);
    let bound = |inputs: usize| 0.9 / (inputs as f64).sqrt();
    let weights = rng.reals(layers * directions * size * h, bound(h));
    layer.projection = Some(Projection { size, weights });
    let derived = layer.variant.derived();
    for (name, gate) in layer.gates.named_mut() {
        if derived != Some(name) {
            let (rows, below) = (directions * h, directions * size);
            let upper = gate.iw.iter_mut().skip(1);
            upper.for_each(|weights| *weights = rng.reals(rows * below, bound(below)));
            gate.hw = rng.reals(layers * rows * size, bound(size));
        }
    }
}

/// Draws the inputs of a layer; each initial state is present three times out of four.
pub fn random_inputs(seed: u64, layer: &Layer) -> Inputs {
    let rng = &mut Rng::new(seed ^ 0x0001_0000_0000_0000);
    let x = rng.reals(layer.x_len(), 1.0);
    let mut state = |len| rng.chance(0.75).then(|| rng.reals(len, 1.0));
    Inputs { x, h0: state(layer.hidden_len()), c0: state(layer.cell_len()) }
}

/// Draws gradients with respect to the outputs; at least one of the three is present.
pub fn random_incoming(seed: u64, layer: &Layer) -> Incoming {
    let rng = &mut Rng::new(seed ^ 0x0002_0000_0000_0000);
    let choice = rng.between(0, 8);
    let mut some = |present: bool, len| present.then(|| rng.reals(len, 1.0));
    Incoming {
        dy: some(!matches!(choice, 1..=3), layer.y_len()),
        dhn: some(!matches!(choice, 2 | 4 | 5), layer.hidden_len()),
        dcn: some(!matches!(choice, 1 | 4 | 6), layer.cell_len()),
    }
}

/// Draws an inverted dropout mask `[L-1][S][N][D*P]`: 0 with probability `ratio`, otherwise
/// `1/(1-ratio)`, rounded to `f32`.
pub fn random_mask(seed: u64, layer: &Layer, ratio: f64) -> Vec<f64> {
    let rng = &mut Rng::new(seed ^ 0x0004_0000_0000_0000);
    let kept = f64::from((1.0 / (1.0 - ratio)) as f32);
    (0..layer.mask_len()).map(|_| if rng.chance(ratio) { 0.0 } else { kept }).collect()
}

fn random_batch_sizes(rng: &mut Rng, seq_len: usize, batch_size: usize) -> Vec<usize> {
    let mut sizes: Vec<usize> = (0..seq_len).map(|_| rng.between(0, batch_size)).collect();
    sizes[0] = rng.between(1, batch_size);
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

fn random_gate(
    rng: &mut Rng,
    (i, h, layers, directions): (usize, usize, usize, usize),
    peepholes: bool,
    activation: Activation,
) -> Gate {
    let bound = |inputs: usize| 0.9 / (inputs as f64).sqrt();
    let rows = directions * h;
    let mut iw = vec![rng.reals(rows * i, bound(i))];
    iw.extend((1..layers).map(|_| rng.reals(rows * rows, bound(rows))));
    let all_rows = layers * rows;
    let peephole = if peepholes { rng.between(0, 2) } else { 0 };
    Gate {
        iw,
        hw: rng.reals(all_rows * h, bound(h)),
        cw: match peephole {
            0 => Peephole::None,
            1 => Peephole::Full(rng.reals(all_rows * h, 0.5 * bound(h))),
            _ => Peephole::Diagonal(rng.reals(all_rows, 0.5)),
        },
        b: rng.chance(0.7).then(|| rng.reals(all_rows, 0.5)),
        activation,
    }
}

/// Draws any of the [`FUNCTIONS`] with parameters that keep values moderate. Parameters that the
/// function does not read are arbitrary.
pub fn random_activation(rng: &mut Rng) -> Activation {
    let (function, _) = FUNCTIONS[rng.between(0, FUNCTIONS.len() - 1)];
    let unused = (-2.0, 2.0);
    let (alpha, beta) = match function {
        2 => ((0.01, 0.3), unused),
        5 => ((0.5, 1.2), (0.5, 1.2)),
        7 => ((0.3, 0.9), unused),
        8 => ((-1.0, -0.2), (0.2, 1.0)),
        12 => ((0.7, 0.9), (0.03, 0.06)),
        15 => ((0.15, 0.3), (0.3, 0.6)),
        16 => ((0.3, 0.9), (0.5, 2.0)),
        18 => ((0.3, 1.2), unused),
        19 => ((0.05, 0.3), (0.4, 1.5)),
        20 => ((0.3, 0.8), (-0.3, 0.3)),
        24 => ((0.5, 1.5), unused),
        25 | 26 => ((0.05, 0.4), unused),
        28 => ((-0.2, 0.2), (-0.3, 0.3)),
        _ => (unused, unused),
    };
    Activation { function, alpha: rng.real(alpha.0, alpha.1), beta: rng.real(beta.0, beta.1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::forward;

    #[test]
    fn one_seed_gives_one_sequence() {
        let mut rng = Rng::new(1_234_567);
        let known: [u64; 3] =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([rng.bits(), rng.bits(), rng.bits()], known);
        let limits = Limits::default();
        assert_eq!(random_case(5, &limits), random_case(5, &limits));
        assert_ne!(random_case(5, &limits), random_case(6, &limits));
    }

    #[test]
    fn layers_are_consistent_and_their_values_moderate() {
        for seed in 0..500 {
            let Case { layer, inputs, incoming } = random_case(seed, &Limits::default());
            assert_eq!(layer.check().and_then(|()| inputs.check(&layer)), Ok(()));
            assert_ne!(incoming, Incoming::default());
            let outputs = forward(&layer, &inputs, None).outputs;
            let values = outputs.y.iter().chain(&outputs.hn).chain(&outputs.cn);
            let largest = values.fold(0.0, |most: f64, value| most.max(value.abs()));
            assert!(largest < 100.0, "seed {seed}: {largest}");
        }
    }

    #[test]
    fn every_kind_of_layer_is_drawn() {
        let layers: Vec<Layer> =
            (0..500).map(|seed| random_layer(seed, &Limits::default())).collect();
        let share = |condition: &dyn Fn(&Layer) -> bool| {
            layers.iter().filter(|layer| condition(layer)).count() as f64 / 500.0
        };
        let common: [&dyn Fn(&Layer) -> bool; 16] = [
            &|layer| layer.hidden_size == 1,
            &|layer| layer.hidden_size == 7,
            &|layer| layer.bidirectional && layer.num_layers == 3,
            &|layer| layer.gates.output.cw == Peephole::None && layer.gates.input.b.is_none(),
            &|layer| matches!(layer.gates.candidate.cw, Peephole::Full(_)),
            &|layer| matches!(layer.gates.forget.cw, Peephole::Diagonal(_)),
            &|layer| layer.batch_sizes.as_ref().is_some_and(|sizes| sizes.ends_with(&[0])),
            &|layer| layer.length(layer.batch_size - 1) == 0,
            &|layer| layer.variant.cell_clip.is_some(),
            &|layer| layer.variant.gate_clip.is_some() && layer.variant.gate_clip_hidden,
            &|layer| layer.variant.gate_clip.is_some() && !layer.variant.gate_clip_hidden,
            &|layer| layer.variant.coupled == Some(Coupled::Forget),
            &|layer| layer.variant.coupled == Some(Coupled::Input),
            &|layer| layer.variant.reverse && layer.batch_sizes.is_some(),
            &|layer| layer.projection.is_some() && layer.outputs() < layer.hidden_size,
            &|layer| layer.projection.is_some() && layer.num_layers > 1 && layer.bidirectional,
        ];
        for (index, condition) in common.into_iter().enumerate() {
            assert!(share(condition) > 0.04, "kind {index} is rare: {}", share(condition));
        }
        assert!(share(&|layer| layer.hidden_activation == Activation::TANH) > 0.5);
        for (function, name) in FUNCTIONS {
            let drawn = |layer: &Layer| layer.gates.input.activation.function == function;
            assert!(layers.iter().any(drawn), "{name} is never drawn");
        }
    }

    #[test]
    fn masks_keep_the_mean() {
        let limits = Limits { hidden_size: 40, ..Limits::default() };
        let layers = (0..100).map(|seed| random_layer(seed, &limits));
        let layer = layers.max_by_key(Layer::mask_len).expect("a hundred layers");
        let mask = random_mask(1, &layer, 0.25);
        let mean = mask.iter().sum::<f64>() / mask.len() as f64;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        assert!(mask.iter().all(|&factor| factor == 0.0 || (factor - 4.0 / 3.0).abs() < 1e-6));
    }
}
