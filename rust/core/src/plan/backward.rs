//! How much temporary memory a backward call needs.
//!
//! In: a plan for training. Out: [`BackwardSizes`], floats of each buffer. Nothing is allocated here.

use super::cache::StepLayout;
use super::call::Plan;
use super::layer::LayerPlan;
use super::memory::GroupSizes;
use crate::check::LayerConfig;
use crate::gate::Gate;
use crate::kernel::TRANSPOSED_ROWS;
use crate::products::Route;

/// Floats of each buffer of a backward call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackwardSizes {
    /// For each direction.
    pub(crate) chunk: ChunkSizes,
    /// For each group of rows whose units are divided, and direction.
    pub(crate) groups: Vec<PartSizes>,
    /// Threads that sum the weight gradients of a direction.
    pub(crate) threads: usize,
    /// Gate gradients of a chunk by block, for each direction, `[block][row][gate][lane]`.
    pub(crate) arranged_gates: usize,
    /// All that the gates of a chunk read, for each direction and thread, `[input][row]`.
    pub(crate) arranged_inputs: usize,
    /// Some rows of inputs and hidden states, for each direction and thread.
    pub(crate) arranged_rows: usize,
    /// Gradient of the hidden state, for each layer and direction, `[batch row][output]` at the wide pitch.
    pub(crate) d_hidden: usize,
    /// Gradient of the cell state, for each layer and direction, `[batch row][unit]` at the wide pitch.
    pub(crate) d_cell: usize,
    /// Gradients of the inputs of even and of odd layers, for each direction, `[row][input]`.
    pub(crate) d_inputs: [usize; 2],
    /// To compute a segment again.
    pub(crate) recompute: Option<RecomputeSizes>,
}

/// Floats of the buffers of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChunkSizes {
    /// Saved gates and gate gradients, `[row][gate][unit]`.
    pub(crate) gates: usize,
    /// Cell states, and as many before each step, `[row][unit]`.
    pub(crate) cell_rows: usize,
    /// Incoming gradients of the outputs, `[row][output]`.
    pub(crate) output_rows: usize,
    /// Hidden states before each step, `[row][output]`; none where panels sum weight gradients.
    pub(crate) hidden_rows: usize,
    /// What the steps read, `[row][input]`; likewise.
    pub(crate) inputs: usize,
    /// Values of the units that were projected, `[row][unit]`.
    pub(crate) unprojected: usize,
    /// Their gradients at one step, `[batch row][unit]` at the wide pitch.
    pub(crate) d_unprojected: usize,
    /// Derivatives of the gates of one step, `[batch row][gate][unit]`.
    pub(crate) derivatives: usize,
    /// Activated cell states and slopes, `[group][2][unit]`.
    pub(crate) activated: usize,
}

/// Floats of the buffers of a group of rows whose units several threads divide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartSizes {
    /// How many parts.
    pub(crate) parts: usize,
    /// The group's rows once more, for each part but the first one.
    pub(crate) chunk: ChunkSizes,
    /// Gradients of its hidden states, for each part but the first one, `[batch row][output]` at the wide pitch.
    pub(crate) d_hidden: usize,
    /// The same of its cell states.
    pub(crate) d_cell: usize,
    /// Gradients of one state that a part computes at a step, `[batch row][output]`.
    pub(crate) slice: usize,
    /// Whether they are exchanged within a step, which the full peephole of the output gate sees.
    pub(crate) exchanges_within: bool,
    /// Whether gradients of cell states are exchanged after it, which other full peepholes see.
    pub(crate) exchanges_cells: bool,
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
    let cells = usize::from(config.has_early_full()) + usize::from(config.is_full(Gate::Output));
    let projected = if config.variant.projects { config.outputs } else { 0 };
    config.outputs + cells * config.units + 1 + projected
}

