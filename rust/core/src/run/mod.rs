//! Layers, directions and time.
//!
//! In: plans, packed weights, workspaces and the caller's arrays. Out: the output sequence, final states and
//! gradients, in the caller's memory. It decides nothing: sizes and division come from the plans.
//!
//! Five floors, of which each knows those above it in this list only:
//!
//! ```text
//! threads    who computes; hand-over, waiting, exchange of hidden states
//! cache      the training cache: its header, its regions, its rows
//! packing    weights into panels, by the threads of a call
//! forward    groups of rows, layers, directions, chunks of steps
//! backward   the same against the order of the forward pass, and segments of it computed again
//! ```

mod backward;
mod cache;
mod chunk;
mod forward;
mod packing;
mod ping_pong;
mod rows;
#[cfg(test)]
mod tests;
mod threads;

pub(crate) use backward::backward_until;
pub use backward::{BackwardArrays, BackwardWorkspace, GradientViews, backward};
pub use cache::cache_capacity;
pub(crate) use forward::forward_caching_until;
pub use forward::{Inputs, Outputs, Workspace, forward, forward_caching, forward_until};
pub use packing::{pack, pack_backward, pack_for_inference, pack_shared};
pub use threads::Interrupt;
