//! The backward pass: layers from the last to the first, segments of steps against the order in which they
//! were computed, directions side by side.
//!
//! In: a plan for training, packed weights, a filled cache, arrays. Out: gradients in the
//! caller's arrays. No result depends on which thread computes it, nor on what the cache holds.

use super::backward_arrays::BackwardArrays;
use super::backward_layer::LayerPass;
use super::backward_workspace::{BackwardWorkspace, DirectionMemory, GradientMemory};
use super::cache;
use super::pool::Crew;
use super::recompute::{Recompute, RecomputeMemory, Segment};
use super::saved::{HIDDEN, SavedRows};
use super::stage::SavedLayer;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::pack::BackwardWeights;
use crate::plan::Plan;
use ndarray::{ArrayView4, Axis};
use std::ops::Range;

/// Compute the gradients of a layer from what a forward call left in `cache`.
///
/// # Errors
///
/// [`Error::WrongPlan`] for what belongs to another plan, [`Error::Cache`] for a cache that this layer has
/// not filled, [`Error::NotForTraining`], [`Error::ArrayMismatch`], [`Error::Threads`]. Nothing was written
/// then.
pub fn backward(
    plan: &Plan,
    weights: &BackwardWeights,
    workspace: &mut BackwardWorkspace,
    cache: &[u8],
    mut arrays: BackwardArrays<'_>,
) -> Result<(), Error> {
    let owners = [("weights", weights.plan_id), ("workspace", workspace.plan_id)];
    if let Some((what, _)) = owners.into_iter().find(|&(_, id)| id != plan.id) {
        return Err(Error::WrongPlan { what });
    }
    if !plan.training {
        return Err(Error::NotForTraining);
    }
    arrays.check(plan)?;
    let regions = cache::filled(plan, cache)?;
    let crew = Crew::new(plan.threads)?;
    arrays.load_states(plan, &mut workspace.gradients);
    let input = arrays.input;
    let again = weights.forward.as_ref();
    let source = Recompute { plan, weights: again, crew, input, cache: regions };
    let call = Call { plan, weights, crew, source };
    crew.accompany(|| {
        if plan.config().directions == 1 {
            call.stack(workspace, &mut arrays);
        } else {
            call.bidirectional(workspace, &arrays);
            arrays.store_inputs(plan, 0..plan.config().seq_len, &workspace.even);
        }
    });
    arrays.store_states(plan, &workspace.gradients);
    arrays.store_weights(plan, &mut workspace.gradients);
    Ok(())
}

/// What all layers of a call share.
#[derive(Clone, Copy)]
struct Call<'a> {
    plan: &'a Plan,
    weights: &'a BackwardWeights,
    crew: Crew,
    source: Recompute<'a>,
}

/// The buffers of one direction of one layer.
pub(super) struct Buffers<'m> {
    pub(super) memory: &'m mut DirectionMemory,
    pub(super) gradients: &'m mut GradientMemory,
    /// Gradients of its inputs.
    pub(super) d_inputs: &'m mut Aligned,
}

impl Buffers<'_> {
    fn reborrow(&mut self) -> Buffers<'_> {
        let Self { memory, gradients, d_inputs } = self;
        Buffers { memory, gradients, d_inputs }
    }
}

/// Gradients that come from above, and where a pass is.
#[derive(Clone, Copy)]
struct Place<'p, 'b> {
    layer: usize,
    direction: usize,
    arrays: &'p BackwardArrays<'b>,
    /// Gradients of the inputs of the layer above, for each direction; `None` for the last layer.
    above: Option<&'p [Aligned]>,
}

impl<'a> Call<'a> {
    /// A stack of one direction: all layers take a segment before any takes the one before it.
    fn stack(self, workspace: &mut BackwardWorkspace, arrays: &mut BackwardArrays<'_>) {
        let config = self.plan.config();
        let BackwardWorkspace { directions, gradients, even, odd, recompute, .. } = workspace;
        let ([memory], last) = (directions.as_mut_slice(), config.num_layers - 1) else { return };
        for steps in self.segments(0) {
            let segment = Segment { layers: 0..config.num_layers, direction: 0, steps };
            let Some(saved) = self.saved(&segment, recompute.first_mut()) else { return };
            for layer in (0..=last).rev() {
                let (own, above) =
                    if layer.is_multiple_of(2) { (&mut *even, &*odd) } else { (&mut *odd, &*even) };
                let above = Some(above.as_slice()).filter(|_| layer < last);
                let place = Place { layer, direction: 0, arrays, above };
                let [d_inputs] = own.as_mut_slice() else { return };
                let buffers = Buffers { memory, gradients: &mut gradients[layer], d_inputs };
                let rows = |layer| SavedRows {
                    rows: saved.index_axis_move(Axis(0), layer),
                    first_step: segment.steps.start,
                };
                let saved = SavedLayer {
                    own: rows(layer),
                    below: layer.checked_sub(1).map(|below| ([rows(below); 2], HIDDEN)),
                    entering: self.entering(layer, 0),
                };
                self.pass(place, &saved, &segment.steps, &segment.steps).run(buffers);
            }
            arrays.store_inputs(self.plan, segment.steps, even);
        }
    }

