//! The projection of a layer.
//!
//! In: the extensions of a structure, the layer's sizes. Out: how many outputs a direction has, the weights of the
//! projection or their gradient, or findings. It does not know the gates.

use super::array::{ArrayRule, CheckedArray, check_array};
use super::extensions::EXTENSIONS;
use super::issues::Issues;
use super::layout::Axis;
use super::name::ArrayField;
use super::scalars::Sizes;
use crate::desc::{LayerParametersLSTM, NDArrayDescriptor};
use crate::error::Code;

/// The name of the field that holds how many outputs there are.
pub(super) const SIZE: &str = "projection_size";

/// Outputs of one direction of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outputs {
    /// How many; 0 where that is not known.
    pub(super) count: usize,
    /// Whether the structure asks for a projection.
    pub(super) are_projected: bool,
}

/// How many outputs a direction of so many hidden units has; 0 units are not known.
pub(super) fn check_outputs(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    units: usize,
) -> Outputs {
    let path = issues.field(EXTENSIONS).then(SIZE);
    let asked = params.extensions.as_ref().and_then(|asked| asked.projection_size);
    let is_known = !issues.is_reported(&path);
    let Some(size) = asked.filter(|_| is_known) else {
        return Outputs { count: if is_known { units } else { 0 }, are_projected: false };
    };
    let most = if units == 0 { usize::MAX } else { units };
    let fits = (1..=most).contains(&size);
    if !fits {
        let expected = match units {
            0 => "at least 1".to_owned(),
            units => format!("a number from 1 to {units} (hidden_size), or none"),
        };
        issues.push(path, Code::InvalidNumber, expected, size.to_string());
    }
    Outputs { count: if fits { size } else { 0 }, are_projected: true }
}

/// Check the weights of the projection: they are there if and only if there is one.
pub(super) fn check_projection(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    let desc = &params.extensions.as_ref()?.projection_desc;
    let name = issues.array(ArrayField::Projection);
    let is_known = !issues.is_reported(&issues.field(EXTENSIONS).then(SIZE));
    if sizes.outputs.are_projected {
        let path = issues.field(EXTENSIONS).then(SIZE);
        issues.push(
            path,
            Code::UnsupportedHere,
            "none, as projections are not computed",
            "a number",
        );
    }
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