impl BackwardSizes {
    pub(crate) fn new(plan: &Plan) -> Self {
        let (config, shape) = (plan.config(), &plan.layer.shape);
        let layer = &config.layer;
        let rows = plan.training_chunk_steps * config.batch_size;
        let inputs = widest_input(layer);
        let span = 0..config.span_steps();
        let span_rows: usize = plan.backward_groups.iter().map(|group| group.rows_of(&span)).sum();
        let d_inputs = |parity: usize| {
            let layers = (parity..layer.layers).step_by(2);
            let pitch = layers.map(|number| shape.wide_pitch(layer.layer_inputs(number))).max();
            span_rows * pitch.unwrap_or(0)
        };
        let recompute = config.checkpoint_steps.map(|steps| RecomputeSizes::new(plan, steps));
        let by_library = plan.gradients == Route::Gemm;
        let arranged = if by_library { 0 } else { TRANSPOSED_ROWS * (inputs + layer.outputs) };
        let divided = plan.backward_groups.iter().filter(|_| plan.backward.parts > 1);
        Self {
            chunk: ChunkSizes::new(plan, config.batch_size, plan.backward_groups.len()),
            groups: divided.map(|group| PartSizes::new(plan, group.rows)).collect(),
            threads: plan.direction_threads,
            arranged_gates: rows * Gate::COUNT * shape.padded_units(),
            arranged_inputs: rows * (inputs + values_read(layer)),
            arranged_rows: arranged,
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
        let of_parts: usize = self.groups.iter().map(PartSizes::total).sum();
        let d_states = layers * (self.d_hidden + self.d_cell);
        let d_inputs: usize = self.d_inputs.iter().sum();
        let recompute = self.recompute.as_ref().map_or(0, RecomputeSizes::total);
        let each = self.chunk.total() + of_parts + arranged + d_states + d_inputs;
        directions * (each + recompute) + 2 * layer.sum_floats()
    }
}

/// Inputs of the layer with most of them.
fn widest_input(layer: &LayerConfig) -> usize {
    (0..layer.layers).map(|number| layer.layer_inputs(number)).max().unwrap_or(0)
}

impl ChunkSizes {
    /// Of some batch rows in so many groups.
    fn new(plan: &Plan, batch_rows: usize, groups: usize) -> Self {
        let (layer, shape) = (&plan.layer.config, &plan.layer.shape);
        let geometry = &shape.geometry;
        let rows = plan.training_chunk_steps * batch_rows;
        let projected = |floats: usize| if layer.variant.projects { floats } else { 0 };
        let read = |floats: usize| if plan.gradients == Route::Gemm { floats } else { 0 };
        Self {
            gates: rows * geometry.gate_pitch,
            cell_rows: rows * geometry.cell_pitch,
            output_rows: rows * geometry.output_pitch,
            hidden_rows: read(rows * geometry.output_pitch),
            inputs: read(rows * widest_input(layer)),
            unprojected: projected(rows * geometry.cell_pitch),
            d_unprojected: projected(batch_rows * shape.wide_pitch(layer.units)),
            derivatives: batch_rows * geometry.gate_pitch,
            activated: groups * 2 * shape.padded_units(),
        }
    }

    fn total(&self) -> usize {
        let states = 2 * self.cell_rows + self.output_rows + self.hidden_rows;
        let step = self.derivatives + self.activated + self.d_unprojected;
        self.gates + states + self.inputs + self.unprojected + step
    }
}

impl PartSizes {
    /// Of a group of so many rows.
    fn new(plan: &Plan, rows: usize) -> Self {
        let (layer, shape) = (&plan.layer.config, &plan.layer.shape);
        let parts = 0..plan.backward.parts;
        let vectors = parts.map(|part| plan.backward_part(part).len()).max().unwrap_or(0);
        Self {
            parts: plan.backward.parts,
            // What a library sums with stands in the group's own buffers.
            chunk: ChunkSizes { hidden_rows: 0, inputs: 0, ..ChunkSizes::new(plan, rows, 1) },
            d_hidden: rows * shape.wide_pitch(layer.outputs),
            d_cell: rows * shape.wide_pitch(layer.units),
            slice: rows * vectors * shape.lanes,
            exchanges_within: layer.is_full(Gate::Output),
            exchanges_cells: layer.has_early_full(),
        }
    }

    /// Floats of all parts: of what they have for themselves, and of the slices that they exchange.
    fn total(&self) -> usize {
        let Self { parts, chunk, d_hidden, d_cell, slice, .. } = self;
        let kinds = 1 + usize::from(self.exchanges_within) + usize::from(self.exchanges_cells);
        // Two buffers for each part, and one to fill them from.
        let slices = parts * slice * (2 * kinds + 1);
        (parts - 1) * (chunk.total() + d_hidden + d_cell) + slices
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
