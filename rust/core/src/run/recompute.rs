//! A segment of the forward pass computed again, from the checkpoint before it.
//!
//! In: the caller's input, the checkpoints, and which steps of which layers are wanted. Out: what these
//! steps leave, as a cache of every step would hold it, to the last bit. It writes nothing of the caller's.

use super::cache::Regions;
use super::pool::Crew;
use super::saved::{STATE_CELL, STATE_HIDDEN, SavedRows, TaskCache};
use super::task::{Source, Target, Task};
use super::workspace::{GroupMemory, StateMemory};
use crate::error::Error;
use crate::pack::Weights;
use crate::plan::{Group, Plan, RecomputeSizes, STEP_VECTORS};
use ndarray::{ArrayView3, ArrayView4, ArrayView5, ArrayViewMut4, Axis, Ix4, Slice};
use std::ops::Range;

/// Which part of the forward pass.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// All layers of a unidirectional stack, or one.
    pub(super) layers: Range<usize>,
    pub(super) direction: usize,
    /// The steps between two checkpoints.
    pub(super) steps: Range<usize>,
}

/// What all segments are computed from.
#[derive(Clone, Copy)]
pub(super) struct Recompute<'a> {
    pub(super) plan: &'a Plan,
    /// `None` where there are no checkpoints.
    pub(super) weights: Option<&'a Weights>,
    pub(super) crew: Crew,
    /// `[seq_len, batch, input_size]`
    pub(super) input: ArrayView3<'a, f32>,
    /// Checkpoints, and the outputs of the lower layers of a bidirectional stack.
    pub(super) cache: Regions<ArrayView5<'a, u8>>,
}

/// Buffers for one segment at a time.
#[derive(Debug)]
pub(super) struct RecomputeMemory {
    groups: Vec<GroupMemory>,
    /// `[layer][batch row][step][vector][unit]`, as bytes.
    steps: Vec<u8>,
}

impl RecomputeMemory {
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

impl Recompute<'_> {
    /// What the steps of a segment leave, `[layers, batch, steps, row bytes]`; `None` where the cache holds
    /// no checkpoints.
    pub(super) fn run<'m>(
        &self,
        segment: &Segment,
        memory: &'m mut RecomputeMemory,
    ) -> Option<ArrayView4<'m, u8>> {
        let config = self.plan.config();
        let row_bytes = STEP_VECTORS * config.hidden_size * size_of::<f32>();
        let shape = Ix4(segment.layers.len(), config.batch_size, segment.steps.len(), row_bytes);
        let bytes = segment.layers.len() * config.batch_size * segment.steps.len() * row_bytes;
        let RecomputeMemory { groups, steps } = memory;
        let steps = steps.get_mut(..bytes)?;
        let cache = ArrayViewMut4::from_shape(shape, &mut *steps).ok()?;
        self.groups(segment, &self.plan.groups, groups, cache);
        ArrayView4::from_shape(shape, &*steps).ok()
    }

    /// All groups, halved until one is left.
    fn groups(
        &self,
        segment: &Segment,
        groups: &[Group],
        memory: &mut [GroupMemory],
        cache: ArrayViewMut4<'_, u8>,
    ) {
        match (groups, memory) {
            ([group], [memory]) => self.group(segment, group, memory, cache),
            (groups, memory) if groups.len() > 1 => {
                let half = groups.len() / 2;
                let (groups, other_groups) = groups.split_at(half);
                let (memory, other_memory) = memory.split_at_mut(half);
                let rows = groups.iter().map(|group| group.rows).sum();
                let (cache, other_cache) = cache.split_at(Axis(1), rows);
                let one = || self.groups(segment, groups, memory, cache);
                let other = || self.groups(segment, other_groups, other_memory, other_cache);
                self.crew.both(one, other);
            }
            _ => {}
        }
    }

    /// All wanted layers of one group, the lowest first.
    fn group(
        &self,
        segment: &Segment,
        group: &Group,
        memory: &mut GroupMemory,
        mut cache: ArrayViewMut4<'_, u8>,
    ) {
        let Segment { layers, direction, steps } = segment;
        let GroupMemory { tasks, states, even, odd, .. } = memory;
        let rows = Slice::from(group.first..group.first + group.rows);
        let input = self.input.slice_axis_move(Axis(1), rows);
        let ([memory], [even], [odd], Some(weights)) =
            (tasks.as_mut_slice(), &mut even[..], &mut odd[..], self.weights)
        else {
            return;
        };
        for (index, layer) in layers.clone().enumerate() {
            let (above, below) =
                if index.is_multiple_of(2) { (&mut *even, &*odd) } else { (&mut *odd, &*even) };
            let source = match layer.checked_sub(1) {
                None => Source::Input(input),
                Some(_) if index > 0 => Source::Below(std::slice::from_ref(below)),
                Some(below) => match self.outputs_of(below) {
                    Some(saved) => Source::Saved(saved),
                    None => return,
                },
            };
            let is_top = index + 1 == layers.len();
            let state = &mut states[index];
            self.load(segment, layer, group, state);
            let task = Task {
                plan: self.plan,
                group,
                panels: weights.of(layer, *direction).panels(),
                layer,
                reverse: *direction == 1,
                span: steps.clone(),
                source,
                target: if is_top { Target::Nowhere } else { Target::Above(above) },
                state,
                cache: Some(TaskCache {
                    steps: Some(cache.index_axis_mut(Axis(0), index)),
                    states: None,
                    outputs: None,
                    first_step: steps.start,
                }),
                memory,
            };
            task.run();
        }
    }

    /// What a layer gave, for each direction.
    pub(super) fn outputs_of(&self, layer: usize) -> Option<[SavedRows<'_>; 2]> {
        let of_layer = self.cache.outputs.as_ref()?.index_axis(Axis(0), layer);
        let direction = |direction| SavedRows {
            rows: of_layer.index_axis_move(Axis(0), direction),
            first_step: 0,
        };
        Some([direction(0), direction(1)])
    }

    /// The checkpoint before a segment, `[row][unit]`.
    fn load(&self, segment: &Segment, layer: usize, group: &Group, to: &mut StateMemory) {
        let Some(states) = &self.cache.states else { return };
        let of_layer = states.index_axis(Axis(0), layer);
        let rows = of_layer.index_axis_move(Axis(0), segment.direction);
        let saved = SavedRows { rows, first_step: 0 };
        let geometry = &self.plan.shape.geometry;
        let number = segment.steps.start / self.plan.config().segment_steps();
        for (buffer, vector) in [(&mut to.cell, STATE_CELL), (&mut to.hidden, STATE_HIDDEN)] {
            buffer.fill(0.0);
            let rows = buffer.chunks_exact_mut(geometry.state_pitch);
            for (row, floats) in rows.enumerate() {
                let place = (group.first + row, number, vector);
                saved.read(place, &mut floats[..geometry.hidden]);
            }
        }
    }
}
