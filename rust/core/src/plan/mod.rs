//! Every decision and every size, before any memory exists.
//!
//! In: a [`Checked`](crate::Checked) structure and [`Options`]. Out: a [`LayerPlan`], what depends on the layer
//! and the SIMD level alone, and a [`Plan`], what depends on one kind of call. Packing and running follow
//! them without deciding anything. No array is touched.

mod backward;
mod backward_cost;
mod backward_division;
mod cache;
mod call;
mod cost;
mod division;
mod explain;
mod groups;
mod layer;
mod memory;
mod options;
mod panels;
mod pipeline;
mod prediction;
mod products;
mod shape;

pub(crate) use backward::{BackwardSizes, ChunkSizes, PartSizes, RecomputeSizes};
pub(crate) use cache::{CacheLayout, HEADER_BYTES, StateLayout, StepLayout};
pub use cache::{CacheRegion, CellStates};
pub use call::Plan;
pub(crate) use groups::Group;
pub use layer::LayerPlan;
pub(crate) use memory::GroupSizes;
pub use options::Options;
pub(crate) use panels::{PanelFields, PanelPlaces, PanelSizes, Panels, PanelsMut};
pub(crate) use pipeline::Pipeline;
pub use prediction::Prediction;
pub(crate) use products::Product;
pub(crate) use shape::Shape;
