#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! ```text
//! lstm    an LSTM with weights of its own, over the structures below
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
mod lstm;
mod math;
mod pack;
mod place;
mod plan;
mod prepared;
mod products;
mod run;
mod tuning;
mod variant;

/// What bindings to other languages, measurements and tests need beyond the crate's own surface: each stage of the
/// pipeline by itself, and arrays that are not Rust's. It may change in any version.
#[doc(hidden)]
pub mod binding {
    pub use crate::apply::{apply_backward, apply_forward, planned_backward, planned_training};
    pub use crate::check::{
        Arrays, Checked, CheckedBackward, Config, Gradient, InputArray, LayerConfig, Lent, LentMut,
        Strided, WeightArrays, WeightGradients, check, check_after, check_backward,
        check_backward_after,
    };
    pub use crate::desc::Memory;
    pub use crate::fields::{
        DataField, DataFields, GateField, GateFields, Side, WeightField, WeightFields,
    };
    pub use crate::gate::Gates;
    pub use crate::pack::{BackwardWeights, BoundWeights, WeightViews, Weights, fingerprint_of};
    pub use crate::plan::{CacheRegion, CellStates, LayerPlan, Plan, Prediction};
    pub use crate::run::{
        BackwardArrays, BackwardWorkspace, GradientViews, Inputs, Interrupt, Outputs, Workspace,
        backward, cache_capacity, forward, forward_caching, forward_until, pack, pack_backward,
        pack_for_inference, pack_shared,
    };
    pub use crate::tuning::{Caches, Cores, Costs, GemmRows, Tuning};
}

pub use check::Peephole;
pub use desc::{
    Activation, ActivationFunction, Checkpoints, Data, DataLayout, DataType, FilterParameters,
    Integers, LSTMDataDescriptor, LSTMExtensions, LSTMGateDescriptor, LayerFlags,
    LayerParametersLSTM, MAX_RANK, NDArrayDescriptor, NDArrayFlags,
};
pub use direct::{
    compute_lstm_training_cache_capacity, direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching, direct_backward_with, direct_forward_with,
};
pub use error::{Code, DescriptorError, Error, Issue, Path};
pub use gate::Gate;
pub use level::Level;
pub use lstm::{
    Batch, Gradients, Lstm, LstmBuilder, LstmConfig, LstmState, Merge, Parameters, Stream, Tape,
};
/// The version whose arrays this crate takes and gives.
pub use ndarray;
pub use plan::Options;
pub use prepared::{Prepared, prepare, prepare_with};
pub use products::{Library, Route};
pub use variant::Coupled;
