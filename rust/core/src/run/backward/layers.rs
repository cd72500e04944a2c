//! The order of a backward pass: layers from the last to the first, segments of steps against the order in
//! which they were computed, directions side by side.
//!
//! In: the workspace, the cache, the caller's arrays. Out: a [`LayerPass`] for each layer, direction and
//! segment, run. It does not know how a pass computes.

use super::super::cache::{CachedRows, Regions};
use super::super::ping_pong::Turn;
use super::super::threads::{Done, Threads};
use super::arrays::BackwardArrays;
use super::pass::{Buffers, CachedLayer, LayerPass, LowerOutputs};
use super::segment::{Recompute, Segment, SegmentMemory};
use super::workspace::BackwardWorkspace;
use crate::aligned::Aligned;
use crate::error::Broken;
use crate::pack::BackwardWeights;
use crate::place::{Direction, PerDirection, Place};
use crate::plan::{Plan, StepRow};
use ndarray::{ArrayView4, ArrayView5, Axis};
use std::ops::Range;

/// What all layers of a call share.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) plan: &'a Plan,
    pub(super) weights: &'a BackwardWeights,
    pub(super) threads: Threads,
    pub(super) cache: Regions<ArrayView5<'a, u8>>,
    /// Where the cache holds checkpoints only.
    pub(super) recompute: Option<Recompute<'a>>,
}

/// A layer, and the gradients that come from above.
#[derive(Clone, Copy)]
struct Layer<'p, 'b> {
    place: Place,
    arrays: &'p BackwardArrays<'b>,
    /// Gradients of the inputs of the layer above, for each direction; `None` for the last layer.
    above: Option<&'p PerDirection<Aligned>>,
}

/// What one direction of a bidirectional layer needs.
struct DirectionWork<'w> {
    direction: Direction,
    buffers: Buffers<'w>,
    segment: &'w mut Option<SegmentMemory>,
}

