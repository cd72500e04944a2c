//! Apple's BNNS LSTM layer as portable, safe Rust.
//!
//! ```text
//! desc    plain data, may be wrong
//!   -> check    all problems at once; after it nothing can be malformed
//!   -> plan     every decision and every size, before any memory exists: what depends on the layer alone,
//!               and what depends on one kind of call
//!   -> pack     weights into panels, for calls of any batch and length
//!   -> run      layers, directions, time
//!   -> kernel   slices in, slices out
//!      products the same products by a library, where the plan says so
//!   -> math     exp, sigmoid, tanh on vectors
//! ```
//!
//! Describe a layer with [`LayerParametersLSTM`] and call [`direct_apply_lstm_batch_training_caching`]; the
//! example there runs. Callers that compute the same layer again and again [`prepare`] it, or take the steps
//! one by one: [`check`], [`LayerPlan::new`] and [`Weights::pack`], once for a layer; [`Plan::new`] and
//! [`Workspace::new`], once for each batch and length; then [`forward`] as often as they like, which allocates
//! nothing.
//!
//! Products of matrices take one of two routes ([`Route`]): panels of this crate, or `ndarray`'s general matrix
//! product, by a library ([`Library`]) that may allocate and that the features `accelerate` (macOS) and `openblas`
//! choose.

#![forbid(unsafe_code)]

mod aligned;
mod apply;
mod check;
mod desc;
mod direct;
mod dropout;
mod error;
mod fields;
mod gate;
mod kernel;
mod level;
mod math;
mod pack;
mod place;
mod plan;
mod prepared;
mod products;
mod run;
mod tuning;
mod variant;

/// For bindings to other languages, whose arrays are not Rust's: they hand in what they found wrong themselves,
/// learn where each checked array lies ([`Strided`](binding::Strided)), and compute a whole call from checked
/// arrays. Programs in Rust need none of it.
pub mod binding {
    pub use crate::apply::{apply_backward, apply_forward};
    pub use crate::check::{
        Arrays, Gradient, InputArray, Strided, WeightArrays, WeightGradients, check_after,
        check_backward_after,
    };
}

pub use check::{
    Checked, CheckedBackward, Config, LayerConfig, Lent, LentMut, Peephole, check, check_backward,
};
pub use desc::{
    Activation, ActivationFunction, Checkpoints, Data, DataLayout, DataType, FilterParameters,
    Integers, LSTMDataDescriptor, LSTMExtensions, LSTMGateDescriptor, LayerFlags,
    LayerParametersLSTM, MAX_RANK, Memory, NDArrayDescriptor, NDArrayFlags,
};
pub use direct::{
    compute_lstm_training_cache_capacity, direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching, direct_backward_with, direct_forward_with,
};
pub use error::{Code, DescriptorError, Error, Issue, Path};
pub use fields::{DataField, DataFields, GateField, GateFields, Side, WeightField, WeightFields};
pub use gate::{Gate, Gates};
pub use level::Level;
pub use pack::{BackwardWeights, BoundWeights, WeightViews, Weights};
pub use plan::{CacheRegion, CellStates, LayerPlan, Options, Plan};
pub use prepared::{Prepared, prepare, prepare_with};
pub use products::{Library, Route};
pub use run::{
    BackwardArrays, BackwardWorkspace, GradientViews, Inputs, Outputs, Workspace, backward,
    cache_capacity, forward, forward_caching,
};
pub use tuning::{Caches, GemmRows, Tuning};
pub use variant::Coupled;
