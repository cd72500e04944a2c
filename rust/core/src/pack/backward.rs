//! Weights for the backward pass.
//!
//! In: the caller's weights. Out: [`BackwardWeights`], transposed panels `[block of four vectors][gate
//! input][four vectors]`, with which gradients of gates are multiplied to get gradients of what the gates
//! read.

use super::panel::Slot;
use super::views::BoundWeights;
use super::weights::pack_each;
use crate::aligned::Aligned;
use crate::check::Peephole;
use crate::error::{Broken, Error};
use crate::gate::Gate;
use crate::kernel::BLOCK_VECTORS;
use crate::place::{PerPlace, Place};
use crate::plan::{LayerPlan, PanelSizes, Product};
use crate::products::Route;
use ndarray::{ArrayView1, ArrayView2, Axis};
use std::sync::Arc;

/// What the panels are, in a message about memory.
const WHAT: &str = "the weights of the backward pass";

/// The weights of a layer as its backward pass reads them, for calls of any batch and length.
#[derive(Debug)]
pub struct BackwardWeights {
    panels: PerPlace<TransposedPanels>,
    fingerprint: u64,
    layer: Arc<LayerPlan>,
}

/// The panels of one layer and direction; a panel is empty where no gate needs it.
#[derive(Debug)]
pub(crate) struct TransposedPanels {
    /// `[block][gate][unit][vector][lane]`, blocks of the layer's inputs.
    pub(crate) input: Aligned,
    /// `[block][gate][unit][vector][lane]`, blocks of hidden units, as all below.
    pub(crate) hidden: Aligned,
    /// Full peepholes of input, forget and candidate gate, `[block][gate][unit][vector][lane]`.
    pub(crate) cell: Aligned,
    /// Full peephole of the output gate, `[block][unit][vector][lane]`.
    pub(crate) cell_output: Aligned,
    /// Diagonal peepholes as in the forward pass, `[block][gate][lane]`.
    pub(crate) diagonal: Aligned,
    /// Input weights for the gemm route, `[gate][unit][layer input]`; empty where it is never taken, and `input`
    /// where it always is.
    pub(crate) input_matrix: Aligned,
    /// The same of hidden weights, `[gate][unit][output]`.
    pub(crate) hidden_matrix: Aligned,
    /// Weights of the projection, `[block of four vectors of units][output][vector][lane]`.
    pub(crate) projection: Aligned,
}

impl BackwardWeights {
    /// Pack the weights of all layers and directions.
    ///
    /// # Errors
    ///
    /// As [`Weights::pack`](super::Weights::pack).
    pub fn pack(layer: &Arc<LayerPlan>, weights: &BoundWeights<'_>) -> Result<Self, Error> {
        let panels = pack_each(layer, weights, TransposedPanels::pack)?;
        let fingerprint = weights.fingerprint(layer.level);
        Ok(Self { panels, fingerprint, layer: Arc::clone(layer) })
    }

    /// The plan that they were packed for.
    pub fn layer(&self) -> &Arc<LayerPlan> {
        &self.layer
    }

    /// Which weights these are.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn of(&self, place: Place) -> Result<&TransposedPanels, Broken> {
        self.panels.of(place)
    }
}