impl Call<'_> {
    /// All layers; the gradients of the input go to the caller on the way.
    pub(super) fn run(
        self,
        workspace: &mut BackwardWorkspace,
        arrays: &mut BackwardArrays<'_>,
    ) -> Done {
        if self.plan.layer.config.directions == 1 {
            return self.stack(workspace, arrays);
        }
        self.bidirectional(workspace, arrays)?;
        arrays.store_inputs(self.plan, 0..self.plan.config().seq_len, &workspace.d_inputs.even);
        Ok(())
    }

    /// A stack of one direction: all layers take a segment before any takes the one before it.
    fn stack(self, workspace: &mut BackwardWorkspace, arrays: &mut BackwardArrays<'_>) -> Done {
        let (direction, layers) = (Direction::Forward, self.plan.layer.config.layers);
        let BackwardWorkspace { directions, gradients, d_inputs, segments, .. } = workspace;
        for steps in self.segments(direction) {
            let segment = Segment { layers: 0..layers, direction, steps };
            let cached = self.cached(&segment, &mut segments.forward)?;
            let first_step = segment.steps.start;
            for number in (0..layers).rev() {
                let Turn { own, neighbour } = d_inputs.turn_of(number);
                let above = Some(neighbour).filter(|_| number + 1 < layers);
                let place = Place { layer: number, direction };
                let layer = Layer { place, arrays, above };
                let buffers = Buffers {
                    memory: &mut directions.forward,
                    gradients: &mut gradients.of_layer_mut(number)?.forward,
                    d_inputs: &mut own.forward,
                };
                let below = number.checked_sub(1).map(|below| LowerOutputs {
                    directions: PerDirection {
                        forward: rows_of(&cached, below, first_step),
                        backward: None,
                    },
                    start: self.start_of_hidden(),
                });
                let checkpoints = self.checkpoints(place);
                let cached =
                    CachedLayer { own: rows_of(&cached, number, first_step), below, checkpoints };
                self.pass(layer, &cached, (&segment.steps, &segment.steps))?.run(buffers)?;
            }
            arrays.store_inputs(self.plan, segment.steps, &d_inputs.even);
        }
        Ok(())
    }

    /// Layers of two directions: each layer takes all segments, since the one below needs the gradients of
    /// both directions.
    fn bidirectional(self, workspace: &mut BackwardWorkspace, arrays: &BackwardArrays<'_>) -> Done {
        let BackwardWorkspace { directions, gradients, d_inputs, segments, .. } = workspace;
        let layers = self.plan.layer.config.layers;
        for number in (0..layers).rev() {
            let Turn { own, neighbour } = d_inputs.turn_of(number);
            let above = Some(neighbour).filter(|_| number + 1 < layers);
            let work = directions.as_mut().zip(gradients.of_layer_mut(number)?.as_mut())?;
            let work = work.zip(own.as_mut())?.zip(segments.as_mut())?;
            let work = work.map(|direction, (((memory, gradients), d_inputs), segment)| {
                let buffers = Buffers { memory, gradients, d_inputs };
                DirectionWork { direction, buffers, segment }
            });
            self.threads.each_direction(work, |work| {
                let place = Place { layer: number, direction: work.direction };
                self.direction(Layer { place, arrays, above }, work)
            })?;
        }
        Ok(())
    }

    /// All segments of one direction of a bidirectional layer.
    fn direction(self, layer: Layer<'_, '_>, work: DirectionWork<'_>) -> Done {
        let DirectionWork { direction, mut buffers, segment: memory } = work;
        let (number, all) = (layer.place.layer, 0..self.plan.config().seq_len);
        for steps in self.segments(direction) {
            let segment = Segment { layers: number..number + 1, direction, steps };
            let cached = self.cached(&segment, memory)?;
            let below = number.checked_sub(1).map(|below| self.outputs_of(below)).transpose()?;
            let cached = CachedLayer {
                own: rows_of(&cached, 0, segment.steps.start),
                below,
                checkpoints: self.checkpoints(layer.place),
            };
            self.pass(layer, &cached, (&segment.steps, &all))?.run(buffers.reborrow())?;
        }
        Ok(())
    }

    /// The steps between checkpoints, those that were computed last first.
    fn segments(self, direction: Direction) -> impl Iterator<Item = Range<usize>> + use<> {
        let (all, every) = (self.plan.config().seq_len, self.plan.config().segment_steps());
        let count = all.div_ceil(every);
        (0..count)
            .map(move |index| match direction {
                Direction::Forward => count - 1 - index,
                Direction::Backward => index,
            })
            .map(move |segment| segment * every..((segment + 1) * every).min(all))
    }

    /// What the forward pass left of a segment, `[layers, batch, steps, row bytes]`: from the cache, or
    /// computed again.
    fn cached<'s>(
        &'s self,
        segment: &Segment,
        memory: &'s mut Option<SegmentMemory>,
    ) -> Result<ArrayView4<'s, u8>, Broken> {
        match (&self.cache.steps, &self.recompute, memory) {
            (Some(steps), None, _) => {
                let of_direction = steps.index_axis(Axis(1), segment.direction.index());
                let layers = segment.layers.start..segment.layers.end;
                Ok(of_direction.slice_axis_move(Axis(0), layers.into()))
            }
            (None, Some(recompute), Some(memory)) => recompute.run(segment, memory),
            _ => Err(Broken("a cache of every step with checkpoints, or of neither")),
        }
    }

    /// What a layer of two directions gave.
    fn outputs_of(&self, layer: usize) -> Result<LowerOutputs<'_>, Broken> {
        let directions = self.plan.layer.config.directions;
        let (region, start) = match (&self.cache.steps, &self.cache.outputs) {
            (Some(steps), _) => (steps, self.start_of_hidden()),
            (None, Some(outputs)) => (outputs, 0),
            (None, None) => return Err(Broken("no outputs of the lower layers")),
        };
        let directions = PerDirection::try_from_fn(directions, |direction| {
            Ok(CachedRows::of_place(region.view(), Place { layer, direction }))
        })?;
        Ok(LowerOutputs { directions, start })
    }

    /// Where the hidden state begins in the row of a step.
    fn start_of_hidden(&self) -> usize {
        StepRow::new(&self.plan.layer.config).hidden().start
    }

    /// The checkpoints of one direction of a layer, if there are any.
    fn checkpoints(&self, place: Place) -> Option<CachedRows<'_>> {
        let states = self.cache.states.as_ref();
        states.map(|states| CachedRows::of_place(states.view(), place))
    }

    /// The pass over the first range of steps; the gradients of inputs hold the second one.
    fn pass<'p, 'b>(
        &'p self,
        layer: Layer<'p, 'b>,
        cached: &'p CachedLayer<'p>,
        (span, covered): (&Range<usize>, &Range<usize>),
    ) -> Result<LayerPass<'p, 'b>, Broken> {
        let Layer { place, arrays, above } = layer;
        Ok(LayerPass {
            plan: self.plan,
            threads: self.threads,
            weights: self.weights.of(place)?,
            cached,
            arrays,
            place,
            above,
            wants_d_inputs: place.layer > 0 || arrays.d_input.is_some(),
            span: span.clone(),
            covered: covered.clone(),
        })
    }
}

/// One layer's rows of a segment `[layers, batch, steps, row bytes]` that begins with `first_step`.
fn rows_of<'v>(segment: &'v ArrayView4<'_, u8>, layer: usize, first_step: usize) -> CachedRows<'v> {
    CachedRows::new(segment.index_axis(Axis(0), layer), first_step)
}
