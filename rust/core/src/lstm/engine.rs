//! What calls of an LSTM share: packed weights, and the plans of a few shapes.
//!
//! In: a configuration, weights, the sizes of a call. Out: a [`Kept`] plan with a workspace, and weights that are
//! packed once for all shapes, until they change. It knows no array of a call.

use super::config::LstmConfig;
use super::parameters::Parameters;
use super::structure::{Sizes, check_call};
use crate::error::Error;
use crate::pack::{BoundWeights, Weights};
use crate::plan::{LayerPlan, Options, Plan};
use crate::run::{Inputs, Outputs, Workspace, forward, pack_for_inference};
use std::sync::Arc;

/// How many shapes are kept, so that memory does not grow with the number of shapes.
const KEPT: usize = 4;

/// The plan of calls of one shape.
#[derive(Debug)]
pub(super) struct Kept {
    steps: usize,
    rows: usize,
    active: Option<Vec<u32>>,
    plan: Plan,
    workspace: Workspace,
}

impl Kept {
    /// Plan calls of a shape. With `is_in_place`, states are written over those that they came from.
    pub(super) fn new(
        config: &LstmConfig,
        options: Options,
        sizes: Sizes<'_>,
        is_in_place: bool,
    ) -> Result<Self, Error> {
        let checked = check_call(config, sizes, is_in_place)?;
        let options = Options { training: false, ..options };
        let plan = Plan::new(&LayerPlan::new(&checked, options), &checked, options)?;
        let workspace = Workspace::new(&plan)?;
        let Sizes { steps, rows, active } = sizes;
        Ok(Self { steps, rows, active: active.map(<[u32]>::to_vec), plan, workspace })
    }

    /// Whether these are the sizes that it was planned for.
    pub(super) fn is_for(&self, sizes: Sizes<'_>) -> bool {
        (self.steps, self.rows, self.active.as_deref()) == (sizes.steps, sizes.rows, sizes.active)
    }

    /// Pack the weights of the layer.
    fn pack(&self, config: &LstmConfig, parameters: &Parameters) -> Result<Arc<Weights>, Error> {
        parameters.check(config)?;
        let bias_sum = parameters.bias_sum();
        let views = parameters.views(bias_sum.as_ref());
        let bound = BoundWeights::bind(&self.plan.checked, &views)?;
        pack_for_inference(&self.plan, &bound, None).map(Arc::new)
    }

    /// Compute a call.
    pub(super) fn forward<'a>(
        &mut self,
        weights: &Weights,
        inputs: Inputs<'a>,
        outputs: Outputs<'a>,
    ) -> Result<(), Error> {
        forward(&self.plan, weights, &mut self.workspace, inputs, outputs)
    }
}

/// Plans of the last few shapes, and the weights as they were packed last.
#[derive(Debug, Default)]
pub(super) struct Engine {
    /// The one that was used last at the end.
    kept: Vec<Kept>,
    /// None where the weights may have changed.
    packed: Option<Arc<Weights>>,
}

impl Engine {
    /// Pack the weights anew before the next call.
    pub(super) fn forget_weights(&mut self) {
        self.packed = None;
    }

    /// Another one with the same weights, for another thread.
    pub(super) fn with_the_same_weights(&self) -> Self {
        Self { kept: Vec::new(), packed: self.packed.clone() }
    }

    /// The packed weights; a plan of any shape will do to pack them.
    pub(super) fn weights(
        &mut self,
        config: &LstmConfig,
        plan: &Kept,
        parameters: &Parameters,
    ) -> Result<Arc<Weights>, Error> {
        let weights = match &self.packed {
            Some(packed) => Arc::clone(packed),
            None => plan.pack(config, parameters)?,
        };
        self.packed = Some(Arc::clone(&weights));
        Ok(weights)
    }

    /// The plan of a shape, and packed weights.
    pub(super) fn plan(
        &mut self,
        config: &LstmConfig,
        options: Options,
        sizes: Sizes<'_>,
        parameters: &Parameters,
    ) -> Result<(&mut Kept, Arc<Weights>), Error> {
        let found = match self.kept.iter().position(|kept| kept.is_for(sizes)) {
            Some(position) => self.kept.remove(position),
            None => Kept::new(config, options, sizes, false)?,
        };
        let weights = self.weights(config, &found, parameters)?;
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        self.kept.push(found);
        let what = "a plan was not kept";
        self.kept.last_mut().map(|kept| (kept, weights)).ok_or(Error::Internal { what })
    }
}
