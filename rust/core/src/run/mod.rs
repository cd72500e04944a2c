//! Layers, directions and time.
//!
//! In: a plan, packed weights, a workspace and the caller's arrays. Out: the output sequence and the final
//! states, in the caller's memory. It decides nothing: sizes and division come from the plan.

mod arrays;
mod backward;
mod backward_arrays;
mod backward_layer;
mod backward_store;
mod backward_weights;
mod backward_workspace;
mod cache;
mod copy;
mod cores;
mod exchange;
mod forward;
mod pool;
mod recompute;
mod recur;
mod saved;
mod stage;
mod task;
mod task_input;
mod team;
mod workspace;

pub use arrays::{Inputs, Outputs};
pub use backward::backward;
pub use backward_arrays::{BackwardArrays, GateGradientViews, GradientViews};
pub use backward_workspace::BackwardWorkspace;
pub use cache::capacity as cache_capacity;
pub use forward::{forward, forward_caching};
pub use workspace::Workspace;
