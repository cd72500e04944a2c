//! A stack of LSTM layers with weights of its own.
//!
//! In: a configuration, arrays by `PyTorch`'s names, sequences with samples of any length. Out: [`Lstm`], its outputs,
//! states and gradients; a [`Stream`] for steps that come one by one. The structures of the level below are made from
//! numbers alone (`structure`), so that weights are packed once for all shapes of calls and arrays are lent to each
//! call. It knows no kernel.
//!
//! ```text
//! config, builder   what an LSTM is, and how it is said        structure   the same in the words of the level below
//! parameters        weights by name; initial ones (`initial`)  order       the caller's samples and axes, and rows
//! batch, merge      the arguments of a call; its output        engine      packed weights, plans of a few shapes
//! module            the LSTM itself: `forward`, `training`     stream      steps that come one by one
//! files     an LSTM as a file of safetensors, with the feature of that name
//! ```

mod batch;
mod builder;
mod config;
mod engine;
#[cfg(feature = "safetensors")]
mod files;
mod forward;
mod initial;
mod memory;
mod merge;
mod module;
mod order;
mod parameters;
mod stream;
mod structure;
mod training;

pub use batch::{Batch, LstmState};
pub use builder::LstmBuilder;
pub use config::{LstmConfig, Merge};
pub use module::Lstm;
pub use parameters::Parameters;
pub use stream::Stream;
pub use training::{Gradients, Tape};
