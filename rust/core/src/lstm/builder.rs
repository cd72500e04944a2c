//! How an LSTM is said.
//!
//! In: sizes and options, each by its name. Out: an [`Lstm`] with initial weights, or all that is wrong at once. It
//! computes nothing.

use super::config::{LstmConfig, Merge};
use super::initial;
use super::module::Lstm;
use super::parameters::Parameters;
use super::structure::check_config;
use crate::check::Peephole;
use crate::desc::Activation;
use crate::error::{Code, Error, Issue, Path};
use crate::gate::Gate;
use crate::plan::Options;
use crate::variant::Coupled;

/// The options of an LSTM; [`Lstm::builder`] begins with the usual ones.
#[derive(Debug, Clone)]
#[must_use = "`build` makes the LSTM"]
pub struct LstmBuilder {
    config: LstmConfig,
    options: Options,
    forget_bias: f32,
    seed: u64,
}

impl Lstm {
    /// An LSTM that reads `input_size` values per step, with `hidden_size` units in each layer and direction.
    pub fn builder(input_size: usize, hidden_size: usize) -> LstmBuilder {
        LstmBuilder::new(input_size, hidden_size)
    }
}

impl LstmBuilder {
    fn new(input_size: usize, hidden_size: usize) -> Self {
        let config = LstmConfig::new(input_size, hidden_size);
        Self { config, options: Options::default(), forget_bias: 0.0, seed: 0 }
    }

    /// Layers, one upon the other; 1 if nothing is said.
    pub fn num_layers(mut self, num_layers: usize) -> Self {
        self.config.num_layers = num_layers;
        self
    }

    /// Whether gates have biases; they have if nothing is said.
    pub fn bias(mut self, bias: bool) -> Self {
        self.config.bias = bias;
        self
    }

    /// Whether sequences are `[batch, steps, values]`, not `[steps, batch, values]`. States never are.
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.config.batch_first = batch_first;
        self
    }

    /// Share of the values dropped between layers in training, at least 0 and below 1. With one layer there is
    /// nothing between layers.
    pub fn dropout(mut self, dropout: f32) -> Self {
        self.config.dropout = dropout;
        self
    }

    /// Whether each layer reads the sequence in both directions.
    pub fn bidirectional(mut self, bidirectional: bool) -> Self {
        self.config.bidirectional = bidirectional;
        self
    }

    /// Whether gates see the cell state: not, unit by unit, or all of it.
    pub fn peephole(mut self, peephole: Peephole) -> Self {
        self.config.peephole = peephole;
        self
    }

    /// The function of a gate.
    pub fn activation(mut self, gate: Gate, function: Activation<'static>) -> Self {
        self.config.set_activation(gate, function);
        self
    }

    /// The function of the hidden state.
    pub fn hidden_activation(mut self, function: Activation<'static>) -> Self {
        self.config.set_hidden_activation(function);
        self
    }

    /// What the last layer's two directions become in the output.
    pub fn merge(mut self, merge: Merge) -> Self {
        self.config.merge = merge;
        self
    }

    /// Limit new cell states to ± this; see [`LSTMExtensions::cell_clip`](crate::LSTMExtensions::cell_clip).
    pub fn cell_clip(mut self, limit: f32) -> Self {
        self.config.cell_clip = Some(limit);
        self
    }

    /// Limit the arguments of all functions to ± this; see
    /// [`LSTMExtensions::gate_clip`](crate::LSTMExtensions::gate_clip).
    pub fn gate_clip(mut self, limit: f32) -> Self {
        self.config.gate_clip = Some(limit);
        self
    }

    /// Whether [`gate_clip`](Self::gate_clip) limits the argument of the hidden state's function, too; it does if
    /// nothing is said.
    pub fn gate_clip_hidden(mut self, limits: bool) -> Self {
        self.config.gate_clip_hidden = limits;
        self
    }

    /// Whether each sample is read from its last step to its first.
    pub fn reverse(mut self, reverse: bool) -> Self {
        self.config.reverse = reverse;
        self
    }

    /// The gate that is 1 minus another one. It has no weights and no function: arrays have three blocks then.
    pub fn coupled(mut self, coupled: Coupled) -> Self {
        self.config.coupled = Some(coupled);
        self
    }

    /// Make hidden states of so many values of the units' outputs, 1 to `hidden_size`, by a matrix of each layer and
    /// direction; 0, as if nothing is said, for none. See
    /// [`LSTMExtensions::projection_size`](crate::LSTMExtensions::projection_size).
    pub fn proj_size(mut self, proj_size: usize) -> Self {
        self.config.proj_size = proj_size;
        self
    }

    /// Threads to use at most; 0, as if nothing is said, leaves the choice to the library.
    pub fn num_threads(mut self, num_threads: usize) -> Self {
        self.options.n_threads = num_threads;
        self
    }

    /// How everything is computed: SIMD level, route of products, threads. Whether it is for training is not looked
    /// at: each call knows.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Added to the initial biases of the forget gates (once: there are two of them).
    pub fn forget_bias(mut self, forget_bias: f32) -> Self {
        self.forget_bias = forget_bias;
        self
    }

    /// Which initial weights are drawn; 0 if nothing is said. They are uniform within ± 1 / √`hidden_size`, as
    /// `PyTorch`'s. Other seeds give others, and none gives those of Python's `LSTM`.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// An LSTM with initial weights.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] naming every option that is wrong, [`Error::OutOfMemory`].
    pub fn build(self) -> Result<Lstm, Error> {
        let mut issues = self.config.own_issues();
        issues.extend(self.forget_bias_issues());
        check_config(&self.config, self.options.n_threads, issues)?;
        let mut parameters = Parameters::zeros(&self.config)?;
        initial::draw(&self.config, &mut parameters, self.seed, self.forget_bias);
        Ok(Lstm::with(self.config, self.options, parameters))
    }

    /// An LSTM whose weights are 0, to be filled: [`seed`](Self::seed) and [`forget_bias`](Self::forget_bias) are of
    /// initial weights, and say nothing here.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_zeros(self) -> Result<Lstm, Error> {
        check_config(&self.config, self.options.n_threads, self.config.own_issues())?;
        let parameters = Parameters::zeros(&self.config)?;
        Ok(Lstm::with(self.config, self.options, parameters))
    }

    fn forget_bias_issues(&self) -> Vec<Issue> {
        let found = |code, expected: &str| {
            vec![Issue {
                path: Path::field("forget_bias"),
                code,
                expected: expected.to_owned(),
                actual: self.forget_bias.to_string(),
            }]
        };
        if !self.forget_bias.is_finite() {
            return found(Code::InvalidNumber, "a finite number");
        }
        if self.forget_bias == 0.0 {
            return Vec::new();
        }
        if !self.config.bias {
            return found(Code::UnsupportedHere, "0 without biases: there is none to add it to");
        }
        match self.config.coupled {
            Some(Coupled::Forget) => {
                found(Code::DerivedGate, "0: the coupled forget gate has no bias to add it to")
            }
            Some(Coupled::Input) | None => Vec::new(),
        }
    }
}
