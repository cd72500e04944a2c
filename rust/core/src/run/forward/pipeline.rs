//! The layers of a group at the same time, each at another piece of the sequence.
//!
//! In: the memory of a group, its arrays. Out: what layers one after the other give, to the bit. Any thread takes any
//! layer's next piece, once the layer below has finished it ([`Stages`]): outputs lie in one of two buffers a layer, in
//! turn. Nobody waits at a lock: a layer has one thread at a time, and a buffer one layer. It does not know why the plan
//! chose it.

use super::super::cache::Regions;
use super::super::threads::{Done, Stages};
use super::arrays::Bound;
use super::layers::ForwardCall;
use super::task::{Source, Target, Task};
use super::workspace::{DirectionMemory, PipelineMemory, StateMemory, TaskMemory};
use crate::aligned::Aligned;
use crate::error::Broken;
use crate::place::{Direction, PerDirection, Place};
use crate::plan::{Group, Pipeline};
use ndarray::{ArrayView3, ArrayViewMut3, ArrayViewMut5};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What one layer needs for all of its pieces.
struct Layer<'l> {
    memory: &'l mut TaskMemory,
    state: &'l mut StateMemory,
    /// Of the last layer, if it is wanted.
    output: Option<ArrayViewMut3<'l, f32>>,
    /// Of this layer alone.
    cache: Option<Regions<ArrayViewMut5<'l, u8>>>,
}

/// What all threads of a group share.
struct Shared<'s> {
    call: ForwardCall<'s>,
    group: &'s Group,
    pipeline: Pipeline,
    input: ArrayView3<'s, f32>,
    layers: Vec<Mutex<Layer<'s>>>,
    /// Outputs of each layer but the last one.
    between: &'s [[Mutex<PerDirection<Aligned>>; 2]],
}

impl ForwardCall<'_> {
    /// All layers of one group, whose states have been loaded.
    pub(super) fn pipeline(
        self,
        group: &Group,
        pipeline: Pipeline,
        memory: (&mut DirectionMemory, &mut PipelineMemory),
        arrays: &mut Bound<'_>,
    ) -> Done {
        let (directions, PipelineMemory { tasks, between }) = memory;
        let [first] = directions.parts() else { return Err(PARTS) };
        let memory = std::iter::once(&mut first.task).chain(tasks);
        let mut output = arrays.output.as_mut().map(|all| all.view_mut());
        let mut cache = arrays.cache.as_mut().map(Regions::view_mut);
        let count = self.plan.layer.config.layers;
        let mut layers = Vec::with_capacity(count);
        for (index, (memory, state)) in memory.zip(&mut first.states).enumerate() {
            let output = if index + 1 == count { output.take() } else { None };
            let own;
            (own, cache) = cache.map(Regions::split_layer).unzip();
            layers.push(Mutex::new(Layer { memory, state, output, cache: own }));
        }
        if layers.len() != count || between.len() + 1 != count {
            return Err(Broken("memory for fewer layers than a pipeline has"));
        }
        let shared =
            Shared { call: self, group, pipeline, input: arrays.input.view(), layers, between };
        shared.run()
    }
}

impl Shared<'_> {
    /// All pieces through all layers.
    fn run(&self) -> Done {
        let steps = self.call.plan.config().seq_len;
        let stages = Stages::new(self.layers.len(), steps.div_ceil(self.pipeline.steps));
        let threads = self.call.threads;
        let work = || {
            stages.work(
                |is_done| threads.stay_awake(is_done),
                |layer, piece| self.piece(layer, piece),
            )
        };
        threads.lead(self.pipeline.threads - 1, work, |_| work())
    }

    /// The steps of a piece.
    fn steps(&self, piece: usize) -> Range<usize> {
        let (all, steps) = (self.call.plan.config().seq_len, self.pipeline.steps);
        let number = if self.call.plan.layer.config.variant.reverse {
            all.div_ceil(steps) - 1 - piece
        } else {
            piece
        };
        number * steps..((number + 1) * steps).min(all)
    }

    /// One piece of one layer.
    fn piece(&self, layer: usize, piece: usize) -> Done {
        let Shared { call, group, .. } = *self;
        call.threads.look()?;
        let place = Place { layer, direction: Direction::Forward };
        let mut own = lock(&self.layers[layer]);
        let Layer { memory, state, output, cache } = &mut *own;
        let below = layer.checked_sub(1).map(|below| lock(&self.between[below][piece % 2]));
        let mut above = self.between.get(layer).map(|above| lock(&above[piece % 2]));
        let mut cache =
            cache.as_mut().map(|cache| cache.of_layer(0, &call.plan.layer.config).forward);
        let task = Task {
            plan: call.plan,
            group,
            panels: call.weights.of(place)?,
            place,
            span: self.steps(piece),
            source: match &below {
                None => Source::Input(self.input),
                Some(below) => Source::Below(below),
            },
            target: match (&mut above, output) {
                (Some(above), _) => Target::Above(&mut above.forward),
                (None, Some(output)) => Target::Output(output.view_mut()),
                (None, None) => Target::Nowhere,
            },
            state,
            cache: cache.as_mut(),
            memory,
        };
        task.run(call.threads)
    }
}

/// A lock that nobody else holds.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

const PARTS: Broken = Broken("parts of the units in a pipeline");
