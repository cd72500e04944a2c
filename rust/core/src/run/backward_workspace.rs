//! The temporary memory of a backward call.
//!
//! In: a plan for training. Out: [`BackwardWorkspace`], allocated once and used by any number of calls. It
//! holds nothing between calls.

use super::stage::ChunkBuffers;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::plan::{PanelSizes, Plan};

/// Buffers of a backward call.
#[derive(Debug)]
pub struct BackwardWorkspace {
    /// For each direction.
    pub(super) directions: Vec<DirectionMemory>,
    /// Gradients of the inputs of even layers, for each direction.
    pub(super) even: Vec<Aligned>,
    /// Gradients of the inputs of odd layers, for each direction.
    pub(super) odd: Vec<Aligned>,
    pub(super) plan_id: u64,
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
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) d_hidden: Aligned,
    /// `[batch row][unit]`, at the wide pitch.
    pub(super) d_cell: Aligned,
    /// `[batch row][gate][unit]`
    pub(super) derivatives: Aligned,
    /// `[group][2][unit]`
    pub(super) activated: Aligned,
    /// Weight gradients of the steps since the last flush, in the order of the packed weights.
    pub(super) recent: Aligned,
    /// Weight gradients of all steps before.
    pub(super) sums: Aligned,
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
    pub(super) recent: &'a mut [f32],
}

impl BackwardWorkspace {
    /// Allocate the workspace of a plan.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &Plan) -> Result<Self, Error> {
        let config = plan.config();
        let rows: usize = plan.groups.iter().map(crate::plan::Group::all_rows).sum();
        let sequence = |parity: usize| -> Result<Vec<Aligned>, Error> {
            let layers = (parity..config.num_layers).step_by(2);
            let pitch = layers.map(|layer| plan.shape.wide_pitch(config.layer_input(layer))).max();
            (0..config.directions).map(|_| zeros(rows * pitch.unwrap_or(0))).collect()
        };
        Ok(Self {
            directions: (0..config.directions)
                .map(|_| DirectionMemory::new(plan))
                .collect::<Result<_, _>>()?,
            even: sequence(0)?,
            odd: sequence(1)?,
            plan_id: plan.id,
        })
    }
}

impl DirectionMemory {
    fn new(plan: &Plan) -> Result<Self, Error> {
        let (config, shape) = (plan.config(), &plan.shape);
        let geometry = &shape.geometry;
        let rows = plan.training_chunk_steps * config.batch_size;
        let wide = config.batch_size * shape.wide_pitch(config.hidden_size);
        let layers = 0..config.num_layers;
        let inputs = layers.clone().map(|layer| config.layer_input(layer)).max().unwrap_or(0);
        let weights = layers.map(|layer| PanelSizes::new(config, shape, layer).total());
        let weights = weights.max().unwrap_or(0);
        Ok(Self {
            gates: zeros(rows * geometry.gate_pitch)?,
            cells: zeros(rows * geometry.state_pitch)?,
            previous_cells: zeros(rows * geometry.state_pitch)?,
            previous_hidden: zeros(rows * geometry.state_pitch)?,
            inputs: zeros(rows * inputs)?,
            incoming: zeros(rows * geometry.state_pitch)?,
            d_hidden: zeros(wide)?,
            d_cell: zeros(wide)?,
            derivatives: zeros(config.batch_size * geometry.gate_pitch)?,
            activated: zeros(plan.groups.len() * 2 * shape.units())?,
            recent: zeros(weights)?,
            sums: zeros(weights)?,
        })
    }

    /// What the groups of a chunk divide among them.
    pub(super) fn rows(&mut self) -> RowBuffers<'_> {
        RowBuffers {
            chunk: ChunkBuffers {
                gates: &mut self.gates,
                cells: &mut self.cells,
                previous_cells: &mut self.previous_cells,
                previous_hidden: &mut self.previous_hidden,
                inputs: &mut self.inputs,
                incoming: &mut self.incoming,
            },
            d_hidden: &mut self.d_hidden,
            d_cell: &mut self.d_cell,
            derivatives: &mut self.derivatives,
            activated: &mut self.activated,
        }
    }

    /// What weight gradients are made of, and where they are summed.
    pub(super) fn products(&mut self) -> ProductBuffers<'_> {
        ProductBuffers {
            gates: &self.gates,
            cells: &self.cells,
            previous_cells: &self.previous_cells,
            previous_hidden: &self.previous_hidden,
            inputs: &self.inputs,
            recent: &mut self.recent,
        }
    }
}

fn zeros(floats: usize) -> Result<Aligned, Error> {
    Aligned::zeros(floats, "the backward workspace")
}
