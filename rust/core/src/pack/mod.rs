//! Weights into panels.
//!
//! In: the plan of a layer and views of the caller's weights, with any strides. Out: [`Weights`] and
//! [`BackwardWeights`], immutable panels in the order in which kernels read them; and [`GradientSums`], sums of
//! weight gradients in the same order. A fingerprint, for which weights are read once more, says which
//! they are. This is the only code that sees how weights are stored.

mod backward;
mod fingerprint;
mod gradient_sums;
mod hands;
mod panel;
mod strips;
#[cfg(test)]
mod tests;
mod unpack;
mod views;
mod weights;

pub use backward::BackwardWeights;
pub(crate) use backward::TransposedPanels;
pub use fingerprint::fingerprint_of;
pub(crate) use gradient_sums::GradientSums;
pub(crate) use hands::Hands;
pub(crate) use panel::LayerPanels;
pub(crate) use unpack::GradientSlot;
pub use views::{BoundWeights, WeightViews};
pub use weights::Weights;
