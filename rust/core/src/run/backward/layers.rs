//! The order of a backward pass: layers from the last to the first, segments of steps against the order in
//! which they were computed, directions side by side.
//!
//! In: the workspace, the cache, the caller's arrays. Out: a [`LayerPass`] for each layer, direction and
//! segment, run. It does not know how a pass computes.

use super::super::cache::{CachedRows, LayerOutputs, Regions};
use super::super::ping_pong::Turn;
use super::super::threads::{Done, Threads};
use super::arrays::BackwardArrays;
use super::pass::{CachedLayer, DirectionBuffers, LayerPass};
use super::segment::{Recompute, Segment, SegmentMemory};
use super::workspace::BackwardWorkspace;
use crate::aligned::Aligned;
use crate::error::Broken;
use crate::pack::BackwardWeights;
use crate::place::{Direction, PerDirection, Place};
use crate::plan::{Plan, StepLayout};
use ndarray::{ArrayView4, ArrayView5, Axis};
use std::ops::Range;

/// What all layers of a call share.
#[derive(Clone, Copy)]
pub(super) struct BackwardCall<'a> {
    pub(super) plan: &'a Plan,
    pub(super) weights: &'a BackwardWeights,
    pub(super) threads: &'a Threads<'a>,
    pub(super) cache: Regions<ArrayView5<'a, u8>>,
    /// Where the cache holds checkpoints only.
    pub(super) recompute: Option<Recompute<'a>>,
}

/// A layer, and the gradients that come from above.
#[derive(Clone, Copy)]
struct LayerGradients<'p, 'b> {
    place: Place,
    arrays: &'p BackwardArrays<'b>,
    /// Gradients of the inputs of the layer above, for each direction; `None` for the last layer.
    above: Option<&'p PerDirection<Aligned>>,
}

/// What one direction of a bidirectional layer needs.
struct BackwardDirection<'w> {
    direction: Direction,
    buffers: DirectionBuffers<'w>,
    segment: &'w mut Option<SegmentMemory>,
}

impl BackwardCall<'_> {
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
        let all = 0..self.plan.config().seq_len;
        arrays.store_inputs(self.plan, self.threads, all, &workspace.d_inputs.even)
    }

    /// A stack of one direction: all layers take a segment before any takes the one before it.
    fn stack(self, workspace: &mut BackwardWorkspace, arrays: &mut BackwardArrays<'_>) -> Done {
        let (direction, layers) = (Direction::Forward, self.plan.layer.config.layers);
        let BackwardWorkspace { directions, gradients, d_inputs, segments, .. } = workspace;
        for steps in self.segments(direction) {
            let segment = Segment { layers: 0..layers, direction, steps };
            let cached = self.cached(&segment, &mut segments.forward)?;
            for number in (0..layers).rev() {
                let Turn { own, neighbour } = d_inputs.turn_of(number);
                let above = Some(neighbour).filter(|_| number + 1 < layers);
                let place = Place { layer: number, direction };
                let layer = LayerGradients { place, arrays, above };
                let buffers = DirectionBuffers {
                    memory: &mut directions.forward,
                    gradients: &mut gradients.of_layer_mut(number)?.forward,
                    d_inputs: &mut own.forward,
                };
                self.layer(layer, &segment, &cached, buffers)?;
            }
            arrays.store_inputs(self.plan, self.threads, segment.steps, &d_inputs.even)?;
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
                let buffers = DirectionBuffers { memory, gradients, d_inputs };
                BackwardDirection { direction, buffers, segment }
            });
            self.threads.each_direction(work, |work| {
                let place = Place { layer: number, direction: work.direction };
                self.direction(LayerGradients { place, arrays, above }, work)
            })?;
        }
        Ok(())
    }

    /// All segments of one direction of a bidirectional layer.
    fn direction(self, layer: LayerGradients<'_, '_>, work: BackwardDirection<'_>) -> Done {
        let BackwardDirection { direction, mut buffers, segment: memory } = work;
        let number = layer.place.layer;
        for steps in self.segments(direction) {
            let segment = Segment { layers: number..number + 1, direction, steps };
            let cached = self.cached(&segment, memory)?;
            self.layer(layer, &segment, &cached, buffers.reborrow())?;
        }
        Ok(())
    }

    /// The steps between checkpoints, those that were computed last first.
    fn segments(self, direction: Direction) -> impl Iterator<Item = Range<usize>> + use<> {
        let (all, every) = (self.plan.config().seq_len, self.plan.config().segment_steps());
        let count = all.div_ceil(every);
        let reading = direction.reading(self.plan.layer.config.variant.reverse);
        (0..count)
            .map(move |index| match reading {
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
            _ => Err(Broken("the cache and the workspace disagree whether there are checkpoints")),
        }
    }

    /// One layer over a segment, of which the forward pass left `cached`.
    fn layer(
        self,
        LayerGradients { place, arrays, above }: LayerGradients<'_, '_>,
        segment: &Segment,
        cached: &ArrayView4<'_, u8>,
        buffers: DirectionBuffers<'_>,
    ) -> Done {
        self.threads.look()?;
        let config = &self.plan.layer.config;
        let (index, first_step) = (place.layer - segment.layers.start, segment.steps.start);
        let below = match place.layer.checked_sub(1) {
            None => None,
            // Among the layers of the segment.
            Some(_) if index > 0 => Some(LayerOutputs {
                directions: PerDirection {
                    forward: rows_of(cached, index - 1, first_step),
                    backward: None,
                },
                start: StepLayout::new(config).hidden().start,
            }),
            Some(below) => Some(self.cache.outputs_of(below, config)?),
        };
        let own = rows_of(cached, index, first_step);
        let all = 0..self.plan.config().seq_len;
        LayerPass {
            plan: self.plan,
            threads: self.threads,
            weights: self.weights.of(place)?,
            cached: CachedLayer { own, below, checkpoints: self.cache.checkpoints(place) },
            arrays,
            place,
            above,
            wants_d_inputs: place.layer > 0 || arrays.d_input.is_some(),
            span: segment.steps.clone(),
            covered: if config.directions == 1 { segment.steps.clone() } else { all },
        }
        .run(buffers)
    }
}

/// One layer's rows of a segment `[layers, batch, steps, row bytes]` that begins with `first_step`.
fn rows_of<'v>(segment: &'v ArrayView4<'_, u8>, layer: usize, first_step: usize) -> CachedRows<'v> {
    CachedRows::new(segment.index_axis(Axis(0), layer), first_step)
}
