//! What a checked layer is.
//!
//! In: the findings-free outcome of `check`. Out: [`LayerConfig`] (the layer), [`Config`] (and how it is
//! called, without arrays) and [`Arrays`]
//! (where each array's elements are). After this nothing can be malformed.

use super::strided::Strided;
use crate::dropout::{DropoutMask, DropoutRow};
use crate::fields::{DataFields, WeightFields};
use crate::gate::{Gate, Gates};
use crate::math::Activation;
use crate::variant::Variant;

/// Which cell weights a gate has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Peephole {
    /// None.
    #[default]
    None,
    /// A vector: element-wise product with the cell state.
    Diagonal,
    /// A full matrix, as in BNNS.
    Full,
}

/// What a layer is, whatever it is called with: sizes, functions, peepholes, extensions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerConfig {
    /// Elements of an input.
    pub(crate) inputs: usize,
    /// Elements of the cell state, and rows of each gate's weights: `hidden_size`.
    pub(crate) units: usize,
    /// Elements of the hidden state, which is the output of one direction: `projection_size`, or `hidden_size` as well.
    pub(crate) outputs: usize,
    pub(crate) layers: usize,
    pub(crate) directions: usize,
    pub(crate) activations: Gates<Activation>,
    pub(crate) hidden_activation: Activation,
    pub(crate) peepholes: Gates<Peephole>,
    /// What it has beyond BNNS.
    pub(crate) variant: Variant,
}

impl LayerConfig {
    /// Elements of the output of both directions.
    pub(crate) fn all_outputs(&self) -> usize {
        // `check` has found that the product fits.
        self.directions.saturating_mul(self.outputs)
    }

    /// Elements that layer `layer` reads at each step.
    pub(crate) fn layer_inputs(&self, layer: usize) -> usize {
        if layer == 0 { self.inputs } else { self.all_outputs() }
    }

    /// Whether all five activations are the default ones.
    pub(crate) fn has_default_activations(&self) -> bool {
        self.activations == default_activations() && self.hidden_activation == Activation::TANH
    }

    /// Whether some gate has this kind of peephole.
    pub(crate) fn has_peephole(&self, kind: Peephole) -> bool {
        self.peepholes.each().contains(&&kind)
    }

    /// Whether a gate has a full peephole.
    pub(crate) fn is_full(&self, gate: Gate) -> bool {
        *self.peepholes.get(gate) == Peephole::Full
    }

    /// Whether a gate that sees the cell states before a step has one: any but the output gate.
    pub(crate) fn has_early_full(&self) -> bool {
        Gate::EARLY.into_iter().any(|gate| self.is_full(gate))
    }
}

/// A layer and how it is called; its sizes agree, and every product of them fits `usize`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub(crate) layer: LayerConfig,
    pub(crate) batch_size: usize,
    pub(crate) seq_len: usize,
    pub(crate) batch_sizes: Option<Vec<usize>>,
    /// Between layers, in training; keeps everything where there is one layer only.
    pub(crate) dropout: DropoutMask,
    /// In training: steps from one checkpoint to the next, at most `seq_len`; `None` where the cache holds
    /// every step.
    pub(crate) checkpoint_steps: Option<usize>,
}

impl Config {
    /// Samples that are active at `step`; they are the first of the batch.
    pub(crate) fn active_at(&self, step: usize) -> usize {
        self.batch_sizes
            .as_ref()
            .map_or(self.batch_size, |sizes| sizes.get(step).copied().unwrap_or(0))
    }

    /// `[seq_len, batch, input_size]`.
    pub fn input_shape(&self) -> [usize; 3] {
        [self.seq_len, self.batch_size, self.layer.inputs]
    }

    /// `[seq_len, batch, directions * outputs]`; outputs are `projection_size` many, or `hidden_size` many where there is
    /// no projection.
    pub fn output_shape(&self) -> [usize; 3] {
        [self.seq_len, self.batch_size, self.layer.all_outputs()]
    }

    /// Of the hidden state, `[layers * directions, batch, outputs]`.
    pub fn hidden_shape(&self) -> [usize; 3] {
        [self.stack(), self.batch_size, self.layer.outputs]
    }

    /// Of the cell state, `[layers * directions, batch, hidden_size]`.
    pub fn cell_shape(&self) -> [usize; 3] {
        [self.stack(), self.batch_size, self.layer.units]
    }

    /// Directions of all layers.
    fn stack(&self) -> usize {
        self.layer.layers.saturating_mul(self.layer.directions)
    }

