//! Weights into panels.
//!
//! In: the plan of a layer and views of the caller's weights, with any strides. Out: [`Weights`] and
//! [`BackwardWeights`], immutable panels in the order in which kernels read them; and [`GradientSums`], sums of
//! weight gradients in the same order. This is the only code that sees how weights are stored.

mod backward;
mod gradient_sums;
mod panel;
mod unpack;
mod views;

pub use backward::BackwardWeights;
pub(crate) use backward::TransposedPanels;
pub(crate) use gradient_sums::GradientSums;
pub(crate) use panel::LayerPanels;
pub(crate) use unpack::GradientSlot;
pub use views::{BoundWeights, GateViews, WeightViews};

use crate::error::{Broken, Error};
use crate::place::{PerPlace, Place};
use crate::plan::{LayerPlan, PanelFields};
use std::sync::Arc;

/// Panels of one direction of a layer, to read.
pub(crate) type Panels<'p> = PanelFields<&'p [f32]>;
/// Sums of gradients in the order of panels, to write.
pub(crate) type PanelsMut<'p> = PanelFields<&'p mut [f32]>;

/// The packed weights of a layer, for calls of any batch and length.
#[derive(Debug)]
pub struct Weights {
    panels: PerPlace<LayerPanels>,
    layer: Arc<LayerPlan>,
}

impl Weights {
    /// Pack the weights of all layers and directions.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLayer`] for weights of another layer, [`Error::OutOfMemory`].
    pub fn pack(layer: &Arc<LayerPlan>, weights: &BoundWeights<'_>) -> Result<Self, Error> {
        let panels = pack_each(layer, weights, LayerPanels::pack)?;
        Ok(Self { panels, layer: Arc::clone(layer) })
    }

    /// The plan that they were packed for.
    pub fn layer(&self) -> &Arc<LayerPlan> {
        &self.layer
    }

    /// The bytes of all panels.
    pub fn bytes(&self) -> usize {
        self.layer.packed_bytes()
    }

    pub(crate) fn of(&self, place: Place) -> Result<Panels<'_>, Broken> {
        self.panels.of(place).map(LayerPanels::panels)
    }
}

/// Pack each direction of each layer.
fn pack_each<T>(
    layer: &LayerPlan,
    weights: &BoundWeights<'_>,
    pack: impl Fn(&LayerPlan, &BoundWeights<'_>, Place) -> Result<T, Error>,
) -> Result<PerPlace<T>, Error> {
    if weights.layer != layer.config {
        return Err(Error::WrongLayer { what: "weights" });
    }
    let stack = (layer.config.layers, layer.config.directions);
    PerPlace::try_from_fn(stack, |place| pack(layer, weights, place))
}
