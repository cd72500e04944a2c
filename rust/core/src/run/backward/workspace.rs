//! The temporary memory of a backward call.
//!
//! In: a plan for training. Out: [`BackwardWorkspace`], allocated once and used by any number of calls. It
//! holds nothing between calls.

use super::super::ping_pong::PingPong;
use super::super::threads::SliceExchange;
use super::buffers::{ChunkMemory, PartMemory, PartsExchange, PartsMemory};
use super::pass::{DirectionMemory, GradientMemory, SumMemory};
use super::segment::SegmentMemory;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::pack::GradientSums;
use crate::place::{PerDirection, PerPlace};
use crate::plan::{BackwardSizes, ChunkSizes, PartSizes, Plan};

/// Buffers of a backward call.
#[derive(Debug)]
pub struct BackwardWorkspace {
    pub(super) directions: PerDirection<DirectionMemory>,
    pub(super) gradients: PerPlace<GradientMemory>,
    /// Gradients of the inputs of layers, `[row][input]`, for each direction.
    pub(super) d_inputs: PingPong<PerDirection<Aligned>>,
    /// To compute segments again, for each direction; `None` where there are no checkpoints.
    pub(super) segments: PerDirection<Option<SegmentMemory>>,
    pub(super) plan_id: u64,
}

impl BackwardWorkspace {
    /// Allocate the workspace of a plan.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &Plan) -> Result<Self, Error> {
        let (sizes, config) = (BackwardSizes::new(plan), &plan.layer.config);
        let directions = config.directions;
        let d_inputs = |floats| PerDirection::try_from_fn(directions, |_| uninit(floats));
        let [even, odd] = sizes.d_inputs;
        let segment = |_| sizes.recompute.as_ref().map(SegmentMemory::new).transpose();
        Ok(Self {
            directions: PerDirection::try_from_fn(directions, |_| DirectionMemory::new(&sizes))?,
            gradients: PerPlace::try_from_fn((config.layers, directions), |place| {
                let sums = GradientSums::new(plan.layer.panel_sizes(place.layer))?;
                GradientMemory::new(&sizes, sums)
            })?,
            d_inputs: PingPong { even: d_inputs(even)?, odd: d_inputs(odd)? },
            segments: PerDirection::try_from_fn(directions, segment)?,
            plan_id: plan.id,
        })
    }
}

impl GradientMemory {
    fn new(sizes: &BackwardSizes, weights: GradientSums) -> Result<Self, Error> {
        Ok(Self { d_hidden: zeros(sizes.d_hidden)?, d_cell: zeros(sizes.d_cell)?, weights })
    }
}

impl DirectionMemory {
    fn new(sizes: &BackwardSizes) -> Result<Self, Error> {
        let sums = (0..sizes.threads).map(|_| SumMemory::new(sizes));
        Ok(Self {
            chunk: ChunkMemory::new(&sizes.chunk)?,
            parts: sizes.groups.iter().map(PartsMemory::new).collect::<Result<_, _>>()?,
            arranged_gates: uninit(sizes.arranged_gates)?,
            sums: sums.collect::<Result<_, _>>()?,
        })
    }
}

impl SumMemory {
    fn new(sizes: &BackwardSizes) -> Result<Self, Error> {
        Ok(Self { arranged: uninit(sizes.arranged_inputs)?, rows: uninit(sizes.arranged_rows)? })
    }
}

impl PartsMemory {
    fn new(sizes: &PartSizes) -> Result<Self, Error> {
        let PartSizes { parts, slice, exchanges_within, exchanges_cells, .. } = *sizes;
        let slices = || SliceExchange::new(parts, slice);
        Ok(Self {
            others: (1..parts).map(|_| PartMemory::new(sizes)).collect::<Result<_, _>>()?,
            slice: uninit(slice)?,
            exchange: PartsExchange {
                hidden: slices()?,
                within: exchanges_within.then(slices).transpose()?,
                cells: exchanges_cells.then(slices).transpose()?,
            },
        })
    }
}

impl PartMemory {
    fn new(sizes: &PartSizes) -> Result<Self, Error> {
        Ok(Self {
            chunk: ChunkMemory::new(&sizes.chunk)?,
            d_hidden: uninit(sizes.d_hidden)?,
            d_cell: uninit(sizes.d_cell)?,
            slice: uninit(sizes.slice)?,
        })
    }
}

impl ChunkMemory {
    fn new(sizes: &ChunkSizes) -> Result<Self, Error> {
        Ok(Self {
            gates: uninit(sizes.gates)?,
            cells: uninit(sizes.cell_rows)?,
            previous_cells: uninit(sizes.cell_rows)?,
            previous_hidden: uninit(sizes.hidden_rows)?,
            inputs: uninit(sizes.inputs)?,
            incoming: uninit(sizes.output_rows)?,
            unprojected: uninit(sizes.unprojected)?,
            d_unprojected: uninit(sizes.d_unprojected)?,
            derivatives: uninit(sizes.derivatives)?,
            activated: uninit(sizes.activated)?,
        })
    }
}

fn zeros(floats: usize) -> Result<Aligned, Error> {
    Aligned::zeros(floats, "the backward workspace")
}

/// What a call writes before it reads it.
fn uninit(floats: usize) -> Result<Aligned, Error> {
    Aligned::uninit(floats, "the backward workspace")
}

/// Ways to break the workspace, for tests of what happens then.
#[cfg(test)]
impl BackwardWorkspace {
    pub(in crate::run) fn drop_gradients(&mut self) {
        self.gradients.clear();
    }

    pub(in crate::run) fn drop_segments(&mut self) {
        self.segments.forward = None;
    }

    /// Where parts of the units exchange, there is no room for what they have.
    pub(in crate::run) fn shorten_slices(&mut self) {
        for parts in &mut self.directions.forward.parts {
            let count = parts.others.len() + 1;
            parts.exchange.hidden = SliceExchange::new(count, 1).unwrap();
        }
    }

    pub(in crate::run) fn drop_backward_direction(&mut self) {
        self.directions.backward = None;
    }
}
