//! Which rows of the cache belong to a layer, or to one direction of it.
//!
//! In: the cache's regions. Out: views of them. It reads no row.

use super::Regions;
use super::rows::{CachedRows, OwnUnits, RegionRows, TaskCache};
use crate::check::LayerConfig;
use crate::error::Broken;
use crate::gate::Gate;
use crate::place::{Direction, PerDirection, Place};
use crate::plan::StepLayout;
use ndarray::{ArrayView5, ArrayViewMut5, Axis};

/// What the directions of one layer gave.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) struct LayerOutputs<'a> {
    pub(in crate::run) directions: PerDirection<CachedRows<'a>>,
    /// The first float of the outputs in a row.
    pub(in crate::run) start: usize,
}

impl<'a> Regions<ArrayView5<'a, u8>> {
    /// What a layer gave.
    pub(in crate::run) fn outputs_of(
        &self,
        layer: usize,
        config: &LayerConfig,
    ) -> Result<LayerOutputs<'a>, Broken> {
        let (region, start) = match (self.steps, self.outputs) {
            (Some(steps), _) => (steps, StepLayout::new(config).hidden().start),
            (None, Some(outputs)) => (outputs, 0),
            (None, None) => return Err(Broken("no outputs of the lower layers")),
        };
        let directions = PerDirection::try_from_fn(config.directions, |direction| {
            Ok(CachedRows::of_place(region, Place { layer, direction }))
        })?;
        Ok(LayerOutputs { directions, start })
    }

    /// The checkpoints of one direction of a layer, if there are any.
    pub(in crate::run) fn checkpoints(&self, place: Place) -> Option<CachedRows<'a>> {
        self.states.map(|states| CachedRows::of_place(states, place))
    }
}

impl<'a> Regions<ArrayViewMut5<'a, u8>> {
    /// The same for a shorter time.
    pub(in crate::run) fn view_mut(&mut self) -> Regions<ArrayViewMut5<'_, u8>> {
        Regions {
            steps: self.steps.as_mut().map(|all| all.view_mut()),
            states: self.states.as_mut().map(|all| all.view_mut()),
            outputs: self.outputs.as_mut().map(|all| all.view_mut()),
        }
    }

    /// Of the first layer, and of the others.
    pub(in crate::run) fn split_layer(self) -> (Self, Self) {
        let split = |region: Option<ArrayViewMut5<'a, u8>>| {
            let parts = region.map(|region| {
                let first = region.len_of(Axis(0)).min(1);
                region.split_at(Axis(0), first)
            });
            parts.unzip()
        };
        let (steps, other_steps) = split(self.steps);
        let (states, other_states) = split(self.states);
        let (outputs, other_outputs) = split(self.outputs);
        (
            Self { steps, states, outputs },
            Self { steps: other_steps, states: other_states, outputs: other_outputs },
        )
    }

    /// The regions of each direction of a layer.
    pub(in crate::run) fn of_layer(
        &mut self,
        layer: usize,
        config: &LayerConfig,
    ) -> PerDirection<TaskCache<'_>> {
        let own = OwnUnits { units: 0..config.units, outputs: 0..config.outputs };
        let [steps, steps_back] = of_directions(self.steps.as_mut(), layer);
        let [states, states_back] = of_directions(self.states.as_mut(), layer);
        let [outputs, outputs_back] = of_directions(self.outputs.as_mut(), layer);
        let second = TaskCache {
            steps: steps_back,
            states: states_back,
            outputs: outputs_back,
            first_step: 0,
            own: own.clone(),
        };
        PerDirection {
            forward: TaskCache { steps, states, outputs, first_step: 0, own },
            backward: Some(second).filter(|_| config.directions == 2),
        }
    }
}

/// A region of each direction of a layer; `None` where the layer has none, as the last one has no outputs
/// that anybody needs again.
fn of_directions<'v>(
    region: Option<&'v mut ArrayViewMut5<'_, u8>>,
    layer: usize,
) -> [Option<RegionRows<'v>>; 2] {
    let Some(region) = region.filter(|region| layer < region.len_of(Axis(0))) else {
        return [None, None];
    };
    let (first, rest) =
        region.index_axis_mut(Axis(0), layer).split_at(Axis(0), Direction::Backward.index());
    let second = (rest.len_of(Axis(0)) > 0).then(|| rest.index_axis_move(Axis(0), 0));
    [Some(first.index_axis_move(Axis(0), 0)), second].map(|rows| rows.map(RegionRows::Whole))
}

impl TaskCache<'_> {
    /// For each part of the units, in ascending order.
    pub(in crate::run) fn divide(self, parts: &[OwnUnits]) -> Vec<Self> {
        // Gates and cell state before the outputs; the cell state; nothing.
        let mut steps = divided(self.steps, Gate::COUNT + 1, parts).into_iter();
        let mut states = divided(self.states, 1, parts).into_iter();
        let mut outputs = divided(self.outputs, 0, parts).into_iter();
        let first_step = self.first_step;
        let part = |own: &OwnUnits| Self {
            steps: steps.next(),
            states: states.next(),
            outputs: outputs.next(),
            first_step,
            own: own.clone(),
        };
        parts.iter().map(part).collect()
    }
}

/// The vectors of a region's rows for each part of the units: so many of units, then one of outputs. None without a
/// region.
fn divided<'v>(
    region: Option<RegionRows<'v>>,
    of_units: usize,
    parts: &[OwnUnits],
) -> Vec<RegionRows<'v>> {
    let Some(RegionRows::Whole(rows)) = region else { return Vec::new() };
    let mut of_parts: Vec<Vec<_>> = parts.iter().map(|_| Vec::new()).collect();
    let mut rest = rows;
    for vector in 0..=of_units {
        for (part, of_part) in parts.iter().zip(&mut of_parts) {
            let own = if vector < of_units { &part.units } else { &part.outputs };
            let floats;
            (floats, rest) = rest.split_at(Axis(2), own.len() * size_of::<f32>());
            of_part.push(floats);
        }
    }
    of_parts.into_iter().map(RegionRows::Parts).collect()
}
