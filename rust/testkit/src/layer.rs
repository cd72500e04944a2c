//! Plain data: one layer with its weights, its inputs and its outputs.
//!
//! Sizes and flat C-order vectors come in from the random generator, the golden reader or a test;
//! the same vectors go out, with the few derived sizes and offsets that every user of them needs.
//! It must not know how the layer is computed.

use std::ops::Range;

/// One value per gate, in the order of the parameter structure.
#[derive(Clone, Debug, PartialEq)]
pub struct PerGate<T> {
    /// The input gate's.
    pub input: T,
    /// The forget gate's.
    pub forget: T,
    /// The candidate gate's.
    pub candidate: T,
    /// The output gate's.
    pub output: T,
}

/// The four gates of a layer.
pub type Gates = PerGate<Gate>;

impl<T> PerGate<T> {
    /// The four values with the gates' names, in the order of the parameter structure.
    pub fn named(&self) -> [(&'static str, &T); 4] {
        [
            ("input", &self.input),
            ("forget", &self.forget),
            ("candidate", &self.candidate),
            ("output", &self.output),
        ]
    }

    /// As [`PerGate::named`], for changing the values in place.
    pub fn named_mut(&mut self) -> [(&'static str, &mut T); 4] {
        [
            ("input", &mut self.input),
            ("forget", &mut self.forget),
            ("candidate", &mut self.candidate),
            ("output", &mut self.output),
        ]
    }
}

/// An activation: the function's number in the C header, and its two parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activation {
    /// The number of the function; [`crate::activation::FUNCTIONS`] lists those that exist here.
    pub function: u32,
    /// The first parameter; some functions do not read it.
    pub alpha: f64,
    /// The second parameter; some functions do not read it.
    pub beta: f64,
}

impl Activation {
    /// The logistic sigmoid.
    pub const SIGMOID: Self = Self { function: 3, alpha: 1.0, beta: 1.0 };
    /// The hyperbolic tangent.
    pub const TANH: Self = Self { function: 4, alpha: 1.0, beta: 1.0 };
}

/// Which gate is computed from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coupled {
    /// The forget gate is 1 minus the input gate.
    Forget,
    /// The input gate is 1 minus the forget gate.
    Input,
}

/// How a layer differs from the one that BNNS has; by default it does not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// The new cell state is limited to this, in both directions.
    pub cell_clip: Option<f64>,
    /// What activations are applied to is limited to this, in both directions.
    pub gate_clip: Option<f64>,
    /// Whether that limits the hidden activation's argument too.
    pub gate_clip_hidden: bool,
    /// The gate that is not there, if any. Its weights are empty, and its activation says nothing.
    pub coupled: Option<Coupled>,
    /// Whether the one direction reads each sample from its own last step to its first.
    pub reverse: bool,
}

impl Default for Variant {
    fn default() -> Self {
        let (cell_clip, gate_clip, coupled) = (None, None, None);
        Self { cell_clip, gate_clip, gate_clip_hidden: true, coupled, reverse: false }
    }
}

impl Variant {
    /// The limit of the hidden activation's argument.
    pub fn hidden_clip(&self) -> Option<f64> {
        self.gate_clip.filter(|_| self.gate_clip_hidden)
    }

    /// The name of the gate that is computed from another one.
    pub fn derived(&self) -> Option<&'static str> {
        self.coupled.map(|coupled| match coupled {
            Coupled::Forget => "forget",
            Coupled::Input => "input",
        })
    }
}

/// The projection of the values of the units to the hidden state, for all layers and directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// `P`, elements of the hidden state and of the output of one direction.
    pub size: usize,
    /// The weights, `[L][D][P][H]`.
    pub weights: Vec<f64>,
}

/// A value limited in both directions.
pub fn limited(value: f64, clip: Option<f64>) -> f64 {
    clip.map_or(value, |clip| value.clamp(-clip, clip))
}

/// The weights through which a gate sees the cell state.
#[derive(Clone, Debug, PartialEq)]
pub enum Peephole {
    /// The gate does not see the cell state.
    None,
    /// One matrix per layer and direction, `[L][D][H][H]`.
    Full(Vec<f64>),
    /// One vector per layer and direction, multiplied element by element, `[L][D][H]`.
    Diagonal(Vec<f64>),
}

