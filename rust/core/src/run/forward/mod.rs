//! The forward pass.
//!
//! In: a plan, packed weights, a workspace, arrays. Out: the caller's outputs, and a filled training cache. No
//! result depends on which thread computes it.

mod arrays;
mod chunks;
mod copy;
mod exchange;
mod groups;
mod input;
mod layers;
mod matrices;
mod output;
mod pipeline;
mod recurrence;
mod shared;
mod task;
mod units;
mod workspace;

pub use arrays::{Inputs, Outputs};
pub(super) use groups::{SplitRows, each_group};
pub(super) use task::{Source, Target, Task};
pub use workspace::Workspace;
pub(super) use workspace::{DirectionMemory, GroupMemory, StateMemory};

use super::cache;
use super::threads::{Interrupt, Threads};
use crate::error::Error;
use crate::pack::Weights;
use crate::plan::Plan;
use arrays::Bound;
use layers::ForwardCall;

/// Compute the layer for the arrays that were checked. Elements in order are the quickest way into a short
/// computation.
///
/// # Errors
///
/// [`Error::WrongLayer`], [`Error::WrongPlan`] and [`Error::ArrayMismatch`] for what belongs to another layer
/// or plan, and [`Error::Threads`]. Nothing was written then.
pub fn forward<'a>(
    plan: &Plan,
    weights: &Weights,
    workspace: &mut Workspace,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
) -> Result<(), Error> {
    forward_until(plan, weights, workspace, inputs, outputs, None)
}

/// As [`forward`], unless `interrupt` ends it.
///
/// # Errors
///
/// As [`forward`], and [`Error::Interrupted`], after which outputs hold anything.
pub fn forward_until<'a>(
    plan: &Plan,
    weights: &Weights,
    workspace: &mut Workspace,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    check_plan(plan, weights, workspace)?;
    run(plan, weights, workspace, Bound::new(plan, inputs, outputs)?, interrupt)
}

/// As [`forward`], and fill a training cache for [`backward`](super::backward()).
///
/// # Errors
///
/// As [`forward`]; [`Error::NotForTraining`], and [`Error::Cache`] for too few bytes.
pub fn forward_caching<'a>(
    plan: &Plan,
    weights: &Weights,
    workspace: &mut Workspace,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
    cache: &'a mut [u8],
) -> Result<(), Error> {
    forward_caching_until(plan, weights, workspace, inputs, outputs, cache, None)
}

/// As [`forward_caching`], unless `interrupt` ends it.
///
/// # Errors
///
/// As [`forward_caching`], and [`Error::Interrupted`], after which outputs hold anything and the cache is refused.
pub(crate) fn forward_caching_until<'a>(
    plan: &Plan,
    weights: &Weights,
    workspace: &mut Workspace,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
    cache: &'a mut [u8],
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    check_plan(plan, weights, workspace)?;
    if !plan.training {
        return Err(Error::NotForTraining { what: "plan" });
    }
    let weights_print = weights.fingerprint()?;
    let mut arrays = Bound::new(plan, inputs, outputs)?;
    let (head, regions) = cache::to_fill(plan, weights_print, cache)?;
    arrays.cache = Some(regions);
    run(plan, weights, workspace, arrays, interrupt)?;
    cache::mark_filled(head);
    Ok(())
}

fn check_plan(plan: &Plan, weights: &Weights, workspace: &Workspace) -> Result<(), Error> {
    if !weights.layer().is_same(&plan.layer) {
        return Err(Error::WrongLayer { what: "weights" });
    }
    if workspace.plan_id != plan.id {
        return Err(Error::WrongPlan { what: "workspace" });
    }
    Ok(())
}

fn run(
    plan: &Plan,
    weights: &Weights,
    workspace: &mut Workspace,
    arrays: Bound<'_>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    let threads = Threads::new(plan.threads, plan.layer.tuning.moves_threads, interrupt)?;
    let done = ForwardCall { plan, weights, threads: &threads }.run(&mut workspace.groups, arrays);
    done.map_err(|broken| threads.error(broken))
}
