//! Weights as the forward pass reads them.
//!
//! In: the plan of a layer, and the caller's weights, bound to its axes. Out: [`Weights`], immutable panels of
//! all layers and directions. It does not know calls.

use super::panel::LayerPanels;
use super::views::BoundWeights;
use crate::error::{Broken, Error};
use crate::place::{PerPlace, Place};
use crate::plan::LayerPlan;
use std::sync::Arc;

/// The packed weights of a layer, for calls of any batch and length.
#[derive(Debug)]
pub struct Weights {
    panels: PerPlace<LayerPanels>,
    /// Which weights these are; `None` where they are for inference only.
    fingerprint: Option<u64>,
    layer: Arc<LayerPlan>,
}

impl Weights {
    /// Pack the weights of all layers and directions.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLayer`] for weights of another layer, [`Error::OutOfMemory`].
    pub fn pack(layer: &Arc<LayerPlan>, weights: &BoundWeights<'_>) -> Result<Self, Error> {
        let packed = Self::pack_for_inference(layer, weights)?;
        Ok(Self { fingerprint: Some(weights.fingerprint(layer.level)), ..packed })
    }

    /// As [`pack`](Self::pack), for calls without a training cache only: which weights these are, which a
    /// cache remembers, is not computed.
    ///
    /// # Errors
    ///
    /// As [`pack`](Self::pack).
    pub fn pack_for_inference(
        layer: &Arc<LayerPlan>,
        weights: &BoundWeights<'_>,
    ) -> Result<Self, Error> {
        let panels = pack_each(layer, weights, LayerPanels::pack)?;
        Ok(Self { panels, fingerprint: None, layer: Arc::clone(layer) })
    }

    /// The plan that they were packed for.
    pub fn layer(&self) -> &Arc<LayerPlan> {
        &self.layer
    }

    /// The bytes of all panels.
    pub fn bytes(&self) -> usize {
        self.layer.packed_bytes()
    }

    /// Which weights these are.
    ///
    /// # Errors
    ///
    /// [`Error::NotForTraining`] where they were packed for inference.
    pub(crate) fn fingerprint(&self) -> Result<u64, Error> {
        self.fingerprint.ok_or(Error::NotForTraining { what: "weights" })
    }

    pub(crate) fn of(&self, place: Place) -> Result<&LayerPanels, Broken> {
        self.panels.of(place)
    }
}

/// Pack each direction of each layer.
pub(super) fn pack_each<T>(
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
