//! Where each panel of a layer is.
//!
//! In: a layer's configuration and padded shape. Out: [`PanelSizes`], the number of floats of each region.
//! It touches no weight.

use super::shape::Shape;
use crate::check::{Config, Peephole};

/// Floats of each panel of one layer and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PanelSizes {
    /// Input weights, `[block][layer input][gate][lane]`.
    pub(crate) input: usize,
    /// Bias, `[block][gate][lane]`.
    pub(crate) bias: usize,
    /// Hidden weights, `[block][hidden][gate][lane]`.
    pub(crate) hidden: usize,
    /// Diagonal peepholes, `[block][gate][lane]`; 0 where no gate has one.
    pub(crate) diagonal: usize,
    /// Full peepholes of input, forget and candidate gate, `[block][hidden][gate][lane]`.
    pub(crate) cell: usize,
    /// Full peephole of the output gate, `[block][hidden][lane]`.
    pub(crate) cell_output: usize,
}

impl PanelSizes {
    pub(crate) fn new(config: &Config, shape: &Shape, layer: usize) -> Self {
        let gates = 4 * shape.units();
        let peepholes = &config.peepholes;
        let early = [peepholes.input, peepholes.forget, peepholes.candidate];
        let diagonal = config.has_peephole(Peephole::Diagonal);
        let cell = early.contains(&Peephole::Full);
        let cell_output = peepholes.output == Peephole::Full;
        Self {
            input: config.layer_input(layer) * gates,
            bias: gates,
            hidden: config.hidden_size * gates,
            diagonal: if diagonal { gates } else { 0 },
            cell: if cell { config.hidden_size * gates } else { 0 },
            cell_output: if cell_output { config.hidden_size * shape.units() } else { 0 },
        }
    }

    /// The panels in a buffer of [`total`](Self::total) floats.
    pub(crate) fn borrow<'p>(&self, floats: &'p [f32]) -> Panels<'p> {
        let (input, rest) = floats.split_at(self.input);
        let (bias, rest) = rest.split_at(self.bias);
        let (hidden, rest) = rest.split_at(self.hidden);
        let (diagonal, rest) = rest.split_at(self.diagonal);
        let (cell, cell_output) = rest.split_at(self.cell);
        Panels { input, bias, hidden, diagonal, cell, cell_output }
    }

    /// As [`borrow`](Self::borrow), to write.
    pub(crate) fn split<'p>(&self, floats: &'p mut [f32]) -> PanelsMut<'p> {
        let (input, rest) = floats.split_at_mut(self.input);
        let (bias, rest) = rest.split_at_mut(self.bias);
        let (hidden, rest) = rest.split_at_mut(self.hidden);
        let (diagonal, rest) = rest.split_at_mut(self.diagonal);
        let (cell, cell_output) = rest.split_at_mut(self.cell);
        PanelsMut { input, bias, hidden, diagonal, cell, cell_output }
    }

    /// Floats of all panels; each starts on a cache line, as all sizes are multiples of the lanes and
    /// those with fewer than 16 lanes are not read across lines.
    pub(crate) fn total(&self) -> usize {
        self.input + self.bias + self.hidden + self.diagonal + self.cell + self.cell_output
    }
}

/// Borrowed panels of one layer and direction, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'p> {
    /// `[block][layer input][gate][lane]`
    pub(crate) input: &'p [f32],
    /// `[block][gate][lane]`
    pub(crate) bias: &'p [f32],
    /// `[block][hidden][gate][lane]`
    pub(crate) hidden: &'p [f32],
    /// `[block][gate][lane]`; empty without diagonal peepholes.
    pub(crate) diagonal: &'p [f32],
    /// `[block][hidden][gate][lane]`; empty without full peepholes of input, forget or candidate gate.
    pub(crate) cell: &'p [f32],
    /// `[block][hidden][lane]`; empty without a full peephole of the output gate.
    pub(crate) cell_output: &'p [f32],
}

/// As [`Panels`], to write.
#[derive(Debug)]
pub(crate) struct PanelsMut<'p> {
    pub(crate) input: &'p mut [f32],
    pub(crate) bias: &'p mut [f32],
    pub(crate) hidden: &'p mut [f32],
    pub(crate) diagonal: &'p mut [f32],
    pub(crate) cell: &'p mut [f32],
    pub(crate) cell_output: &'p mut [f32],
}

impl<'p> PanelsMut<'p> {
    /// The first `blocks` of `all` blocks of every panel, and the others.
    pub(crate) fn split_blocks(self, blocks: usize, all: usize) -> (Self, Self) {
        let Self { input, bias, hidden, diagonal, cell, cell_output } = self;
        let split = |panel: &'p mut [f32]| panel.split_at_mut(panel.len() / all * blocks);
        let (input, other_input) = split(input);
        let (bias, other_bias) = split(bias);
        let (hidden, other_hidden) = split(hidden);
        let (diagonal, other_diagonal) = split(diagonal);
        let (cell, other_cell) = split(cell);
        let (cell_output, other_cell_output) = split(cell_output);
        (
            Self { input, bias, hidden, diagonal, cell, cell_output },
            Self {
                input: other_input,
                bias: other_bias,
                hidden: other_hidden,
                diagonal: other_diagonal,
                cell: other_cell,
                cell_output: other_cell_output,
            },
        )
    }
}
