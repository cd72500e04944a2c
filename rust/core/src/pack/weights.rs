//! Weights as the forward pass reads them.
//!
//! In: the plan of a layer, and the caller's weights, bound to its axes. Out: [`Weights`], immutable panels of
//! all layers and directions. It does not know calls.

use super::hands::{Alone, Hands, pack_all};
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
        Self::pack_by(&Alone, layer, weights)
    }

    /// As [`pack`](Self::pack), by several threads.
    ///
    /// # Errors
    ///
    /// As [`pack`](Self::pack), and those of the threads.
    pub(crate) fn pack_by(
        hands: &impl Hands,
        layer: &Arc<LayerPlan>,
        weights: &BoundWeights<'_>,
    ) -> Result<Self, Error> {
        let packed = Self::pack_for_inference_by(hands, layer, weights)?;
        Ok(Self { fingerprint: Some(weights.fingerprint(hands, layer.level)?), ..packed })
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
        Self::pack_for_inference_by(&Alone, layer, weights)
    }

    /// As [`pack_for_inference`](Self::pack_for_inference), by several threads.
    ///
    /// # Errors
    ///
    /// As [`pack_by`](Self::pack_by).
    pub(crate) fn pack_for_inference_by(
        hands: &impl Hands,
        layer: &Arc<LayerPlan>,
        weights: &BoundWeights<'_>,
    ) -> Result<Self, Error> {
        let panels = pack_all(hands, layer, weights)?;
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
