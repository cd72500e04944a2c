//! How much temporary memory a backward call needs.
//!
//! In: a plan for training. Out: [`BackwardSizes`], floats of each buffer. Nothing is allocated here.

use super::cache::StepLayout;
use super::call::Plan;
use super::layer::LayerPlan;
use super::memory::GroupSizes;
use crate::check::{LayerConfig, Peephole};
use crate::gate::Gate;
use crate::kernel::TRANSPOSED_ROWS;
use crate::products::Route;

/// Floats of each buffer of a backward call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackwardSizes {
    /// Saved gates and gate gradients of a chunk, for each direction, `[row][gate][unit]`.
    pub(crate) gates: usize,
    /// Cell states of a chunk, and as many before its steps, for each direction, `[row][unit]`.
    pub(crate) cell_rows: usize,
    /// Incoming gradients of the outputs of a chunk, for each direction, `[row][output]`.
    pub(crate) output_rows: usize,
    /// Hidden states before the steps of a chunk, for each direction, `[row][output]`; none where panels sum weight
    /// gradients.
    pub(crate) hidden_rows: usize,
    /// What the steps of a chunk read, for each direction, `[row][input]`; likewise.
    pub(crate) inputs: usize,
    /// Threads that sum the weight gradients of a direction.
    pub(crate) threads: usize,
    /// Gate gradients of a chunk by block, for each direction, `[block][row][gate][lane]`.
    pub(crate) arranged_gates: usize,
    /// All that the gates of a chunk read, for each direction and thread, `[input][row]`.
    pub(crate) arranged_inputs: usize,
    /// Some rows of inputs and hidden states, for each direction and thread.
    pub(crate) arranged_rows: usize,
    /// Derivatives of the gates of one step, for each direction, `[batch row][gate][unit]`.
    pub(crate) derivatives: usize,
    /// Values of the units that were projected, of a chunk, for each direction, `[row][unit]`.
    pub(crate) unprojected: usize,
    /// Their gradients at one step, for each direction, `[batch row][unit]` at the wide pitch.
    pub(crate) d_unprojected: usize,
    /// Activated cell states and slopes, for each direction, `[group][2][unit]`.
    pub(crate) activated: usize,
    /// Gradient of the hidden state, for each layer and direction, `[batch row][output]` at the wide pitch.
    pub(crate) d_hidden: usize,
    /// Gradient of the cell state, for each layer and direction, `[batch row][unit]` at the wide pitch.
    pub(crate) d_cell: usize,
    /// Gradients of the inputs of even and of odd layers, for each direction, `[row][input]`.
    pub(crate) d_inputs: [usize; 2],
    /// To compute a segment again.
    pub(crate) recompute: Option<RecomputeSizes>,
}

/// Floats for computing a segment again, for each direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecomputeSizes {
    pub(crate) groups: Vec<GroupSizes>,
    /// What the steps leave, `[layer][batch row][step][vector][unit]`.
    pub(crate) steps: usize,
}

/// All that the gates of a row read besides the inputs: the hidden state, what full peepholes see, and 1 for
/// the biases; and the gradients of projected outputs, which the gradient of the projection reads.
fn values_read(config: &LayerConfig) -> usize {
    let is_full = |gate: Gate| *config.peepholes.get(gate) == Peephole::Full;
    let cells =
        usize::from(Gate::EARLY.into_iter().any(is_full)) + usize::from(is_full(Gate::Output));
    let projected = if config.variant.projects { config.outputs } else { 0 };
    config.outputs + cells * config.units + 1 + projected
}

impl BackwardSizes {
    pub(crate) fn new(plan: &Plan) -> Self {
        let (config, shape) = (plan.config(), &plan.layer.shape);
        let (layer, geometry) = (&config.layer, &shape.geometry);
        let rows = plan.training_chunk_steps * config.batch_size;
        let layers = 0..layer.layers;
        let inputs = layers.map(|number| layer.layer_inputs(number)).max().unwrap_or(0);
        let span = 0..config.span_steps();
        let span_rows: usize = plan.backward_groups.iter().map(|group| group.rows_of(&span)).sum();
        let d_inputs = |parity: usize| {
            let layers = (parity..layer.layers).step_by(2);
            let pitch = layers.map(|number| shape.wide_pitch(layer.layer_inputs(number))).max();
            span_rows * pitch.unwrap_or(0)
        };
        let projected = |floats: usize| if layer.variant.projects { floats } else { 0 };
        let recompute = config.checkpoint_steps.map(|steps| RecomputeSizes::new(plan, steps));
        let by_library = plan.gradients == Route::Gemm;
        let read = |floats: usize| if by_library { floats } else { 0 };
        let arranged = if by_library { 0 } else { TRANSPOSED_ROWS * (inputs + layer.outputs) };
        Self {
            gates: rows * geometry.gate_pitch,
            cell_rows: rows * geometry.cell_pitch,
            output_rows: rows * geometry.output_pitch,
            hidden_rows: read(rows * geometry.output_pitch),
            inputs: read(rows * inputs),
            threads: plan.direction_threads,
            arranged_gates: rows * Gate::COUNT * shape.padded_units(),
            arranged_inputs: rows * (inputs + values_read(layer)),
            arranged_rows: arranged,
            derivatives: config.batch_size * geometry.gate_pitch,
            unprojected: projected(rows * geometry.cell_pitch),
            d_unprojected: projected(config.batch_size * shape.wide_pitch(layer.units)),
            activated: plan.backward_groups.len() * 2 * shape.padded_units(),
            d_hidden: config.batch_size * shape.wide_pitch(layer.outputs),
            d_cell: config.batch_size * shape.wide_pitch(layer.units),
            d_inputs: [d_inputs(0), d_inputs(1)],
            recompute,
        }
    }

    /// Floats of all buffers, and of the sums of weight gradients: of all steps, and of the last ones.
    pub(crate) fn total(&self, layer: &LayerPlan) -> usize {
        let LayerConfig { layers, directions, .. } = layer.config;
        let of_threads = self.threads * (self.arranged_inputs + self.arranged_rows);
        let arranged = self.arranged_gates + of_threads;
        let states = 2 * self.cell_rows + self.output_rows + self.hidden_rows;
        let chunk = self.gates + states + self.inputs + arranged + self.unprojected;
        let d_states = layers * (self.d_hidden + self.d_cell);
        let d_inputs: usize = self.d_inputs.iter().sum();
        let recompute = self.recompute.as_ref().map_or(0, RecomputeSizes::total);
        let step = self.derivatives + self.activated + self.d_unprojected;
        let each = chunk + step + d_states + d_inputs;
        directions * (each + recompute) + 2 * layer.sum_floats()
    }
}

impl RecomputeSizes {
    fn new(plan: &Plan, steps: usize) -> Self {
        let config = plan.config();
        let row = StepLayout::new(&config.layer).floats();
        Self {
            groups: plan
                .backward_groups
                .iter()
                .map(|group| GroupSizes::recomputing(plan, group))
                .collect(),
            steps: config.segment_layers() * config.batch_size * steps * row,
        }
    }

    fn total(&self) -> usize {
        self.steps + self.groups.iter().map(GroupSizes::total).sum::<usize>()
    }
}
