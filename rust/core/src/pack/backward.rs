//! Weights for the backward pass.
//!
//! In: the caller's weights. Out: [`BackwardWeights`], transposed panels `[block of four vectors][gate
//! input][four vectors]`, with which gradients of gates are multiplied to get gradients of what the gates
//! read.

use super::hands::{Alone, Hands, Packed, pack_all};
use super::strips::{Piece, Strip};
use super::views::BoundWeights;
use crate::aligned::Aligned;
use crate::check::LayerConfig;
use crate::error::{Broken, Error};
use crate::gate::Gate;
use crate::place::{PerPlace, Place};
use crate::plan::{LayerPlan, PanelSizes, Product};
use crate::products::Route;
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
        Self::pack_by(&Alone, layer, weights)
    }

    /// As [`pack`](Self::pack), by several threads.
    ///
    /// # Errors
    ///
    /// As [`pack`](Self::pack), and those of the threads.
    pub(crate) fn pack_by(
        hands: &impl Hands,
        layer: &Arc<LayerPlan>,
        weights: &BoundWeights<'_>,
    ) -> Result<Self, Error> {
        let panels = pack_all(hands, layer, weights)?;
        let fingerprint = weights.fingerprint(hands, layer.level)?;
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

impl Packed for TransposedPanels {
    type Piece<'p> = Piece<'p>;

    fn new(layer: &LayerPlan, place: Place) -> Result<Self, Error> {
        let (config, shape) = (&layer.config, &layer.shape);
        let PanelSizes { cell, cell_output, diagonal, .. } = layer.panel_sizes(place.layer);
        let cell_gates = if cell > 0 { Gate::EARLY.len() } else { 0 };
        let output_gates = usize::from(cell_output > 0);
        let may_take = |route| layer.products.may_take(Product::Transposed, route);
        let gates = if may_take(Route::Panels) { Gate::COUNT } else { 0 };
        let rows = if may_take(Route::Gemm) { Gate::COUNT * shape.padded_units() } else { 0 };
        let all = config.variant.coupled.is_none();
        Ok(Self {
            input: buffer(layer, config.layer_inputs(place.layer), gates, all)?,
            hidden: buffer(layer, config.outputs, gates, all)?,
            cell: buffer(
                layer,
                config.units,
                cell_gates,
                Gate::EARLY.into_iter().all(|gate| config.is_full(gate)),
            )?,
            cell_output: buffer(layer, config.units, output_gates, true)?,
            diagonal: Aligned::zeros(diagonal, WHAT)?,
            // Rows of units that do not exist meet gate gradients of 0.
            input_matrix: Aligned::zeros(rows * config.layer_inputs(place.layer), WHAT)?,
            hidden_matrix: Aligned::zeros(rows * config.outputs, WHAT)?,
            projection: {
                let floats = layer.projection_floats(config.units, config.outputs);
                Aligned::zeros(floats, WHAT)?
            },
        })
    }

    /// So many pieces of whole blocks of outputs, some of them empty where there are fewer. The first one has what is in
    /// no such blocks as well.
    fn pieces<'p>(
        &'p mut self,
        layer: &LayerPlan,
        place: Place,
        count: usize,
    ) -> impl Iterator<Item = Piece<'p>> + use<'p> {
        let LayerConfig { units, outputs, .. } = layer.config;
        let inputs = layer.config.layer_inputs(place.layer);
        let shape = layer.shape;
        let Self {
            input: input_panel,
            hidden,
            cell,
            cell_output,
            diagonal,
            input_matrix,
            hidden_matrix,
            projection,
        } = self;
        let mut input_panel: &mut [f32] = input_panel;
        let [mut hidden, mut cell, mut cell_output]: [&mut [f32]; 3] = [hidden, cell, cell_output];
        let mut others: [&mut [f32]; 4] = [diagonal, input_matrix, hidden_matrix, projection];
        (0..count).map(move |index| {
            let part = (index, count);
            let [diagonal, input_matrix, hidden_matrix, projection] =
                others.each_mut().map(std::mem::take);
            Piece {
                place,
                input: Strip::cut(&mut input_panel, &shape, inputs, part),
                hidden: Strip::cut(&mut hidden, &shape, outputs, part),
                cell: Strip::cut(&mut cell, &shape, units, part),
                cell_output: Strip::cut(&mut cell_output, &shape, units, part),
                diagonal,
                input_matrix,
                hidden_matrix,
                projection,
            }
        })
    }

    fn pack(piece: &mut Piece<'_>, layer: &LayerPlan, weights: &BoundWeights<'_>) {
        piece.pack(layer, weights);
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
