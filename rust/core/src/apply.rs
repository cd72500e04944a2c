//! One call from checked arrays to results: plan, pack, run.
//!
//! In: what `check` made of the caller's structures, and views of the arrays. Out: results in the caller's
//! memory. It does not know where the arrays came from: structures of this crate, or NumPy.

use crate::check::{Checked, CheckedBackward, Config, Lent};
use crate::error::Error;
use crate::pack::{BoundWeights, WeightViews, Weights};
use crate::plan::{LayerPlan, Options, Plan};
use crate::run::{
    BackwardArrays, BackwardWorkspace, GradientViews, Inputs, Interrupt, Outputs, Workspace,
    backward_until, cache_capacity, forward_caching_until, forward_until, pack, pack_backward,
    pack_for_inference,
};

/// Compute a layer, and fill a training cache if there is one: then dropout acts.
///
/// # Errors
///
/// [`Error::Cache`] for too few bytes, and those of [`Plan::new`], [`Weights::pack`], [`Workspace::new`] and
/// [`forward`](crate::run::forward), after which nothing was written; [`Error::Interrupted`], after which outputs hold
/// anything.
pub fn apply_forward<'a>(
    checked: &Checked,
    options: Options,
    weights: &WeightViews<'_>,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
    cache: Option<&'a mut [u8]>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    let options = Options { training: cache.is_some(), ..options };
    let layer = LayerPlan::new(checked, options);
    let plan = Plan::new(&layer, checked, options)?;
    let mut workspace = Workspace::new(&plan)?;
    if let Some(cache) = cache {
        let room = (&plan, &mut workspace);
        return planned_training(room, weights, inputs, outputs, cache, interrupt);
    }
    let weights = pack_for_inference(&plan, &BoundWeights::bind(checked, weights)?, interrupt)?;
    forward_until(&plan, &weights, &mut workspace, inputs, outputs, interrupt)
}

/// As [`apply_forward`] with a cache, for a plan for training and its workspace.
///
/// # Errors
///
/// As [`apply_forward`].
pub fn planned_training<'a>(
    (plan, workspace): (&Plan, &mut Workspace),
    weights: &WeightViews<'_>,
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
    cache: &'a mut [u8],
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    let weights = pack(plan, &BoundWeights::bind(&plan.checked, weights)?, interrupt)?;
    forward_caching_until(plan, &weights, workspace, inputs, outputs, cache, interrupt)
}

/// Compute the gradients of a layer, from the training cache of its forward call or, without one, from a
/// forward pass that is computed again.
///
/// # Errors
///
/// [`Error::Cache`] for a cache that this layer has not filled with these weights, and those of [`Plan::new`],
/// [`BackwardWeights::pack`](crate::pack::BackwardWeights::pack), [`BackwardWorkspace::new`] and
/// [`backward`](crate::run::backward), after which nothing was written; [`Error::Interrupted`], after which gradients
/// hold anything.
pub fn apply_backward<'a>(
    checked: &'a CheckedBackward,
    options: Options,
    weights: &WeightViews<'_>,
    inputs: Inputs<'a>,
    gradients: GradientViews<'a>,
    cache: Option<&[u8]>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    let (checked_layer, options) = (checked.forward(), Options { training: true, ..options });
    let layer = LayerPlan::new(checked_layer, options);
    let plan = Plan::new(&layer, checked_layer, options)?;
    let mut workspace = BackwardWorkspace::new(&plan)?;
    let arrays = (inputs, gradients);
    planned_backward((&plan, &mut workspace), checked, weights, arrays, cache, interrupt)
}

/// As [`apply_backward`], for a plan for training of the same layer and its workspace.
///
/// # Errors
///
/// As [`apply_backward`].
pub fn planned_backward<'a>(
    (plan, workspace): (&Plan, &mut BackwardWorkspace),
    checked: &'a CheckedBackward,
    weights: &WeightViews<'_>,
    (inputs, gradients): (Inputs<'a>, GradientViews<'a>),
    cache: Option<&[u8]>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<(), Error> {
    let weights = BoundWeights::bind(checked.forward(), weights)?;
    let packed = pack_backward(plan, &weights, interrupt)?;
    let computes_again = cache.is_none() || plan.config().checkpoint_steps.is_some();
    let forward_weights = computes_again.then(|| pack(plan, &weights, interrupt)).transpose()?;
    let own_cache = match (cache, &forward_weights) {
        (None, Some(weights)) => recompute(plan, weights, &inputs, interrupt)?,
        _ => Vec::new(),
    };
    let arrays = BackwardArrays::bind(checked, inputs, gradients)?;
    let (forward_weights, cache) = (forward_weights.as_ref(), cache.unwrap_or(&own_cache));
    backward_until(plan, &packed, forward_weights, workspace, cache, arrays, interrupt)
}

/// The forward pass for its cache alone.
fn recompute(
    plan: &Plan,
    weights: &Weights,
    inputs: &Inputs<'_>,
    interrupt: Option<&Interrupt<'_>>,
) -> Result<Vec<u8>, Error> {
    let mut cache = empty_cache(plan.config())?;
    let mut workspace = Workspace::new(plan)?;
    let inputs = inputs.as_ref().map(|_, array| array.as_ref().map(Lent::view));
    forward_caching_until(
        plan,
        weights,
        &mut workspace,
        inputs,
        Outputs::default(),
        &mut cache,
        interrupt,
    )?;
    Ok(cache)
}

/// A cache of our own, to be filled.
fn empty_cache(config: &Config) -> Result<Vec<u8>, Error> {
    let bytes = cache_capacity(config).unwrap_or(usize::MAX);
    let mut cache = Vec::new();
    let what = "the training cache";
    cache.try_reserve_exact(bytes).map_err(|_| Error::OutOfMemory { what, bytes })?;
    cache.resize(bytes, 0);
    Ok(cache)
}