impl Peephole {
    /// The weights, if there are any.
    pub fn values(&self) -> Option<&[f64]> {
        match self {
            Self::None => None,
            Self::Full(w) | Self::Diagonal(w) => Some(w),
        }
    }

    /// The weights for changing in place, if there are any.
    pub fn values_mut(&mut self) -> Option<&mut [f64]> {
        match self {
            Self::None => None,
            Self::Full(w) | Self::Diagonal(w) => Some(w),
        }
    }
}

/// One gate: its weights for all layers and directions, and its activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Input weights, one vector per layer: `[D][H][I]` for layer 0, `[D][H][D*P]` above it; P is H where there is no
    /// projection, here and below.
    pub iw: Vec<Vec<f64>>,
    /// Hidden weights, `[L][D][H][P]`.
    pub hw: Vec<f64>,
    /// Cell weights.
    pub cw: Peephole,
    /// Bias `[L][D][H]`; a gate without one adds nothing.
    pub b: Option<Vec<f64>>,
    /// The gate's activation.
    pub activation: Activation,
}

/// A layer: sizes, flags, weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `I`, elements of one input vector.
    pub input_size: usize,
    /// `H`, elements of the cell state, and of the hidden state where there is no projection.
    pub hidden_size: usize,
    /// `N`, samples.
    pub batch_size: usize,
    /// `L`, stacked layers.
    pub num_layers: usize,
    /// `S`, steps.
    pub seq_len: usize,
    /// Whether there is a second direction, which reads the steps from the last to the first.
    pub bidirectional: bool,
    /// The four gates.
    pub gates: Gates,
    /// Applied to the new cell state to form the hidden state.
    pub hidden_activation: Activation,
    /// How it differs from a layer of BNNS.
    pub variant: Variant,
    /// The projection, if there is one.
    pub projection: Option<Projection>,
    /// Active samples at each step, `[S]`; never increasing. Absent: all `N` at every step.
    pub batch_sizes: Option<Vec<usize>>,
}

/// What a layer reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// The input sequence, `[S][N][I]`.
    pub x: Vec<f64>,
    /// The initial hidden state, `[L][D][N][P]`; absent: zeros.
    pub h0: Option<Vec<f64>>,
    /// The initial cell state, `[L][D][N][H]`; absent: zeros.
    pub c0: Option<Vec<f64>>,
}

/// What a layer writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// The output sequence, `[S][N][D*P]`, the forward direction's values first.
    pub y: Vec<f64>,
    /// The final hidden state, `[L][D][N][P]`.
    pub hn: Vec<f64>,
    /// The final cell state, `[L][D][N][H]`.
    pub cn: Vec<f64>,
}

impl Layer {
    /// `D`: 2 if the layer is bidirectional, otherwise 1.
    pub fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// Whether a direction reads each sample from its first step to its last.
    pub fn reads_up(&self, direction: usize) -> bool {
        direction == 0 && !self.variant.reverse
    }

    /// `P`: elements of the hidden state, which is the output of one direction.
    pub fn outputs(&self) -> usize {
        self.projection.as_ref().map_or(self.hidden_size, |projection| projection.size)
    }

    /// `D*P`: elements of one output vector.
    pub fn output_size(&self) -> usize {
        self.directions() * self.outputs()
    }

    /// Elements that stacked layer `l` reads per step: `I` for layer 0, `D*P` above it.
    pub fn layer_input_size(&self, l: usize) -> usize {
        if l == 0 { self.input_size } else { self.output_size() }
    }

    /// Elements of `x`, `[S][N][I]`.
    pub fn x_len(&self) -> usize {
        self.seq_len * self.batch_size * self.input_size
    }

    /// Elements of `y`, `[S][N][D*P]`.
    pub fn y_len(&self) -> usize {
        self.seq_len * self.batch_size * self.output_size()
    }

    /// Elements of a cell state, `[L][D][N][H]`.
    pub fn cell_len(&self) -> usize {
        self.num_layers * self.directions() * self.batch_size * self.hidden_size
    }

    /// Elements of a hidden state, `[L][D][N][P]`.
    pub fn hidden_len(&self) -> usize {
        self.num_layers * self.directions() * self.batch_size * self.outputs()
    }

    /// Elements of a dropout mask, `[L-1][S][N][D*P]`.
    pub fn mask_len(&self) -> usize {
        self.num_layers.saturating_sub(1) * self.y_len()
    }

