//! The weights of the gates.
//!
//! In: a gate's descriptors and the layer's sizes. Out: [`GateArrays`] and the kind of its peephole, or
//! findings. Which axes each weight array has stands here and nowhere else.

use super::array::{CheckedArray, Field, check_array};
use super::config::{GateArrays, Peephole};
use super::issues::Issues;
use super::layout::{Axis, Form, kept_axes};
use super::overlap::Span;
use super::scalars::Sizes;
use crate::desc::{LSTMGateDescriptor, NDArrayDescriptor};
use crate::error::{Code, Path};
use crate::gate::Gate;

/// What is known of a gate's arrays.
#[derive(Debug)]
pub(super) struct CheckedGate {
    /// `None` where something was reported.
    pub(super) arrays: Option<GateArrays>,
    pub(super) peephole: Peephole,
    /// Of the arrays that hold.
    pub(super) spans: Vec<Span>,
}

/// The axes that weights of all layers share.
struct Axes {
    layers: Axis,
    directions: Axis,
    units: Axis,
}

/// Check the arrays of one gate.
pub(super) fn check_gate(
    issues: &mut Issues,
    gate: Gate,
    desc: &LSTMGateDescriptor<'_>,
    sizes: &Sizes,
) -> CheckedGate {
    let path = Path::field(gate.field());
    let axes = Axes {
        layers: Axis::optional("num_layers", sizes.layers),
        directions: Axis::optional("directions", sizes.directions),
        units: Axis::new("hidden_size", sizes.hidden),
    };
    let matrix = [axes.layers, axes.directions, axes.units, axes.units];
    let vector = [axes.layers, axes.directions, axes.units];

    let input = check_input_weights(issues, &path.then("iw_desc"), &desc.iw_desc, &axes, sizes);
    let hw_path = path.then("hw_desc");
    require(issues, &hw_path, &desc.hw_desc, "the hidden weights");
    let hw = check_weights(issues, hw_path, &matrix, &desc.hw_desc);
    let peephole = peephole_kind(&desc.cw_desc, &matrix, &vector);
    let cw_axes = if peephole == Peephole::Diagonal { &vector[..] } else { &matrix[..] };
    let cw = check_weights(issues, path.then("cw_desc"), cw_axes, &desc.cw_desc);
    let b = check_weights(issues, path.then("b_desc"), &vector, &desc.b_desc);

    let all = [&input.lowest, &input.upper, &hw, &cw, &b];
    let spans = all.into_iter().flatten().map(|array| array.span.clone()).collect();
    let layout = |array: Option<CheckedArray>| array.map(|array| array.layout);
    let arrays = input.lowest.zip(hw).map(|(iw, hw)| GateArrays {
        iw: iw.layout,
        iw_upper: layout(input.upper),
        hw: hw.layout,
        cw: layout(cw),
        b: layout(b),
    });
    CheckedGate { arrays, peephole, spans }
}

/// The input weights of one gate: of all layers, or of the lowest and of those above it.
#[derive(Default)]
struct InputWeights {
    lowest: Option<CheckedArray>,
    upper: Option<CheckedArray>,
}

