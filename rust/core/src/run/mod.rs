//! Layers, directions and time.
//!
//! In: a plan, packed weights, a workspace and the caller's arrays. Out: the output sequence and the final
//! states, in the caller's memory. It decides nothing: sizes and division come from the plan.

mod arrays;
mod copy;
mod forward;
mod pool;
mod task;
mod workspace;

pub use arrays::{Inputs, Outputs};
pub use forward::forward;
pub use workspace::Workspace;
