//! The backward pass.
//!
//! In: a plan for training, packed weights, a filled cache, arrays. Out: gradients in the caller's arrays. No
//! result depends on which thread computes it, nor, by panels, on what the cache holds.

mod arranged;
mod arrays;
mod buffers;
mod chunks;
mod exchange;
mod groups;
mod inputs;
mod layers;
mod load;
mod matrices;
mod pass;
mod recurrence;
mod segment;
mod store;
mod store_inputs;
mod units;
mod weights;
mod workspace;

pub use arrays::{BackwardArrays, GradientViews};
pub use workspace::BackwardWorkspace;

use super::cache;
use super::threads::{Interrupt, Threads};
use crate::error::Error;
use crate::pack::{BackwardWeights, Weights};
use crate::plan::Plan;
use layers::BackwardCall;
use segment::Recompute;

/// Compute the gradients of a layer from what a forward call left in `cache`. Where that holds checkpoints
/// only, `forward_weights` serve to compute the steps in between again; else they are not needed.
///
/// # Errors
///
/// [`Error::WrongLayer`] and [`Error::WrongPlan`] for what belongs to another layer or plan,
/// [`Error::NoForwardWeights`], [`Error::Cache`] for a cache that this layer has not filled with these weights,
/// [`Error::NotForTraining`], [`Error::ArrayMismatch`], [`Error::Threads`]. Nothing was written then.
pub fn backward(
    plan: &Plan,
    weights: &BackwardWeights,
    forward_weights: Option<&Weights>,
    workspace: &mut BackwardWorkspace,
    cache: &[u8],
    arrays: BackwardArrays<'_>,
) -> Result<(), Error> {
    backward_until(plan, weights, forward_weights, workspace, cache, arrays, None)
}

/// As [`backward`], unless `interrupt` ends it.
///
/// # Errors
///
/// As [`backward`], and [`Error::Interrupted`], after which gradients hold anything.
pub(crate) fn backward_until(
    plan: &Plan,
    weights: &BackwardWeights,
    forward_weights: Option<&Weights>,
    workspace: &mut BackwardWorkspace,
    cache: &[u8],
    mut arrays: BackwardArrays<'_>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    let layers = [Some(weights.layer()), forward_weights.map(Weights::layer)];
    if !layers.into_iter().flatten().all(|layer| layer.is_same(&plan.layer)) {
        return Err(Error::WrongLayer { what: "weights" });
    }
    if workspace.plan_id != plan.id {
        return Err(Error::WrongPlan { what: "workspace" });
    }
    if !plan.training {
        return Err(Error::NotForTraining { what: "plan" });
    }
    arrays.check(plan)?;
    let forward_print = forward_weights.map(Weights::fingerprint).transpose()?;
    let prints = [Some(weights.fingerprint()), forward_print];
    let cache = cache::filled(plan, prints.into_iter().flatten(), cache)?;
    let threads = &Threads::new(plan.backward.threads, plan.layer.tuning.moves_threads, interrupt)?;
    let input = arrays.input;
    let recompute = match (plan.config().checkpoint_steps, forward_weights) {
        (None, _) => None,
        (Some(_), None) => return Err(Error::NoForwardWeights),
        (Some(_), Some(weights)) => Some(Recompute { plan, weights, threads, input, cache }),
    };
    arrays.load_states(plan, &mut workspace.gradients);
    let call = BackwardCall { plan, weights, threads, cache, recompute };
    let done = threads.keep_awake(|| {
        call.run(workspace, &mut arrays)?;
        arrays.store_states(plan, &mut workspace.gradients);
        arrays.store_weights(plan, threads, &mut workspace.gradients)
    });
    done.map_err(|broken| threads.error(broken))
}