    /// Floating-point operations of the products of a forward pass: two for each weight and active sample.
    pub fn work(&self) -> f64 {
        let LayerConfig { units, outputs, layers, directions, variant, .. } = self.layer;
        let projection = if variant.projects { 2.0 * units as f64 * outputs as f64 } else { 0.0 };
        let of_layer = |layer| {
            let columns = self.layer.layer_inputs(layer) as f64 + outputs as f64;
            8.0 * units as f64 * columns + projection
        };
        let of_row: f64 = (0..layers).map(of_layer).sum();
        let active = |step| self.active_at(step) as f64;
        let rows: f64 = (0..self.seq_len).map(active).sum();
        of_row * rows * directions as f64
    }

    /// Steps that are saved together: those between two checkpoints, or all.
    pub(crate) fn segment_steps(&self) -> usize {
        self.checkpoint_steps.unwrap_or(self.seq_len)
    }

    /// Steps that all layers take together before any takes the next ones. Where there is one direction, the
    /// layers above need not wait for the end of the sequence.
    pub(crate) fn span_steps(&self) -> usize {
        if self.layer.directions == 1 { self.segment_steps() } else { self.seq_len }
    }

    /// Layers that compute a segment together: all of a stack with one direction, or each by itself.
    pub(crate) fn segment_layers(&self) -> usize {
        if self.layer.directions == 1 { self.layer.layers } else { 1 }
    }

    /// The factors of dropout for the first `out.len()` of `directions * outputs` values of one sample
    /// at one step of the output of one layer: 0, or 1 / (1 - dropout). 1 where nothing is dropped, as
    /// after the last layer.
    pub fn dropout_factors(&self, layer: usize, step: usize, sample: usize, out: &mut [f32]) {
        out.fill(1.0);
        if layer.saturating_add(1) < self.layer.layers {
            self.dropout.apply(DropoutRow { layer, step, sample }, 0, out);
        }
    }

    /// Extents of all factors of dropout: `[num_layers - 1, seq_len, batch, directions * outputs]`.
    pub fn dropout_shape(&self) -> [usize; 4] {
        let outputs = self.layer.all_outputs();
        [self.layer.layers.saturating_sub(1), self.seq_len, self.batch_size, outputs]
    }
}

/// Sigmoid for input, forget and output gate, tanh for the candidate.
pub(super) fn default_activations() -> Gates<Activation> {
    Gates {
        input: Activation::SIGMOID,
        forget: Activation::SIGMOID,
        candidate: Activation::TANH,
        output: Activation::SIGMOID,
    }
}

/// An array of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputArray {
    /// A state that was not given.
    Zero,
    /// A state that stands in the memory of the final state.
    InPlace,
    /// Where the elements are.
    Given(Strided),
}

impl InputArray {
    /// Where the elements of an array of its own are.
    pub fn given(&self) -> Option<&Strided> {
        match self {
            Self::Given(strided) => Some(strided),
            Self::Zero | Self::InPlace => None,
        }
    }
}

/// The weights: input and hidden weights of each gate are there, unless another gate gives this one; those of the
/// projection if there is one.
pub type WeightArrays = WeightFields<Option<Strided>>;

/// Where the elements of each array are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrays {
    /// Input, which is always given, and initial states.
    pub input: DataFields<InputArray>,
    /// Output and final states, where they are wanted.
    pub output: DataFields<Option<Strided>>,
    /// All weights.
    pub weights: WeightArrays,
}

impl Arrays {
    /// Shapes of all weights.
    fn weight_shapes(&self) -> impl Iterator<Item = Option<&[usize]>> {
        self.weights.each().map(|array| array.as_ref().map(Strided::shape))
    }

    /// Whether the elements of all arrays but the weights lie in C order.
    pub fn is_in_order(&self) -> bool {
        let data = [self.input.data.given(), self.output.data.as_ref()];
        data.into_iter().flatten().all(Strided::is_in_order) && self.are_states_in_order()
    }

    /// Whether those of all states do.
    pub fn are_states_in_order(&self) -> bool {
        let first =
            [&self.input.hidden, &self.input.cell].into_iter().filter_map(InputArray::given);
        let last = [&self.output.hidden, &self.output.cell].into_iter().flatten();
        first.chain(last).all(Strided::is_in_order)
    }
}

/// A structure that holds: the layer and its arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    pub(crate) config: Config,
    pub(crate) arrays: Arrays,
}

impl Checked {
    /// The layer.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where each array's elements are.
    pub fn arrays(&self) -> &Arrays {
        &self.arrays
    }

    /// Whether all arrays of the other layer have the shapes that they have in this one.
    pub(crate) fn has_shapes_of(&self, other: &Self) -> bool {
        let shapes = |config: &Config| {
            let states = [config.hidden_shape(), config.cell_shape()];
            (config.layer.layers, config.input_shape(), config.output_shape(), states)
        };
        shapes(&self.config) == shapes(&other.config)
            && self.arrays.weight_shapes().eq(other.arrays.weight_shapes())
    }
}
