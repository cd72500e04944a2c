//! The weights of a projection.
//!
//! In: the extensions of a structure, the layer's sizes. Out: the weights of the projection, or their gradient, or
//! findings. It does not know the gates.

use super::array::{ArrayRule, CheckedArray, check_array};
use super::issues::Issues;
use super::layout::Axis;
use super::name::ArrayField;
use super::outputs::{EXTENSIONS, SIZE};
use super::scalars::Sizes;
use crate::desc::{LayerParametersLSTM, NDArrayDescriptor};
use crate::error::Code;

/// Check the weights of the projection: they are there if and only if there is one.
pub(super) fn check_projection(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    let desc = &params.extensions.as_ref()?.projection_desc;
    let name = issues.array(ArrayField::Projection);
    let is_known = !issues.is_reported(&issues.field(EXTENSIONS).then(SIZE));
    match (sizes.outputs.are_projected, desc.data.is_null()) {
        (true, true) => {
            let expected = "the weights of the projection, as there is a projection_size";
            issues.push(name.then("data"), Code::NullData, expected, "null");
            None
        }
        (false, false) if is_known => {
            let expected = "null, as there is no projection_size";
            issues.push(name.path(), Code::ExtensionConflict, expected, "an array");
            None
        }
        (_, true) => None,
        (_, false) => check_weights(issues, desc, sizes, false),
    }
}

/// Check an array with the axes of the weights: these, or their gradient, which is written.
pub(super) fn check_weights(
    issues: &mut Issues,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
    is_output: bool,
) -> Option<CheckedArray> {
    let axes = [
        Axis::optional("num_layers", sizes.layers),
        Axis::optional("directions", sizes.directions),
        Axis::new(SIZE, sizes.outputs.count),
        Axis::new("hidden_size", sizes.units),
    ];
    let name = issues.array(ArrayField::Projection);
    check_array(issues, &ArrayRule { name, axes: &axes, is_sequence: false, is_output }, desc)
}
