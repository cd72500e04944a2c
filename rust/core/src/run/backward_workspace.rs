//! The temporary memory of a backward call.
//!
//! In: a plan for training. Out: [`BackwardWorkspace`], allocated once and used by any number of calls. It
//! holds nothing between calls.

use super::recompute::RecomputeMemory;
use super::stage::ChunkBuffers;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::plan::{BackwardSizes, Plan};

/// Buffers of a backward call.
#[derive(Debug)]
pub struct BackwardWorkspace {
    /// For each direction.
    pub(super) directions: Vec<DirectionMemory>,
    /// For each layer and direction.
    pub(super) gradients: Vec<GradientMemory>,
    /// Gradients of the inputs of even layers, for each direction.
    pub(super) even: Vec<Aligned>,
    /// Gradients of the inputs of odd layers, for each direction.
    pub(super) odd: Vec<Aligned>,
    /// For each direction where there are checkpoints, else none.
    pub(super) recompute: Vec<RecomputeMemory>,
    pub(super) plan_id: u64,
}

/// What a layer and direction hands on from step to step.
#[derive(Debug)]
pub(super) struct GradientMemory {
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) d_hidden: Aligned,
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) d_cell: Aligned,
    /// Weight gradients of the last steps, in the order of the packed weights.
    recent: Aligned,
    /// Whether `recent` holds any, or just room for them.
    has_recent: bool,
    /// Weight gradients of all steps before.
    sums: Aligned,
    /// As `has_recent`.
    has_sums: bool,
}

/// Buffers of one direction.
#[derive(Debug)]
pub(super) struct DirectionMemory {
    gates: Aligned,
    cells: Aligned,
    previous_cells: Aligned,
    previous_hidden: Aligned,
    inputs: Aligned,
    incoming: Aligned,
    /// `[batch row][gate][unit]`
    pub(super) derivatives: Aligned,
    /// `[group][2][unit]`
    pub(super) activated: Aligned,
    arranged_gates: Aligned,
    arranged_inputs: Aligned,
}

/// What the groups of a chunk divide among them.
#[derive(Debug)]
pub(super) struct RowBuffers<'a> {
    pub(super) chunk: ChunkBuffers<'a>,
    pub(super) d_hidden: &'a mut [f32],
    pub(super) d_cell: &'a mut [f32],
    pub(super) derivatives: &'a mut [f32],
    pub(super) activated: &'a mut [f32],
}

/// What weight gradients are made of, and where they are summed.
#[derive(Debug)]
pub(super) struct ProductBuffers<'a> {
    pub(super) gates: &'a [f32],
    pub(super) cells: &'a [f32],
    pub(super) previous_cells: &'a [f32],
    pub(super) previous_hidden: &'a [f32],
    pub(super) inputs: &'a [f32],
    /// `[block][row][gate][lane]`
    pub(super) arranged_gates: &'a mut [f32],
    /// `[input][row]`
    pub(super) arranged_inputs: &'a mut [f32],
    /// Where the sums go, in the order of the packed weights.
    pub(super) sums: &'a mut [f32],
    /// Whether there are sums to add to.
    pub(super) has_sums: &'a mut bool,
}

impl BackwardWorkspace {
    /// Allocate the workspace of a plan.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &Plan) -> Result<Self, Error> {
        let config = plan.config();
        let sizes = BackwardSizes::new(plan);
        let sequences = |floats: usize| -> Result<Vec<Aligned>, Error> {
            (0..config.directions).map(|_| room(floats)).collect()
        };
        let directions = (0..config.directions).map(|_| DirectionMemory::new(&sizes));
        let layers = sizes.weights.iter().flat_map(|weights| vec![*weights; config.directions]);
        let gradients = layers.map(|weights| GradientMemory::new(sizes.wide, weights));
        let recompute = (0..config.directions).filter_map(|_| sizes.recompute.as_ref());
        Ok(Self {
            directions: directions.collect::<Result<_, _>>()?,
            gradients: gradients.collect::<Result<_, _>>()?,
            even: sequences(sizes.d_inputs[0])?,
            odd: sequences(sizes.d_inputs[1])?,
            recompute: recompute.map(RecomputeMemory::new).collect::<Result<_, _>>()?,
            plan_id: plan.id,
        })
    }
}

impl GradientMemory {
    fn new(wide: usize, weights: usize) -> Result<Self, Error> {
        Ok(Self {
            d_hidden: zeros(wide)?,
            d_cell: zeros(wide)?,
            recent: room(weights)?,
            has_recent: false,
            sums: room(weights)?,
            has_sums: false,
        })
    }

    /// No weight gradients yet.
    pub(super) fn clear_weights(&mut self) {
        self.has_recent = false;
        self.has_sums = false;
    }

    /// Add the weight gradients of the last steps to those of all steps before.
    pub(super) fn sum_weights(&mut self) {
        if self.has_recent && self.has_sums {
            for (sum, recent) in self.sums.iter_mut().zip(self.recent.iter()) {
                *sum += *recent;
            }
        } else if self.has_recent {
            std::mem::swap(&mut self.sums, &mut self.recent);
        }
        self.has_sums |= self.has_recent;
        self.has_recent = false;
    }

    /// The weight gradients of all steps, in the order of the packed weights.
    pub(super) fn weights(&mut self) -> &[f32] {
        self.sum_weights();
        if !self.has_sums {
            self.sums.fill(0.0);
            self.has_sums = true;
        }
        &self.sums
    }
}

impl DirectionMemory {
    fn new(sizes: &BackwardSizes) -> Result<Self, Error> {
        Ok(Self {
            gates: room(sizes.gates)?,
            cells: room(sizes.state_rows)?,
            previous_cells: room(sizes.state_rows)?,
            previous_hidden: room(sizes.state_rows)?,
            inputs: room(sizes.inputs)?,
            incoming: room(sizes.state_rows)?,
            derivatives: room(sizes.derivatives)?,
            activated: room(sizes.activated)?,
            arranged_gates: room(sizes.arranged_gates)?,
            arranged_inputs: room(sizes.arranged_inputs)?,
        })
    }

    /// What the groups of a chunk divide among them.
    pub(super) fn rows<'m>(&'m mut self, gradients: &'m mut GradientMemory) -> RowBuffers<'m> {
        RowBuffers {
            chunk: ChunkBuffers {
                gates: &mut self.gates,
                cells: &mut self.cells,
                previous_cells: &mut self.previous_cells,
                previous_hidden: &mut self.previous_hidden,
                inputs: &mut self.inputs,
                incoming: &mut self.incoming,
            },
            d_hidden: &mut gradients.d_hidden,
            d_cell: &mut gradients.d_cell,
            derivatives: &mut self.derivatives,
            activated: &mut self.activated,
        }
    }

    /// What weight gradients are made of, and where they are summed.
    pub(super) fn products<'m>(
        &'m mut self,
        gradients: &'m mut GradientMemory,
    ) -> ProductBuffers<'m> {
        ProductBuffers {
            gates: &self.gates,
            cells: &self.cells,
            previous_cells: &self.previous_cells,
            previous_hidden: &self.previous_hidden,
            inputs: &self.inputs,
            arranged_gates: &mut self.arranged_gates,
            arranged_inputs: &mut self.arranged_inputs,
            sums: &mut gradients.recent,
            has_sums: &mut gradients.has_recent,
        }
    }
}

fn zeros(floats: usize) -> Result<Aligned, Error> {
    Aligned::zeros(floats, "the backward workspace")
}

/// What a call writes before it reads it.
fn room(floats: usize) -> Result<Aligned, Error> {
    Aligned::room(floats, "the backward workspace")
}
