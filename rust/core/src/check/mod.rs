//! Parse, don't validate: from a structure that may say anything to one that can be computed.
//!
//! In: [`LayerParametersLSTM`] and what a binding layer found wrong already. Out: [`Checked`], or all
//! problems at once in reading order. It reads no float, writes nothing and allocates by no size that the
//! structure claims. No number, however absurd, makes it panic: see the lints below.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod activation;
mod array;
mod arrays;
mod bind;
mod config;
mod delta;
mod extensions;
mod gates;
mod gradients;
mod issues;
mod layer;
mod layout;
mod lent;
mod name;
mod outputs;
mod overlap;
mod projection;
mod scalars;
mod sequence;
mod strided;
mod strides;

pub(crate) use bind::{bind, bind_mut, bind_required};
pub use config::{Arrays, Checked, Config, InputArray, LayerConfig, Peephole, WeightArrays};
pub use delta::{CheckedBackward, check_backward, check_backward_after};
pub use gradients::{Gradient, WeightGradients};
pub(crate) use issues::{DELTA, PARAMS};
pub use lent::{Lent, LentMut};
pub use strided::Strided;

use crate::desc::{FilterParameters, LayerParametersLSTM};
use crate::error::{DescriptorError, Issue};
use arrays::Purpose;
use issues::Issues;
use layer::check_layer;

/// Check a structure and how it is to be run.
///
/// # Errors
///
/// [`DescriptorError`] with every problem found.
pub fn check(
    params: &LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<Checked, DescriptorError> {
    check_after(Vec::new(), params, filter)
}

/// As [`check`], for a binding layer that found problems while it read its own objects: they are part of
/// the result, and what they make unknowable is not reported again.
///
/// # Errors
///
/// [`DescriptorError`] with the problems found before and those found now.
pub fn check_after(
    found: Vec<Issue>,
    params: &LayerParametersLSTM<'_>,
    filter: &FilterParameters,
) -> Result<Checked, DescriptorError> {
    let mut issues = Issues::starting_with(found);
    let layer = check_layer(&mut issues, params, Purpose::Forward);
    scalars::check_filter(&mut issues, filter);
    if let Some(error) = issues.into_error() {
        return Err(error);
    }
    // Every `None` comes with an issue; should one not, the structure is refused all the same.
    layer.into_checked(filter).ok_or_else(DescriptorError::unexplained)
}
