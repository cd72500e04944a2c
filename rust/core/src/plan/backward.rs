//! How much temporary memory a backward call needs.
//!
//! In: a plan for training. Out: [`BackwardSizes`], floats of each buffer. Nothing is allocated here.

use super::panels::PanelSizes;
use super::workspace::GroupSizes;
use super::{Plan, STEP_VECTORS};
use crate::check::{Config, Peephole};

/// Floats of each buffer of a backward call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackwardSizes {
    /// Saved gates and gate gradients of a chunk, for each direction, `[row][gate][unit]`.
    pub(crate) gates: usize,
    /// Each of four buffers of a chunk, for each direction, `[row][unit]`.
    pub(crate) state_rows: usize,
    /// What the steps of a chunk read, for each direction, `[row][input]`.
    pub(crate) inputs: usize,
    /// Gate gradients of a chunk by block, for each direction, `[block][row][gate][lane]`.
    pub(crate) arranged_gates: usize,
    /// All that the gates of a chunk read, for each direction, `[input][row]`.
    pub(crate) arranged_inputs: usize,
    /// Derivatives of the gates of one step, for each direction, `[batch row][gate][unit]`.
    pub(crate) derivatives: usize,
    /// Activated cell states and slopes, for each direction, `[group][2][unit]`.
    pub(crate) activated: usize,
    /// Gradient of the hidden state, and as much again for the cell state, for each layer and direction,
    /// `[batch row][unit]` at the wide pitch.
    pub(crate) wide: usize,
    /// Sums of weight gradients, for each layer, and as much again for those of the last steps.
    pub(crate) weights: Vec<usize>,
    /// Gradients of the inputs of even and of odd layers, for each direction, `[row][input]`.
    pub(crate) d_inputs: [usize; 2],
    /// To compute a segment again.
    pub(crate) recompute: Option<RecomputeSizes>,
}

/// Floats for computing a segment again, for each direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecomputeSizes {
    pub(crate) groups: Vec<GroupSizes>,
    /// Layers that are computed together.
    pub(crate) layers: usize,
    /// What the steps leave, `[layer][batch row][step][vector][unit]`.
    pub(crate) steps: usize,
}

/// Vectors of hidden units that the gates read: the hidden state, and what full peepholes see.
fn vectors_read(config: &Config) -> usize {
    let full = config.peepholes.each().map(|peephole| *peephole == Peephole::Full);
    let [input, forget, candidate, output] = full;
    1 + usize::from(input || forget || candidate) + usize::from(output)
}

impl BackwardSizes {
    pub(crate) fn new(plan: &Plan) -> Self {
        let (config, shape) = (plan.config(), &plan.shape);
        let geometry = &shape.geometry;
        let rows = plan.training_chunk_steps * config.batch_size;
        let layers = 0..config.num_layers;
        let inputs = layers.clone().map(|layer| config.layer_input(layer)).max().unwrap_or(0);
        let span = 0..config.span_steps();
        let span_rows: usize = plan.groups.iter().map(|group| group.rows_of(&span)).sum();
        let d_inputs = |parity: usize| {
            let layers = (parity..config.num_layers).step_by(2);
            let pitch = layers.map(|layer| shape.wide_pitch(config.layer_input(layer))).max();
            span_rows * pitch.unwrap_or(0)
        };
        Self {
            gates: rows * geometry.gate_pitch,
            state_rows: rows * geometry.state_pitch,
            inputs: rows * inputs,
            arranged_gates: rows * 4 * shape.units(),
            arranged_inputs: rows * (inputs + vectors_read(config) * config.hidden_size + 1),
            derivatives: config.batch_size * geometry.gate_pitch,
            activated: plan.groups.len() * 2 * shape.units(),
            wide: config.batch_size * shape.wide_pitch(config.hidden_size),
            weights: layers.map(|layer| PanelSizes::new(config, shape, layer).total()).collect(),
            d_inputs: [d_inputs(0), d_inputs(1)],
            recompute: config.checkpoint_steps.map(|steps| RecomputeSizes::new(plan, steps)),
        }
    }

    /// Floats of all buffers.
    pub(crate) fn total(&self, directions: usize) -> usize {
        let arranged = self.arranged_gates + self.arranged_inputs;
        let chunk = self.gates + 4 * self.state_rows + self.inputs + arranged;
        let states = self.weights.len() * 2 * self.wide;
        let weights = 2 * self.weights.iter().sum::<usize>();
        let d_inputs: usize = self.d_inputs.iter().sum();
        let recompute = self.recompute.as_ref().map_or(0, RecomputeSizes::total);
        let each = chunk + self.derivatives + self.activated + states + weights + d_inputs;
        directions * (each + recompute)
    }
}

impl RecomputeSizes {
    fn new(plan: &Plan, steps: usize) -> Self {
        let config = plan.config();
        let group = |group| GroupSizes::recomputing(config, &plan.shape, group);
        let layers = if config.directions == 1 { config.num_layers } else { 1 };
        let row = STEP_VECTORS * config.hidden_size;
        Self {
            groups: plan.groups.iter().map(group).collect(),
            layers,
            steps: layers * config.batch_size * steps * row,
        }
    }

    fn total(&self) -> usize {
        self.steps + self.groups.iter().map(GroupSizes::total).sum::<usize>()
    }
}