fn check_input_weights(
    issues: &mut Issues,
    path: &Path,
    [first, second]: &[NDArrayDescriptor<'_>; 2],
    axes: &Axes,
    sizes: &Sizes,
) -> InputWeights {
    let Axes { layers, directions, units } = *axes;
    require(issues, &path.at(0), first, "the input weights");
    let inputs = Axis::new("input_size", sizes.input);
    let outputs = Axis::new("directions * hidden_size", sizes.outputs());
    let address = |desc: &NDArrayDescriptor<'_>| desc.data.memory().map(|memory| memory.address);
    let is_joint = second.data.is_null() || address(second) == address(first);
    if sizes.layers <= 1 || is_joint {
        let is_possible = sizes.layers <= 1 || inputs.extent == outputs.extent;
        let is_known = inputs.extent != 0 && outputs.extent != 0;
        if !is_possible && is_known && !first.data.is_null() {
            let expected = format!(
                "iw_desc[1] for the upper layers, or input_size = directions * hidden_size = {}",
                outputs.extent
            );
            let actual = format!("the joint form with input_size = {}", inputs.extent);
            issues.push(path.at(0), Code::JointWeightsWidth, expected, actual);
            return InputWeights::default();
        }
        let joint = [layers, directions, units, inputs];
        let lowest = check_weights(issues, path.at(0), &joint, first);
        return InputWeights { lowest, upper: None };
    }
    let lowest = [Axis::optional("layer 0", 1), directions, units, inputs];
    let upper_layers = Axis::optional("num_layers - 1", sizes.layers.saturating_sub(1));
    let upper = [upper_layers, directions, units, outputs];
    InputWeights {
        lowest: check_weights(issues, path.at(0), &lowest, first),
        upper: check_weights(issues, path.at(1), &upper, second),
    }
}

fn require(issues: &mut Issues, path: &Path, desc: &NDArrayDescriptor<'_>, what: &str) {
    if desc.data.is_null() {
        issues.push(path.then("data"), Code::NullData, what, "null");
    }
}

fn check_weights(
    issues: &mut Issues,
    path: Path,
    axes: &[Axis],
    desc: &NDArrayDescriptor<'_>,
) -> Option<CheckedArray> {
    if desc.data.is_null() {
        return None;
    }
    check_array(issues, &Field { path, axes, is_sequence: false, is_output: false }, desc)
}

/// Full matrix or diagonal, by rank and sizes: what fits as a matrix is a matrix. Where both fit and no
/// size is 0 they mean the same, as `hidden_size` is 1 then.
fn peephole_kind(
    desc: &NDArrayDescriptor<'_>,
    matrix: &[Axis; 4],
    diagonal: &[Axis; 3],
) -> Peephole {
    if desc.data.is_null() {
        return Peephole::None;
    }
    let Some(shape) = Form::shape_of(desc) else { return Peephole::Full };
    let has_rank = |axes: &[Axis]| kept_axes(shape.len(), axes).is_some();
    let fits = |axes: &[Axis]| {
        kept_axes(shape.len(), axes).is_some_and(|kept| {
            let extents = kept.iter().filter_map(|&position| axes.get(position));
            extents.zip(&shape).all(|(axis, &size)| size == 0 || axis.extent == size)
        })
    };
    let is_diagonal = !fits(matrix) && (fits(diagonal) || has_rank(diagonal) && !has_rank(matrix));
    if is_diagonal { Peephole::Diagonal } else { Peephole::Full }
}

#[cfg(test)]
mod tests {
    use super::{Axis, peephole_kind};
    use crate::check::config::Peephole;
    use crate::desc::{DataLayout, NDArrayDescriptor};

    fn kind(
        (layers, directions, hidden): (usize, usize, usize),
        layout: DataLayout,
        size: &[usize],
    ) -> Peephole {
        let layers = Axis::optional("num_layers", layers);
        let directions = Axis::optional("directions", directions);
        let units = Axis::new("hidden_size", hidden);
        let desc = NDArrayDescriptor::read(&[0.0], layout, size);
        peephole_kind(&desc, &[layers, directions, units, units], &[layers, directions, units])
    }

    #[test]
    fn rank_tells_the_matrix_from_the_diagonal_where_it_can() {
        let c = DataLayout::first_major;
        assert_eq!(kind((1, 1, 5), DataLayout::VECTOR, &[5]), Peephole::Diagonal);
        assert_eq!(kind((1, 1, 5), c(2), &[5, 5]), Peephole::Full);
        assert_eq!(kind((1, 1, 5), DataLayout::COLUMN_MAJOR_MATRIX, &[5, 5]), Peephole::Full);
        assert_eq!(kind((2, 2, 5), c(3), &[2, 2, 5]), Peephole::Diagonal);
        assert_eq!(kind((2, 2, 5), c(4), &[2, 2, 5, 5]), Peephole::Full);
        assert_eq!(kind((2, 2, 5), DataLayout::UNSPECIFIED, &[]), Peephole::Full);
    }

    #[test]
    fn sizes_tell_them_apart_where_the_rank_does_not() {
        let c = DataLayout::first_major;
        assert_eq!(kind((1, 1, 5), c(2), &[1, 5]), Peephole::Diagonal);
        assert_eq!(kind((1, 1, 5), DataLayout::ROW_MAJOR_MATRIX, &[5, 1]), Peephole::Diagonal);
        assert_eq!(kind((1, 1, 5), c(2), &[0, 0]), Peephole::Full);
        assert_eq!(kind((1, 2, 2), c(3), &[2, 2, 2]), Peephole::Full);
        assert_eq!(kind((1, 2, 2), c(3), &[1, 2, 2]), Peephole::Diagonal);
        assert_eq!(kind((2, 1, 2), c(3), &[2, 2, 2]), Peephole::Full);
        assert_eq!(kind((2, 1, 2), c(3), &[2, 1, 2]), Peephole::Diagonal);
        assert_eq!(kind((1, 2, 2), DataLayout::LAST_MAJOR_3D, &[2, 2, 1]), Peephole::Diagonal);
        assert_eq!(kind((1, 2, 2), c(2), &[2, 2]), Peephole::Diagonal);
        assert_eq!(kind((1, 1, 1), c(2), &[1, 1]), Peephole::Full);
    }

    #[test]
    fn what_fits_neither_is_reported_as_what_its_rank_allows() {
        let c = DataLayout::first_major;
        assert_eq!(kind((2, 2, 5), c(3), &[2, 2, 9]), Peephole::Diagonal);
        assert_eq!(kind((1, 1, 5), c(2), &[9, 5]), Peephole::Full);
        assert_eq!(kind((1, 1, 5), c(8), &[1; 8]), Peephole::Full);
    }
}
