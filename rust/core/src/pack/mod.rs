//! Weights into panels.
//!
//! In: a plan and views of the caller's weights, with any strides. Out: [`Weights`], immutable panels in the
//! order in which kernels read them. This is the only code that sees how weights are stored.

mod backward;
mod panel;
mod unpack;
mod views;

pub(crate) use crate::plan::Panels;
pub use backward::BackwardWeights;
pub(crate) use backward::TransposedPanels;
pub(crate) use panel::LayerPanels;
pub(crate) use unpack::GradientSlot;
pub use views::{BoundWeights, GateViews, WeightViews};

use crate::error::Error;
use crate::plan::{PanelSizes, Plan};

/// The packed weights of a layer, for one plan.
#[derive(Debug)]
pub struct Weights {
    /// `[layer][direction]`.
    panels: Vec<LayerPanels>,
    directions: usize,
    pub(crate) plan_id: u64,
}

impl Weights {
    /// Pack the weights of all layers and directions.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] if a view is not the array that was planned for, [`Error::OutOfMemory`].
    pub fn pack(plan: &Plan, views: &WeightViews<'_>) -> Result<Self, Error> {
        let config = plan.config();
        let bound = BoundWeights::bind(&plan.checked, views)?;
        let mut panels = Vec::with_capacity(config.num_layers * config.directions);
        for layer in 0..config.num_layers {
            let sizes = PanelSizes::new(config, &plan.shape, layer);
            for direction in 0..config.directions {
                panels.push(LayerPanels::pack(plan, &sizes, &bound, layer, direction)?);
            }
        }
        Ok(Self { panels, directions: config.directions, plan_id: plan.id })
    }

    pub(crate) fn of(&self, layer: usize, direction: usize) -> &LayerPanels {
        &self.panels[layer * self.directions + direction]
    }
}
