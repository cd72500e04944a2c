//! How long a backward call takes in a grid of threads, by a model.
//!
//! In: a [`Model`], which knows the layer and the machine, and a [`BackwardGrid`]. Out: microseconds.
//! `docs/cores.md` describes it. It does not choose.

use super::backward_division::BackwardGrid;
use super::cost::{GATE_BYTES, Model};
use crate::check::LayerConfig;
use crate::gate::Gate;
use crate::tuning::Tuning;

/// What one thread of a direction has to do.
struct Share {
    /// Threads of the direction.
    threads: usize,
    /// Groups of batch rows.
    groups: usize,
    /// Parts of the units of a group.
    parts: usize,
    /// Rows of all steps in the largest group.
    rows: f64,
    /// Outputs whose gradients it multiplies, of padded ones.
    outputs: f64,
    /// Padded units whose weight gradients it sums.
    units: f64,
    /// How many times as long arithmetic takes as with a core alone.
    slower: f64,
}

impl Model<'_> {
    /// Microseconds of a backward call after a forward call by `of_forward` threads.
    pub(super) fn backward_micros(self, grid: BackwardGrid, of_forward: usize) -> f64 {
        let BackwardGrid { rows: groups, parts, threads } = grid;
        let Tuning { costs, .. } = self.layer.tuning;
        let LayerConfig { layers, directions, .. } = self.config.layer;
        let of_direction = grid.of_direction(self.config);
        let steps = self.config.seq_len as f64;
        let blocks = self.layer.shape.geometry.blocks.div_ceil(of_direction);
        let share = Share {
            threads: of_direction,
            groups,
            parts,
            rows: self.active * steps * self.config.batch_size.div_ceil(groups) as f64,
            outputs: self.outputs_of_part(parts),
            units: (blocks * self.layer.shape.lanes) as f64,
            slower: self.slower(threads),
        };
        let of_layers: f64 = (0..layers).map(|layer| self.layer_backward(&share, layer)).sum();
        let rounds = (groups * parts * directions).div_ceil(threads) as f64;
        let others = (threads - 1) as f64;
        let start = if threads == 1 { 0.0 } else { costs.start_ns as f64 };
        let start = start + others * costs.thread_ns as f64;
        let start = if threads > of_forward { start + self.cached(of_direction) } else { start };
        (of_layers * rounds + self.ends(threads) + start) / 1e3
    }

    /// Nanoseconds of all steps of one direction of a layer.
    fn layer_backward(self, share: &Share, layer: usize) -> f64 {
        let Tuning { costs, caches, training_rows, .. } = self.layer.tuning;
        let (config, shape) = (&self.config.layer, &self.layer.shape);
        let (steps, padded) = (self.config.seq_len as f64, shape.padded_units() as f64);
        let (inputs, outputs) = (config.layer_inputs(layer) as f64, config.outputs as f64);
        let rows = self.all_rows();
        let rate = (costs.backward_flops_of_lane * shape.lanes) as f64 / share.slower;
        let product = |rows: f64, units: f64, columns: f64| {
            2.0 * Gate::COUNT as f64 * rows * units * columns / rate
        };
        // Weights are read in each step, sums of gradients are read and written in each chunk of steps.
        let near = costs.kept_quarters as f64 / 4.0 * caches.l2 as f64 / share.slower;
        let read = |bytes: f64| {
            let far = (bytes - near).max(0.0);
            let rates = (costs.l2_bytes as f64, costs.l3_bytes as f64);
            ((bytes - far) / rates.0 + far / rates.1) * share.slower
        };
        let chunk_rows = training_rows.max(self.config.batch_size) as f64;
        let chunks = (rows / chunk_rows).ceil().max(1.0);
        let recurred = product(share.rows / steps, padded, share.outputs);
        let recurred = recurred.max(read(GATE_BYTES * padded * share.outputs));
        let recurred = steps * (recurred + self.backward_exchange(share));
        let projected = product(share.rows / share.parts as f64, padded, inputs);
        let sums = GATE_BYTES * share.units * (inputs + outputs);
        let summed = product(rows, share.units, inputs + outputs).max(chunks * read(2.0 * sums));
        let of_rows = share.rows * padded * costs.backward_unit_ps as f64;
        // Each thread brings back what it sums with.
        let of_inputs = rows * (inputs + outputs) * costs.arranged_ps as f64;
        let element_wise = (of_rows + of_inputs) / 1e3 * share.slower;
        let alone = recurred + projected + summed + element_wise;
        if share.threads == 1 { alone } else { alone + self.shared(share, chunks, inputs) }
    }

    /// Outputs of the largest part, whole blocks of transposed products.
    fn outputs_of_part(self, parts: usize) -> f64 {
        let (outputs, blocks) = (self.config.layer.outputs as f64, self.layer.output_blocks());
        outputs * blocks.div_ceil(parts) as f64 / blocks as f64
    }

    /// Nanoseconds in which parts of the units exchange gradients of states at a step: of hidden states, and of cell
    /// states where full peepholes see them, within the step as well where the output gate's does.
    fn backward_exchange(self, share: &Share) -> f64 {
        if share.parts == 1 {
            return 0.0;
        }
        let costs = self.layer.tuning.costs;
        let config = &self.config.layer;
        let early = usize::from(config.has_early_full());
        let within = usize::from(config.is_full(Gate::Output));
        let rows = share.rows / self.config.seq_len as f64;
        let floats = rows * config.outputs as f64 * (1 + early + within) as f64;
        let copied = floats * size_of::<f32>() as f64 / costs.slice_bytes as f64;
        let meeting = costs.slices_ns + costs.slice_ns * (share.parts - 2);
        copied + ((1 + within) * meeting) as f64
    }

    /// Nanoseconds that several threads of a direction spend on each other: gate gradients travel to who sums with
    /// them, and back to be overwritten; transposed weights come from the thread that packed them; twice a chunk all
    /// of them meet.
    fn shared(self, share: &Share, chunks: f64, inputs: f64) -> f64 {
        let costs = self.layer.tuning.costs;
        let padded = self.layer.shape.padded_units() as f64;
        let of_recurrence = share.groups * share.parts;
        let of_others = if share.groups == 1 { 1.0 } else { 1.0 - 1.0 / share.groups as f64 };
        let gates = 2.0 * GATE_BYTES * self.all_rows() * share.units * of_others;
        let columns = inputs + share.outputs;
        let weights = if of_recurrence == 1 { 0.0 } else { GATE_BYTES * padded * columns };
        // The recurrence, gradients of inputs where parts of the units have divided it, weight gradients.
        let meetings = if share.parts > 1 { 3.0 } else { 2.0 };
        let meetings = meetings * chunks * (share.threads as f64).log2().ceil();
        (gates + weights) / costs.written_bytes as f64 + meetings * costs.meeting_ns as f64
    }

    /// Nanoseconds in which rows of the training cache travel to threads that did not fill them, and back for the next
    /// forward call, as far as they still lie in L2.
    fn cached(self, threads: usize) -> f64 {
        let Tuning { costs, caches, .. } = self.layer.tuning;
        let LayerConfig { units, outputs, layers, directions, .. } = self.config.layer;
        let floats = layers * directions * ((Gate::COUNT + 1) * units + outputs);
        let bytes = self.all_rows() * (floats * size_of::<f32>()) as f64;
        let kept = costs.kept_quarters as f64 / 4.0 * caches.l2 as f64;
        let of_others = 1.0 - 1.0 / (threads as f64).max(2.0);
        2.0 * bytes.min(kept) * of_others / costs.written_bytes as f64
    }

    /// Nanoseconds of the gradients' way to the caller's arrays: of weights by a thread for each gate, of inputs by all.
    fn ends(self, threads: usize) -> f64 {
        let costs = self.layer.tuning.costs;
        let inputs = self.all_rows() * self.config.layer.inputs as f64;
        let gates = Gate::COUNT.div_ceil(threads) as f64 / Gate::COUNT as f64;
        let stored = self.layer.sum_floats() as f64 * gates + inputs / threads as f64;
        let meetings = 2.0 * (threads as f64).log2().ceil();
        stored * costs.stored_ps as f64 / 1e3 + meetings * costs.meeting_ns as f64
    }

    /// Active rows of all steps.
    fn all_rows(self) -> f64 {
        self.active * (self.config.seq_len * self.config.batch_size) as f64
    }
}
