//! A segment of the forward pass computed again, from the checkpoint before it.
//!
//! In: the caller's input, the checkpoints, and which steps of which layers are wanted. Out: what these
//! steps leave, as a cache of every step would hold it, to the last bit (in the gemm route, but for rounding). It
//! writes nothing of the caller's.

use super::super::cache::{OwnUnits, RegionRows, Regions, RowStep, TaskCache};
use super::super::forward::{
    DirectionMemory, GroupMemory, Source, SplitRows, StateMemory, Target, Task, each_group,
};
use super::super::ping_pong::Turn;
use super::super::threads::{Done, Threads};
use crate::aligned::Aligned;
use crate::error::{Broken, Error};
use crate::kernel::Geometry;
use crate::pack::Weights;
use crate::place::{Direction, Place};
use crate::plan::{Group, Plan, RecomputeSizes, StateLayout, StepLayout};
use ndarray::{ArrayView3, ArrayView4, ArrayView5, ArrayViewMut4, Axis, Ix4, Slice};
use std::ops::Range;

/// Which part of the forward pass.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// All layers of a unidirectional stack, or one.
    pub(super) layers: Range<usize>,
    pub(super) direction: Direction,
    /// The steps between two checkpoints.
    pub(super) steps: Range<usize>,
}

/// What all segments are computed from.
#[derive(Clone, Copy)]
pub(super) struct Recompute<'a> {
    pub(super) plan: &'a Plan,
    pub(super) weights: &'a Weights,
    pub(super) threads: &'a Threads<'a>,
    /// `[seq_len, batch, input_size]`
    pub(super) input: ArrayView3<'a, f32>,
    /// Checkpoints, and the outputs of the lower layers of a bidirectional stack.
    pub(super) cache: Regions<ArrayView5<'a, u8>>,
}

/// Buffers for one segment at a time.
#[derive(Debug)]
pub(super) struct SegmentMemory {
    groups: Vec<GroupMemory>,
    /// `[layer][batch row][step][row]`, as bytes.
    steps: Vec<u8>,
}

impl SegmentMemory {
    pub(super) fn new(sizes: &RecomputeSizes) -> Result<Self, Error> {
        let bytes = sizes.steps.saturating_mul(size_of::<f32>());
        let mut steps = Vec::new();
        let out_of_memory = |_| Error::OutOfMemory { what: "a segment of steps", bytes };
        steps.try_reserve_exact(bytes).map_err(out_of_memory)?;
        steps.resize(bytes, 0);
        let groups = sizes.groups.iter().map(GroupMemory::new).collect::<Result<_, _>>()?;
        Ok(Self { groups, steps })
    }
}

/// The rows of a segment, `[layers, rows, steps, row bytes]`.
struct SegmentRows<'v>(ArrayViewMut4<'v, u8>);

impl SplitRows for SegmentRows<'_> {
    fn split_rows(self, rows: usize) -> (Self, Self) {
        let (own, others) = self.0.split_at(Axis(1), rows);
        (Self(own), Self(others))
    }
}

impl Recompute<'_> {
    /// What the steps of a segment leave, `[layers, batch, steps, row bytes]`.
    pub(super) fn run<'m>(
        &self,
        segment: &Segment,
        memory: &'m mut SegmentMemory,
    ) -> Result<ArrayView4<'m, u8>, Broken> {
        const WRONG_SIZE: Broken = Broken("memory for fewer steps than a segment has");
        let config = self.plan.config();
        let row_bytes = StepLayout::new(&config.layer).floats() * size_of::<f32>();
        let shape = Ix4(segment.layers.len(), config.batch_size, segment.steps.len(), row_bytes);
        let bytes = segment.layers.len() * config.batch_size * segment.steps.len() * row_bytes;
        let SegmentMemory { groups, steps } = memory;
        let steps = steps.get_mut(..bytes).ok_or(WRONG_SIZE)?;
        let view = ArrayViewMut4::from_shape(shape, &mut *steps).map_err(|_| WRONG_SIZE)?;
        let rows = SegmentRows(view);
        let of_rows = &self.plan.backward_groups;
        each_group(self.threads, of_rows, groups, rows, &|group, memory, SegmentRows(steps)| {
            self.group(segment, group, memory, steps)
        })?;
        ArrayView4::from_shape(shape, &*steps).map_err(|_| WRONG_SIZE)
    }

    /// All wanted layers of one group, the lowest first.
    fn group(
        &self,
        segment: &Segment,
        group: &Group,
        memory: &mut GroupMemory,
        mut left: ArrayViewMut4<'_, u8>,
    ) -> Done {
        let Segment { layers, direction, steps } = segment;
        let config = &self.plan.layer.config;
        let GroupMemory { directions, outputs, .. } = memory;
        let DirectionMemory::Whole(memory) = &mut directions.forward else {
            return Err(Broken("parts of the units in a segment"));
        };
        let rows = Slice::from(group.first..group.first + group.rows);
        let input = self.input.slice_axis_move(Axis(1), rows);
        if memory.states.len() < layers.len() {
            return Err(Broken("states of fewer layers than a segment has"));
        }
        for (index, (layer, state)) in layers.clone().zip(&mut memory.states).enumerate() {
            let Turn { own, neighbour } = outputs.turn_of(index);
            let place = Place { layer, direction: *direction };
            let is_top = index + 1 == layers.len();
            let above: &mut Aligned = &mut own.forward;
            self.load(segment, place, group, state)?;
            let mut cache = TaskCache {
                steps: Some(RegionRows::Whole(left.index_axis_mut(Axis(0), index))),
                states: None,
                outputs: None,
                first_step: steps.start,
                own: OwnUnits { units: 0..config.units, outputs: 0..config.outputs },
            };
            let task = Task {
                plan: self.plan,
                group,
                panels: self.weights.of(place)?,
                place,
                span: steps.clone(),
                source: match layer.checked_sub(1) {
                    None => Source::Input(input),
                    Some(_) if index > 0 => Source::Below(neighbour),
                    Some(below) => Source::Cached(self.cache.outputs_of(below, config)?),
                },
                target: if is_top { Target::Nowhere } else { Target::Above(above) },
                state,
                cache: Some(&mut cache),
                memory: &mut memory.task,
            };
            task.run(self.threads)?;
        }
        Ok(())
    }

    /// The checkpoint before a segment.
    fn load(&self, segment: &Segment, place: Place, group: &Group, to: &mut StateMemory) -> Done {
        let checkpoints = self.cache.checkpoints(place).ok_or(Broken("no checkpoints"))?;
        let layer = &self.plan.layer;
        let number = segment.steps.start / self.plan.config().segment_steps();
        let state_row = StateLayout::new(&layer.config);
        let Geometry { cell_pitch, output_pitch, .. } = layer.shape.geometry;
        for (buffer, pitch, floats) in [
            (&mut to.cell, cell_pitch, state_row.cell()),
            (&mut to.hidden, output_pitch, state_row.hidden()),
        ] {
            buffer.fill(0.0);
            for (row, to) in buffer.chunks_exact_mut(pitch).enumerate() {
                let place = RowStep { row: group.first + row, step: number };
                checkpoints.read(place, floats.clone(), &mut to[..floats.len()])?;
            }
        }
        Ok(())
    }
}
