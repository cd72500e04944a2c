//! What the panels of a layer are.
//!
//! In: a layer and its padded shape. Out: [`PanelFields`], one value for each panel, and [`PanelSizes`], how
//! many floats each has. It touches no weight.

use super::shape::Shape;
use crate::check::{LayerConfig, Peephole};
use crate::gate::Gate;
use std::ops::Range;

/// A value for each panel of one direction of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PanelFields<T> {
    /// Input weights, `[block][layer input][gate][lane]`.
    pub(crate) input: T,
    /// Bias, `[block][gate][lane]`.
    pub(crate) bias: T,
    /// Hidden weights, `[block][output][gate][lane]`.
    pub(crate) hidden: T,
    /// Diagonal peepholes, `[block][gate][lane]`; empty where no gate has one.
    pub(crate) diagonal: T,
    /// Full peepholes of input, forget and candidate gate, `[block][unit][gate][lane]`; empty where none of
    /// them has one.
    pub(crate) cell: T,
    /// Full peephole of the output gate, `[block][unit][lane]`; empty where it has none.
    pub(crate) cell_output: T,
    /// Input weights for the gemm route, `[layer input][block][gate][lane]`; empty where it is never taken, and
    /// `input` where it always is.
    pub(crate) input_matrix: T,
    /// The same of hidden weights, `[output][block][gate][lane]`.
    pub(crate) hidden_matrix: T,
    /// Weights of the projection, `[block of four vectors of outputs][unit][vector][lane]`, or sums of their gradients,
    /// `[block][output][lane]` with blocks of units; empty where there is none.
    pub(crate) projection: T,
}

/// Floats of each panel.
pub(crate) type PanelSizes = PanelFields<usize>;

/// Where each panel is among the floats of all.
pub(crate) type PanelPlaces = PanelFields<Range<usize>>;

/// Sums of gradients in the order of packed weights, to read.
pub(crate) type Panels<'p> = PanelFields<&'p [f32]>;
/// As [`Panels`], to write.
pub(crate) type PanelsMut<'p> = PanelFields<&'p mut [f32]>;

impl<T> PanelFields<T> {
    /// Another value for each panel, in the order in which they lie.
    pub(crate) fn map<U>(self, mut change: impl FnMut(T) -> U) -> PanelFields<U> {
        PanelFields {
            input: change(self.input),
            bias: change(self.bias),
            hidden: change(self.hidden),
            diagonal: change(self.diagonal),
            cell: change(self.cell),
            cell_output: change(self.cell_output),
            input_matrix: change(self.input_matrix),
            hidden_matrix: change(self.hidden_matrix),
            projection: change(self.projection),
        }
    }
}

impl<T, U> PanelFields<(T, U)> {
    /// The first values, and the second ones.
    pub(crate) fn unzip(self) -> (PanelFields<T>, PanelFields<U>) {
        let Self {
            input,
            bias,
            hidden,
            diagonal,
            cell,
            cell_output,
            input_matrix,
            hidden_matrix,
            projection,
        } = self;
        (
            PanelFields {
                input: input.0,
                bias: bias.0,
                hidden: hidden.0,
                diagonal: diagonal.0,
                cell: cell.0,
                cell_output: cell_output.0,
                input_matrix: input_matrix.0,
                hidden_matrix: hidden_matrix.0,
                projection: projection.0,
            },
            PanelFields {
                input: input.1,
                bias: bias.1,
                hidden: hidden.1,
                diagonal: diagonal.1,
                cell: cell.1,
                cell_output: cell_output.1,
                input_matrix: input_matrix.1,
                hidden_matrix: hidden_matrix.1,
                projection: projection.1,
            },
        )
    }
}

impl PanelSizes {
    /// Of sums of gradients, and of weights in the panels' route alone but for the projection's.
    pub(super) fn new(config: &LayerConfig, shape: &Shape, layer: usize) -> Self {
        let gates = Gate::COUNT * shape.padded_units();
        let diagonal = config.has_peephole(Peephole::Diagonal);
        let (cell, cell_output) = (config.has_early_full(), config.is_full(Gate::Output));
        Self {
            input: config.layer_inputs(layer) * gates,
            bias: gates,
            hidden: config.outputs * gates,
            diagonal: if diagonal { gates } else { 0 },
            cell: if cell { config.units * gates } else { 0 },
            cell_output: if cell_output { config.units * shape.padded_units() } else { 0 },
            input_matrix: 0,
            hidden_matrix: 0,
            projection: if config.variant.projects {
                config.outputs * shape.padded_units()
            } else {
                0
            },
        }
    }

    /// Where the panels are in a buffer of [`total`](Self::total) floats.
    pub(crate) fn places(self) -> PanelPlaces {
        let mut end = 0;
        self.map(|size| {
            let start = end;
            end += size;
            start..end
        })
    }

    /// The panels in a buffer of [`total`](Self::total) floats.
    pub(crate) fn borrow(self, floats: &[f32]) -> PanelFields<&[f32]> {
        let mut rest = floats;
        self.map(|size| {
            let (own, after) = rest.split_at(size);
            rest = after;
            own
        })
    }

    /// As [`borrow`](Self::borrow), to write.
    pub(crate) fn split(self, floats: &mut [f32]) -> PanelFields<&mut [f32]> {
        let mut rest = floats;
        self.map(|size| {
            let (own, after) = std::mem::take(&mut rest).split_at_mut(size);
            rest = after;
            own
        })
    }

    /// Floats of all panels; each starts on a cache line, as all sizes are multiples of the lanes and
    /// those with fewer than 16 lanes are not read across lines.
    pub(crate) fn total(self) -> usize {
        let mut total = 0;
        self.map(|size| total += size);
        total
    }
}