impl TransposedPanels {
    fn pack(layer: &LayerPlan, weights: &BoundWeights<'_>, place: Place) -> Result<Self, Error> {
        let (config, shape) = (&layer.config, &layer.shape);
        let full = |gate: Gate| *config.peepholes.get(gate) == Peephole::Full;
        let PanelSizes { cell, cell_output, diagonal, .. } = layer.panel_sizes(place.layer);
        let cell_gates = if cell > 0 { Gate::EARLY.len() } else { 0 };
        let output_gates = usize::from(cell_output > 0);
        let may_take = |route| layer.products.may_take(Product::Transposed, route);
        let gates = if may_take(Route::Panels) { Gate::COUNT } else { 0 };
        let rows = if may_take(Route::Gemm) { Gate::COUNT * shape.padded_units() } else { 0 };
        let all = config.variant.coupled.is_none();
        let mut panels = Self {
            input: buffer(layer, config.layer_inputs(place.layer), gates, all)?,
            hidden: buffer(layer, config.outputs, gates, all)?,
            cell: buffer(layer, config.units, cell_gates, Gate::EARLY.into_iter().all(full))?,
            cell_output: buffer(layer, config.units, output_gates, true)?,
            diagonal: Aligned::zeros(diagonal, WHAT)?,
            // Rows of units that do not exist meet gate gradients of 0.
            input_matrix: Aligned::zeros(rows * config.layer_inputs(place.layer), WHAT)?,
            hidden_matrix: Aligned::zeros(rows * config.outputs, WHAT)?,
            projection: {
                let floats = layer.projection_floats(config.units, config.outputs);
                Aligned::zeros(floats, WHAT)?
            },
        };
        if let Some(matrix) = weights.projection(place) {
            to_blocks(&mut panels.projection, shape.lanes, (config.outputs, 0), matrix);
        }
        for (gate, from) in weights.each() {
            let to = Slot { shape, index: gate.index(), gates: Gate::COUNT, level: layer.level };
            to.transposed(&mut panels.input, from.input(place));
            to.transposed(&mut panels.hidden, from.hidden(place));
            to.unit_rows(&mut panels.input_matrix, from.input(place));
            to.unit_rows(&mut panels.hidden_matrix, from.hidden(place));
            if let Some(vector) = from.diagonal(place) {
                to.vector(&mut panels.diagonal, vector);
            }
            if let Some(matrix) = from.full(place) {
                if gate == Gate::Output {
                    Slot { index: 0, gates: 1, ..to }.transposed(&mut panels.cell_output, matrix);
                } else {
                    let early = Slot { gates: Gate::EARLY.len(), ..to };
                    early.transposed(&mut panels.cell, matrix);
                }
            }
        }
        Ok(panels)
    }
}

/// Unwritten memory where every float is going to be written, else zeros.
fn buffer(
    layer: &LayerPlan,
    outputs: usize,
    gates: usize,
    has_all_gates: bool,
) -> Result<Aligned, Error> {
    let shape = &layer.shape;
    let width = shape.wide_vectors(outputs) * shape.lanes;
    let has_no_padding = width == outputs && shape.padded_units() == layer.config.units;
    let floats = width * gates * shape.padded_units();
    if has_no_padding && has_all_gates {
        Aligned::uninit(floats, WHAT)
    } else {
        Aligned::zeros(floats, WHAT)
    }
}

impl Slot<'_> {
    /// `[unit, output]` of one gate to `[block][gate][unit][vector][lane]`.
    fn transposed(&self, panel: &mut [f32], matrix: ArrayView2<'_, f32>) {
        let units = self.shape.padded_units();
        let places = (self.gates * units, self.index * units);
        to_blocks(panel, self.shape.lanes, places, matrix);
    }

    /// `[unit, output]` of one gate to `[gate][unit][output]`, if there is memory for it.
    fn unit_rows(&self, panel: &mut [f32], matrix: ArrayView2<'_, f32>) {
        let first = self.index * self.shape.padded_units();
        let rows = panel.chunks_exact_mut(matrix.ncols()).skip(first);
        rows.zip(matrix.outer_iter()).for_each(|(to, row)| copy(row, to));
    }
}

/// Rows `[input, output]`, the first of which is number `first` of all inputs, to
/// `[block of four vectors][input][vector][lane]`.
fn to_blocks(
    panel: &mut [f32],
    lanes: usize,
    (inputs, first): (usize, usize),
    matrix: ArrayView2<'_, f32>,
) {
    let width = BLOCK_VECTORS * lanes;
    for (input, row) in matrix.outer_iter().enumerate() {
        let place = first + input;
        // The last block may have fewer vectors.
        let blocks = panel.chunks_mut(inputs * width);
        for (block, piece) in blocks.zip(row.axis_chunks_iter(Axis(0), width)) {
            let width = block.len() / inputs;
            copy(piece, &mut block[place * width..][..piece.len()]);
        }
    }
}

/// Copy a row of weights.
fn copy(from: ArrayView1<'_, f32>, to: &mut [f32]) {
    match from.to_slice() {
        Some(from) => to.copy_from_slice(from),
        None => to.iter_mut().zip(from).for_each(|(to, &weight)| *to = weight),
    }
}