    /// Layers of two directions: each layer takes all segments, since the one below needs the gradients of
    /// both directions.
    fn bidirectional(self, workspace: &mut BackwardWorkspace, arrays: &BackwardArrays<'_>) {
        let BackwardWorkspace { directions, gradients, even, odd, recompute, .. } = workspace;
        let last = self.plan.config().num_layers - 1;
        let [memory, memory_back] = directions.as_mut_slice() else { return };
        let half = recompute.len() / 2;
        let (recompute, recompute_back) = recompute.split_at_mut(half);
        for layer in (0..=last).rev() {
            let (own, above) =
                if layer.is_multiple_of(2) { (&mut *even, &*odd) } else { (&mut *odd, &*even) };
            let above = Some(above.as_slice()).filter(|_| layer < last);
            let [d_inputs, d_inputs_back] = own.as_mut_slice() else { return };
            let [gradients, gradients_back] = &mut gradients[2 * layer..2 * layer + 2] else {
                return;
            };
            let place = |direction| Place { layer, direction, arrays, above };
            let buffers = Buffers { memory, gradients, d_inputs };
            let buffers_back =
                Buffers { memory: memory_back, gradients: gradients_back, d_inputs: d_inputs_back };
            let forward = || self.direction(place(0), buffers, recompute.first_mut());
            let backward = || self.direction(place(1), buffers_back, recompute_back.first_mut());
            self.crew.both(forward, backward);
        }
    }

    /// All segments of one direction of a bidirectional layer.
    fn direction(
        self,
        place: Place<'_, '_>,
        mut buffers: Buffers<'_>,
        mut recompute: Option<&mut RecomputeMemory>,
    ) {
        let Place { layer, direction, .. } = place;
        let all = 0..self.plan.config().seq_len;
        for steps in self.segments(direction) {
            let segment = Segment { layers: layer..layer + 1, direction, steps };
            let Some(saved) = self.saved(&segment, recompute.as_deref_mut()) else { return };
            let saved = SavedLayer {
                own: SavedRows {
                    rows: saved.index_axis_move(Axis(0), 0),
                    first_step: segment.steps.start,
                },
                below: layer.checked_sub(1).and_then(|below| self.outputs_of(below)),
                entering: self.entering(layer, direction),
            };
            self.pass(place, &saved, &segment.steps, &all).run(buffers.reborrow());
        }
    }

    /// The steps between checkpoints, those that were computed last first.
    fn segments(self, direction: usize) -> impl Iterator<Item = Range<usize>> {
        let (all, every) = (self.plan.config().seq_len, self.plan.config().segment_steps());
        let count = all.div_ceil(every);
        (0..count)
            .map(move |index| if direction == 0 { count - 1 - index } else { index })
            .map(move |segment| segment * every..((segment + 1) * every).min(all))
    }

    /// What the forward pass left of a segment, `[layers, batch, steps, row bytes]`: from the cache, or
    /// computed again.
    fn saved<'s>(
        self,
        segment: &Segment,
        memory: Option<&'s mut RecomputeMemory>,
    ) -> Option<ArrayView4<'s, u8>>
    where
        'a: 's,
    {
        let Some(steps) = self.source.cache.steps else { return self.source.run(segment, memory?) };
        let layers = segment.layers.start..segment.layers.end;
        let of_direction = steps.index_axis_move(Axis(1), segment.direction);
        Some(of_direction.slice_axis_move(Axis(0), layers.into()))
    }

    /// What a layer of two directions gave, and which vector of a row it is.
    fn outputs_of(&self, layer: usize) -> Option<([SavedRows<'_>; 2], usize)> {
        let Some(steps) = &self.source.cache.steps else {
            return self.source.outputs_of(layer).map(|outputs| (outputs, 0));
        };
        let of_layer = steps.index_axis(Axis(0), layer);
        let rows = |direction| of_layer.index_axis_move(Axis(0), direction);
        let saved = |direction| SavedRows { rows: rows(direction), first_step: 0 };
        Some(([saved(0), saved(1)], HIDDEN))
    }

    /// The checkpoints of one direction of a layer, if there are any.
    fn entering(&self, layer: usize, direction: usize) -> Option<SavedRows<'_>> {
        let of_layer = self.source.cache.states.as_ref()?.index_axis(Axis(0), layer);
        Some(SavedRows { rows: of_layer.index_axis_move(Axis(0), direction), first_step: 0 })
    }

    /// The pass over `span`; `covered` are the steps that the gradients of inputs hold.
    fn pass<'p, 'b>(
        &'p self,
        place: Place<'p, 'b>,
        saved: &'p SavedLayer<'p>,
        span: &Range<usize>,
        covered: &Range<usize>,
    ) -> LayerPass<'p, 'b> {
        let Place { layer, direction, arrays, above } = place;
        LayerPass {
            plan: self.plan,
            crew: self.crew,
            weights: self.weights.of(layer, direction),
            saved,
            arrays,
            layer,
            direction,
            above,
            wants_d_inputs: layer > 0 || arrays.d_input.is_some(),
            span: span.clone(),
            covered: covered.clone(),
        }
    }
}
