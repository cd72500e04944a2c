//! How a layer differs from the one that BNNS has.
//!
//! In: nothing. Out: [`Coupled`], which gate is computed from another one, and [`Variant`], all differences of a
//! layer. It does not know who asks for them, nor how they are computed.

use crate::gate::Gate;

/// A gate that has no weights of its own: it is 1 minus another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coupled {
    /// f = 1 - i: what is not let in is kept. `input_forget` of ONNX Runtime's LSTM, and Core ML's
    /// `coupledInputAndForgetGate`.
    Forget,
    /// i = 1 - f: what is forgotten is let in. `TensorFlow` Lite's LSTM without input-to-input weights.
    Input,
}

impl Coupled {
    /// The gate that is computed.
    pub fn derived(self) -> Gate {
        match self {
            Self::Forget => Gate::Forget,
            Self::Input => Gate::Input,
        }
    }

    /// The gate that it is computed from.
    pub fn source(self) -> Gate {
        match self {
            Self::Forget => Gate::Input,
            Self::Input => Gate::Forget,
        }
    }
}

/// All differences; [`Variant::NONE`] is the layer of BNNS. Limits are finite and greater than 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Variant {
    /// What the new cell state is limited to, in both directions.
    pub(crate) cell_clip: Option<f32>,
    /// What the arguments of the gates' activations are limited to, in both directions.
    pub(crate) gate_clip: Option<f32>,
    /// What the argument of the hidden activation is limited to; there is a `gate_clip` then.
    pub(crate) hidden_clip: Option<f32>,
    /// The gate that is computed from another one.
    pub(crate) coupled: Option<Coupled>,
    /// Whether the one direction reads backwards.
    pub(crate) reverse: bool,
    /// Whether outputs are a projection of the units' values, rather than these themselves.
    pub(crate) projects: bool,
}

impl Variant {
    /// The layer of BNNS.
    pub(crate) const NONE: Self = Self {
        cell_clip: None,
        gate_clip: None,
        hidden_clip: None,
        coupled: None,
        reverse: false,
        projects: false,
    };

    /// Whether a step computes anything else.
    pub(crate) fn changes_steps(&self) -> bool {
        self.changes_cells() || self.projects
    }

    /// Whether gates and cells are others, whatever becomes of the units' values.
    pub(crate) fn changes_cells(&self) -> bool {
        self.cell_clip.is_some() || self.gate_clip.is_some() || self.coupled.is_some()
    }

    /// Whether a gate is computed from another one.
    pub(crate) fn derives(&self, gate: Gate) -> bool {
        self.coupled.is_some_and(|coupled| coupled.derived() == gate)
    }
}
