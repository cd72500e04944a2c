//! Weights for the backward pass.
//!
//! In: the caller's weights. Out: [`BackwardWeights`], transposed panels `[block of four vectors][gate
//! input][four vectors]`, with which gradients of gates are multiplied to get gradients of what the gates
//! read; and the panels of the forward pass where parts of it are computed again.

use super::Weights;
use super::panel::Slot;
use super::views::{BoundWeights, WeightViews};
use crate::aligned::Aligned;
use crate::check::Peephole;
use crate::error::Error;
use crate::gate::Gate;
use crate::plan::{PanelSizes, Plan, Shape, VECTORS};
use ndarray::{ArrayView2, Axis};

/// What the panels are, in a message about memory.
const WHAT: &str = "the weights of the backward pass";

/// The weights of a layer as its backward pass reads them, for one plan.
#[derive(Debug)]
pub struct BackwardWeights {
    panels: Vec<TransposedPanels>,
    directions: usize,
    /// For steps between checkpoints, which are computed again; `None` where there are no checkpoints.
    pub(crate) forward: Option<Weights>,
    pub(crate) plan_id: u64,
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
}

impl BackwardWeights {
    /// Pack the weights of all layers and directions.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] if a view is not the array that was planned for, [`Error::OutOfMemory`].
    pub fn pack(plan: &Plan, views: &WeightViews<'_>) -> Result<Self, Error> {
        let config = plan.config();
        let bound = BoundWeights::bind(&plan.checked, views)?;
        let mut panels = Vec::with_capacity(config.num_layers * config.directions);
        for layer in 0..config.num_layers {
            for direction in 0..config.directions {
                panels.push(TransposedPanels::pack(plan, &bound, layer, direction)?);
            }
        }
        let forward = config.checkpoint_steps.map(|_| Weights::pack(plan, views)).transpose()?;
        Ok(Self { panels, directions: config.directions, forward, plan_id: plan.id })
    }

    pub(crate) fn of(&self, layer: usize, direction: usize) -> &TransposedPanels {
        &self.panels[layer * self.directions + direction]
    }
}

impl TransposedPanels {
    fn pack(
        plan: &Plan,
        weights: &BoundWeights<'_>,
        layer: usize,
        direction: usize,
    ) -> Result<Self, Error> {
        let (config, shape) = (plan.config(), &plan.shape);
        let full = |gate: Gate| *config.peepholes.get(gate) == Peephole::Full;
        let early = [Gate::Input, Gate::Forget, Gate::Candidate];
        let has_cell = early.into_iter().any(full);
        let hidden = config.hidden_size;
        let mut panels = Self {
            input: room(plan, config.layer_input(layer), 4, true)?,
            hidden: room(plan, hidden, 4, true)?,
            cell: room(plan, hidden, if has_cell { 3 } else { 0 }, early.into_iter().all(full))?,
            cell_output: room(plan, hidden, usize::from(full(Gate::Output)), true)?,
            diagonal: Aligned::zeros(PanelSizes::new(config, shape, layer).diagonal, WHAT)?,
        };
        for (index, gate) in Gate::ALL.into_iter().enumerate() {
            let from = weights.of(gate);
            write(shape, &mut panels.input, (index, 4), from.input(layer, direction));
            write(shape, &mut panels.hidden, (index, 4), from.hidden(layer, direction));
            if let Some(vector) = from.diagonal(layer, direction) {
                let slot = Slot { shape, index, gates: 4, level: plan.level };
                slot.vector(&mut panels.diagonal, vector);
            }
            if let Some(matrix) = from.full(layer, direction) {
                if gate == Gate::Output {
                    write(shape, &mut panels.cell_output, (0, 1), matrix);
                } else {
                    write(shape, &mut panels.cell, (index, 3), matrix);
                }
            }
        }
        Ok(panels)
    }
}

/// Room where every float is written, else zeros.
fn room(plan: &Plan, outputs: usize, gates: usize, has_all_gates: bool) -> Result<Aligned, Error> {
    let shape = &plan.shape;
    let width = shape.wide_vectors(outputs) * shape.lanes;
    let is_full = width == outputs && shape.units() == plan.config().hidden_size && has_all_gates;
    let floats = width * gates * shape.units();
    if is_full { Aligned::room(floats, WHAT) } else { Aligned::zeros(floats, WHAT) }
}

/// `[unit, output]` of gate `index` of `gates` to `[block][gate][unit][vector][lane]`.
fn write(
    shape: &Shape,
    panel: &mut [f32],
    (index, gates): (usize, usize),
    matrix: ArrayView2<'_, f32>,
) {
    let width = VECTORS * shape.lanes;
    let inputs = gates * shape.units();
    for (unit, row) in matrix.outer_iter().enumerate() {
        let place = index * shape.units() + unit;
        // The last block may have fewer vectors.
        let blocks = panel.chunks_mut(inputs * width);
        for (block, piece) in blocks.zip(row.axis_chunks_iter(Axis(0), width)) {
            let width = block.len() / inputs;
            let place = &mut block[place * width..][..piece.len()];
            match piece.to_slice() {
                Some(piece) => place.copy_from_slice(piece),
                None => place.iter_mut().zip(piece).for_each(|(place, &weight)| *place = weight),
            }
        }
    }
}
