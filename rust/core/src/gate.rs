//! The four gates, by name.
//!
//! In: nothing. Out: [`Gate`] and [`Gates`], one value for each gate. The only place that knows an order of
//! gates: the one of the BNNS structure, which panels and buffers share.

/// One of the four gates of an LSTM cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    /// How much of the candidate enters the cell.
    Input,
    /// How much of the old cell state stays.
    Forget,
    /// What enters the cell.
    Candidate,
    /// How much of the cell is shown.
    Output,
}

impl Gate {
    /// All gates, in the order of the BNNS structure.
    pub const ALL: [Self; Self::COUNT] = [Self::Input, Self::Forget, Self::Candidate, Self::Output];

    /// How many there are.
    pub const COUNT: usize = 4;

    /// The gates whose peepholes see the old cell state, in the same order; the output gate sees the new one.
    pub(crate) const EARLY: [Self; 3] = [Self::Input, Self::Forget, Self::Candidate];

    /// The gate's position in [`ALL`](Self::ALL), in panels and in rows of gates.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name of the gate's field in the BNNS structure.
    pub fn field(self) -> &'static str {
        match self {
            Self::Input => "input_gate",
            Self::Forget => "forget_gate",
            Self::Candidate => "candidate_gate",
            Self::Output => "output_gate",
        }
    }
}

/// A value for each gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates<T> {
    /// Of the input gate.
    pub input: T,
    /// Of the forget gate.
    pub forget: T,
    /// Of the candidate gate.
    pub candidate: T,
    /// Of the output gate.
    pub output: T,
}

impl<T> Gates<T> {
    /// The value of each gate, computed in the order of the BNNS structure.
    pub fn from_fn(mut value: impl FnMut(Gate) -> T) -> Self {
        Self {
            input: value(Gate::Input),
            forget: value(Gate::Forget),
            candidate: value(Gate::Candidate),
            output: value(Gate::Output),
        }
    }

    /// The value of one gate.
    pub fn get(&self, gate: Gate) -> &T {
        match gate {
            Gate::Input => &self.input,
            Gate::Forget => &self.forget,
            Gate::Candidate => &self.candidate,
            Gate::Output => &self.output,
        }
    }

    /// The value of one gate, to change.
    pub fn get_mut(&mut self, gate: Gate) -> &mut T {
        match gate {
            Gate::Input => &mut self.input,
            Gate::Forget => &mut self.forget,
            Gate::Candidate => &mut self.candidate,
            Gate::Output => &mut self.output,
        }
    }

    /// The values in the order of the BNNS structure.
    pub fn each(&self) -> [&T; 4] {
        [&self.input, &self.forget, &self.candidate, &self.output]
    }

    /// The value of each gate, computed in the order of the BNNS structure, up to the first error.
    ///
    /// # Errors
    ///
    /// That of the first value that has one.
    pub fn try_from_fn<E>(mut value: impl FnMut(Gate) -> Result<T, E>) -> Result<Self, E> {
        Gates::<()>::default().try_map(|gate, ()| value(gate))
    }

    /// What becomes of each value, in the order of the BNNS structure.
    pub fn map<U>(self, mut to: impl FnMut(Gate, T) -> U) -> Gates<U> {
        Gates {
            input: to(Gate::Input, self.input),
            forget: to(Gate::Forget, self.forget),
            candidate: to(Gate::Candidate, self.candidate),
            output: to(Gate::Output, self.output),
        }
    }

    /// As [`map`](Self::map), up to the first error.
    ///
    /// # Errors
    ///
    /// That of the first value that has one.
    pub fn try_map<U, E>(self, mut to: impl FnMut(Gate, T) -> Result<U, E>) -> Result<Gates<U>, E> {
        Ok(Gates {
            input: to(Gate::Input, self.input)?,
            forget: to(Gate::Forget, self.forget)?,
            candidate: to(Gate::Candidate, self.candidate)?,
            output: to(Gate::Output, self.output)?,
        })
    }

    /// Pairs with the values of other gates.
    pub fn zip<U>(self, other: Gates<U>) -> Gates<(T, U)> {
        Gates {
            input: (self.input, other.input),
            forget: (self.forget, other.forget),
            candidate: (self.candidate, other.candidate),
            output: (self.output, other.output),
        }
    }

    /// The values, borrowed.
    pub fn as_ref(&self) -> Gates<&T> {
        let Self { input, forget, candidate, output } = self;
        Gates { input, forget, candidate, output }
    }

    /// The values, to change.
    pub fn as_mut(&mut self) -> Gates<&mut T> {
        let Self { input, forget, candidate, output } = self;
        Gates { input, forget, candidate, output }
    }
}