    /// The row of one sample in a state `[L][D][N]`.
    pub fn state_row(&self, l: usize, d: usize, n: usize) -> usize {
        (l * self.directions() + d) * self.batch_size + n
    }

    /// Where the projection's weights of one direction of a layer are among all.
    pub fn projection_of(&self, l: usize, d: usize) -> Range<usize> {
        let size = self.outputs() * self.hidden_size;
        let place = l * self.directions() + d;
        place * size..(place + 1) * size
    }

    /// The number of samples that are active at step `s`: those below it in the batch.
    pub fn active(&self, s: usize) -> usize {
        self.batch_sizes.as_ref().map_or(self.batch_size, |sizes| sizes[s])
    }

    /// The number of steps at which sample `n` is active; they are the first ones.
    pub fn length(&self, n: usize) -> usize {
        (0..self.seq_len).filter(|&s| self.active(s) > n).count()
    }

    /// Says what is wrong with the sizes of the layer, if anything is.
    ///
    /// # Errors
    ///
    /// Names the first field whose extent contradicts the sizes.
    pub fn check(&self) -> Result<(), String> {
        let sizes =
            [self.input_size, self.hidden_size, self.batch_size, self.num_layers, self.seq_len];
        if sizes.contains(&0) {
            return Err(format!("sizes must not be zero: {sizes:?}"));
        }
        for (name, gate) in self.gates.named() {
            if self.variant.derived() == Some(name) {
                expect_len(name, gate.iw.len() + gate.hw.len(), 0)?;
            } else {
                self.check_gate(name, gate)?;
            }
        }
        if let Some(Projection { size, weights }) = &self.projection {
            if !(1..=self.hidden_size).contains(size) {
                return Err(format!("a projection to {size} of {}", self.hidden_size));
            }
            let len = self.num_layers * self.directions() * size * self.hidden_size;
            expect_len("projection", weights.len(), len)?;
        }
        if self.variant.reverse && self.bidirectional {
            return Err("a bidirectional layer cannot be reversed".to_owned());
        }
        let Some(active) = &self.batch_sizes else { return Ok(()) };
        expect_len("batch_sizes", active.len(), self.seq_len)?;
        let sorted = active.windows(2).all(|pair| pair[0] >= pair[1]);
        if sorted && (1..=self.batch_size).contains(&active[0]) {
            Ok(())
        } else {
            Err(format!("batch_sizes {active:?} for {} samples", self.batch_size))
        }
    }

    fn check_gate(&self, name: &str, gate: &Gate) -> Result<(), String> {
        let h = self.hidden_size;
        let rows = self.directions() * h;
        expect_len(&format!("{name}.iw"), gate.iw.len(), self.num_layers)?;
        for (l, w) in gate.iw.iter().enumerate() {
            expect_len(&format!("{name}.iw[{l}]"), w.len(), rows * self.layer_input_size(l))?;
        }
        let all_rows = self.num_layers * rows;
        expect_len(&format!("{name}.hw"), gate.hw.len(), all_rows * self.outputs())?;
        match &gate.cw {
            Peephole::None => {}
            Peephole::Full(w) => expect_len(&format!("{name}.cw"), w.len(), all_rows * h)?,
            Peephole::Diagonal(w) => expect_len(&format!("{name}.cw"), w.len(), all_rows)?,
        }
        gate.b.as_ref().map_or(Ok(()), |b| expect_len(&format!("{name}.b"), b.len(), all_rows))
    }
}

impl Inputs {
    /// Says what is wrong with the extents of the inputs of `layer`, if anything is.
    ///
    /// # Errors
    ///
    /// Names the first array whose extent contradicts the layer's sizes.
    pub fn check(&self, layer: &Layer) -> Result<(), String> {
        expect_len("x", self.x.len(), layer.x_len())?;
        let states = [("h0", &self.h0, layer.hidden_len()), ("c0", &self.c0, layer.cell_len())];
        for (name, state, len) in states {
            if let Some(state) = state {
                expect_len(name, state.len(), len)?;
            }
        }
        Ok(())
    }
}

/// Compares an extent with the one that the sizes call for.
pub(crate) fn expect_len(name: &str, found: usize, expected: usize) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{name}: expected {expected} elements, found {found}"))
    }
}
