//! What an LSTM is, apart from the numbers of its weights.
//!
//! In: what a builder or a file says. Out: [`LstmConfig`], which compares by value, and the sizes that follow from it.
//! What cannot be computed is found by `structure`; what only an LSTM has, here. It knows no array.

use crate::check::Peephole;
use crate::desc::Activation;
use crate::error::{Code, Issue, Path};
use crate::gate::{Gate, Gates};
use crate::variant::Coupled;

/// What becomes of the two directions of the last layer in the output. States and the layers below keep both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Merge {
    /// Side by side, the forward direction first: `[.., 2 * outputs]`, where outputs are `proj_size` or else
    /// `hidden_size`. The only one for a single direction.
    #[default]
    Concat,
    /// Their sum, `[.., outputs]`.
    Sum,
    /// Their average, `[.., outputs]`.
    Average,
    /// Their product, `[.., outputs]`.
    Product,
}

/// The configuration of an LSTM. [`Lstm::builder`](crate::Lstm::builder) says one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "options that have nothing to do with each other")]
pub struct LstmConfig {
    /// Values per step that the lowest layer reads.
    pub input_size: usize,
    /// Units of each layer and direction.
    pub hidden_size: usize,
    /// Layers, one upon the other.
    pub num_layers: usize,
    /// Whether gates have biases.
    pub bias: bool,
    /// Whether sequences are `[batch, steps, values]`, not `[steps, batch, values]`. States never are.
    pub batch_first: bool,
    /// Share of the values dropped between layers in training, at least 0 and below 1.
    pub dropout: f32,
    /// Whether each layer reads the sequence in both directions.
    pub bidirectional: bool,
    /// Whether gates see the cell state.
    pub peephole: Peephole,
    /// What the last layer's two directions become in the output.
    pub merge: Merge,
    /// What new cell states are limited to, in both directions.
    pub cell_clip: Option<f32>,
    /// What the arguments of all functions are limited to, in both directions.
    pub gate_clip: Option<f32>,
    /// Whether `gate_clip` limits the argument of the hidden state's function, too.
    pub gate_clip_hidden: bool,
    /// Whether each sample is read from its last step to its first.
    pub reverse: bool,
    /// The gate that is 1 minus another one; it has no weights.
    pub coupled: Option<Coupled>,
    /// Values of a hidden state that a projection makes of the units' outputs; 0 without one.
    pub proj_size: usize,
    /// Functions that differ from the default ones.
    pub(super) activations: Gates<Option<Activation<'static>>>,
    pub(super) hidden_activation: Option<Activation<'static>>,
}

impl LstmConfig {
    /// One layer of one direction, with biases.
    pub(super) fn new(input_size: usize, hidden_size: usize) -> Self {
        Self {
            input_size,
            hidden_size,
            num_layers: 1,
            bias: true,
            batch_first: false,
            dropout: 0.0,
            bidirectional: false,
            peephole: Peephole::None,
            merge: Merge::Concat,
            cell_clip: None,
            gate_clip: None,
            gate_clip_hidden: true,
            reverse: false,
            coupled: None,
            proj_size: 0,
            activations: Gates::default(),
            hidden_activation: None,
        }
    }

    /// The function of a gate.
    pub fn activation(&self, gate: Gate) -> Activation<'static> {
        self.activations.get(gate).unwrap_or_else(|| default_activation(gate))
    }

    /// The function of the hidden state.
    pub fn hidden_activation(&self) -> Activation<'static> {
        self.hidden_activation.unwrap_or_else(Activation::tanh)
    }

    /// Values per step of the output, the last axis of it.
    pub fn output_size(&self) -> usize {
        if self.merge == Merge::Concat { self.layer_size() } else { self.outputs() }
    }

    /// 2 if bidirectional, else 1.
    pub(super) fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// Cells of each layer and direction: the width of gates, biases and cell states.
    pub(super) fn units(&self) -> usize {
        self.hidden_size
    }

    /// Values of each layer and direction that go to the next step: the width of hidden states.
    pub(super) fn outputs(&self) -> usize {
        if self.proj_size > 0 { self.proj_size } else { self.hidden_size }
    }

    /// The shape of the projections of all layers, `[layers, directions, P, H]`, if there are any.
    pub(super) fn projection_shape(&self) -> Option<[usize; 4]> {
        let shape = [self.num_layers, self.directions(), self.proj_size, self.units()];
        (self.proj_size > 0).then_some(shape)
    }

    /// Values per step that a layer gives to the one above: both directions, the forward one first.
    pub(super) fn layer_size(&self) -> usize {
        self.directions().saturating_mul(self.outputs())
    }

    /// Layers and directions, which share an axis in states.
    pub(super) fn stack(&self) -> usize {
        self.num_layers.saturating_mul(self.directions())
    }

    /// The gates that have weights, in the order of the blocks of an array of all of them.
    pub(super) fn gates(&self) -> Vec<Gate> {
        let derived = self.coupled.map(Coupled::derived);
        Gate::ALL.into_iter().filter(|&gate| Some(gate) != derived).collect()
    }

    /// Whether all five functions are the default ones.
    pub(super) fn has_default_activations(&self) -> bool {
        self.hidden_activation.is_none() && self.activations.each().iter().all(|own| own.is_none())
    }

    /// Give a gate a function; the default one is none of its own.
    pub(super) fn set_activation(&mut self, gate: Gate, given: Activation<'static>) {
        *self.activations.get_mut(gate) =
            Some(given).filter(|own| *own != default_activation(gate));
    }

    /// Give the hidden state a function.
    pub(super) fn set_hidden_activation(&mut self, given: Activation<'static>) {
        self.hidden_activation = Some(given).filter(|own| *own != Activation::tanh());
    }

    /// What is wrong with what the level below does not know.
    pub(super) fn own_issues(&self) -> Vec<Issue> {
        if self.merge == Merge::Concat || self.bidirectional {
            return Vec::new();
        }
        let expected = "Concat without bidirectional: one direction has nothing to be merged with";
        vec![Issue {
            path: Path::field("merge"),
            code: Code::UnsupportedHere,
            expected: expected.to_owned(),
            actual: format!("{:?}", self.merge),
        }]
    }
}

/// What a gate has if nothing is said.
fn default_activation(gate: Gate) -> Activation<'static> {
    match gate {
        Gate::Input | Gate::Forget | Gate::Output => Activation::sigmoid(),
        Gate::Candidate => Activation::tanh(),
    }
}
