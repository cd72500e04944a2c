//! Packing by the threads of a call.
//!
//! In: the plan of a call or of a layer, and the caller's weights. Out: packed weights, each piece by the thread that
//! comes first. It does not know what panels are.
//!
//! A piece belongs to one thread and is copied as it is, so that no number of threads changes a bit.

use super::threads::{Divide, Interrupt, Threads};
use crate::error::Error;
use crate::pack::{BackwardWeights, BoundWeights, Hands, Weights};
use crate::plan::{LayerPlan, Plan};
use std::sync::Arc;

/// Pack the weights for a call that fills a training cache.
///
/// # Errors
///
/// As [`Weights::pack`], and [`Error::Threads`].
pub fn pack(
    plan: &Plan,
    weights: &BoundWeights<'_>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<Weights, Error> {
    Weights::pack_by(&Team::new(&plan.layer, plan.threads, interrupt)?, &plan.layer, weights)
}

/// Pack the weights for calls without a training cache.
///
/// # Errors
///
/// As [`pack`].
pub fn pack_for_inference(
    plan: &Plan,
    weights: &BoundWeights<'_>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<Weights, Error> {
    let team = Team::new(&plan.layer, plan.threads, interrupt)?;
    Weights::pack_for_inference_by(&team, &plan.layer, weights)
}

/// Pack the weights for calls of any batch and length without a training cache, by some threads at most. Which of these
/// calls comes next is not known, so that it is not the threads of one plan that pack.
///
/// # Errors
///
/// As [`pack`].
pub fn pack_shared(
    layer: &Arc<LayerPlan>,
    threads: usize,
    weights: &BoundWeights<'_>,
) -> Result<Weights, Error> {
    Weights::pack_for_inference_by(&Team::new(layer, threads, None)?, layer, weights)
}

/// Pack the weights for a backward call.
///
/// # Errors
///
/// As [`pack`].
pub fn pack_backward(
    plan: &Plan,
    weights: &BoundWeights<'_>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<BackwardWeights, Error> {
    let team = Team::new(&plan.layer, plan.backward.threads, interrupt)?;
    BackwardWeights::pack_by(&team, &plan.layer, weights)
}

/// Some threads, as far as the weights are enough for them.
struct Team<'i> {
    threads: Threads<'i>,
    count: usize,
}

impl<'i> Team<'i> {
    fn new(
        layer: &LayerPlan,
        threads: usize,
        interrupt: Option<&'i Interrupt<'i>>,
    ) -> Result<Self, Error> {
        let count = layer.packing_threads(threads);
        // All of these threads or one: each number of them is a pool of its own.
        let threads = if count == 1 { 1 } else { threads };
        let threads = Threads::new(threads, layer.tuning.moves_threads, interrupt)?;
        Ok(Self { threads, count })
    }
}

impl Hands for Team<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn each<P: Send>(&self, pieces: &mut [P], run: &(impl Fn(&mut P) + Sync)) -> Result<(), Error> {
        let done = self.threads.divide(Pieces(pieces), &|Pieces(pieces)| {
            pieces.iter_mut().for_each(run);
            Ok(())
        });
        done.map_err(|broken| self.threads.error(broken))
    }
}

/// Pieces that are divided until each is alone.
struct Pieces<'p, P>(&'p mut [P]);

impl<P: Send> Divide for Pieces<'_, P> {
    fn is_whole(&self) -> bool {
        self.0.len() <= 1
    }

    fn halve(self) -> (Self, Self) {
        let (one, other) = self.0.split_at_mut(self.0.len() / 2);
        (Self(one), Self(other))
    }
}
