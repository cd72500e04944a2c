//! The weights of the gates.
//!
//! In: a gate's descriptors and the layer's sizes. Out: its [`CheckedArray`]s and the kind of its peephole, or
//! findings. Which axes each weight array has stands here and nowhere else.

use super::array::{ArrayRule, CheckedArray, check_array};
use super::config::Peephole;
use super::extensions::Origin;
use super::issues::Issues;
use super::layout::{Axis, Form, kept_axes};
use super::name::{ArrayField, ArrayName};
use super::scalars::Sizes;
use crate::desc::{LSTMGateDescriptor, NDArrayDescriptor};
use crate::error::Code;
use crate::fields::{GateField, GateFields};
use crate::gate::Gate;
use crate::variant::Coupled;

/// What is known of a gate's arrays.
#[derive(Debug)]
pub(super) struct CheckedGate {
    /// `None` for what is absent or was reported.
    pub(super) arrays: GateFields<Option<CheckedArray>>,
    pub(super) forms: WeightForms,
}

/// Which weights a gate has and in which form.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightForms {
    /// Whether `iw_desc[1]` holds the input weights of the upper layers.
    pub(super) is_split: bool,
    pub(super) peephole: Peephole,
    pub(super) has_bias: bool,
    /// Whether another gate gives this one, which has no weights then.
    pub(super) is_derived: bool,
}

/// The axes of a gate's arrays.
#[derive(Debug)]
pub(super) struct GateAxes {
    /// Of the input weights: of all layers, or of layer 0 in the split form.
    pub(super) lowest: [Axis; 4],
    /// Of the input weights of the layers above, in the split form.
    pub(super) upper: [Axis; 4],
    /// Of the hidden weights.
    pub(super) hidden: [Axis; 4],
    /// Of a full peephole.
    pub(super) peephole: [Axis; 4],
    /// Of the bias and of a diagonal peephole.
    pub(super) vector: [Axis; 3],
}

impl GateAxes {
    pub(super) fn new(sizes: &Sizes, is_split: bool) -> Self {
        let layers = Axis::optional("num_layers", sizes.layers);
        let directions = Axis::optional("directions", sizes.directions);
        let units = Axis::new("hidden_size", sizes.units);
        let outputs = Axis::new(sizes.outputs_name(), sizes.outputs.count);
        let inputs = Axis::new("input_size", sizes.input);
        let below = Axis::new(sizes.layer_outputs_name(), sizes.layer_outputs());
        let lowest = if is_split { Axis::optional("layer 0", 1) } else { layers };
        let above = Axis::optional("num_layers - 1", sizes.layers.saturating_sub(1));
        Self {
            lowest: [lowest, directions, units, inputs],
            upper: [above, directions, units, below],
            hidden: [layers, directions, units, outputs],
            peephole: [layers, directions, units, units],
            vector: [layers, directions, units],
        }
    }

    /// Of one array; those of a peephole of this kind.
    pub(super) fn of(&self, field: GateField, kind: Peephole) -> &[Axis] {
        match field {
            GateField::Iw => &self.lowest,
            GateField::IwUpper => &self.upper,
            GateField::Cw if kind == Peephole::Diagonal => &self.vector,
            GateField::Hw => &self.hidden,
            GateField::Cw => &self.peephole,
            GateField::B => &self.vector,
        }
    }
}

/// Check the arrays of one gate.
pub(super) fn check_gate(
    issues: &mut Issues,
    (gate, origin): (Gate, Origin),
    desc: &LSTMGateDescriptor<'_>,
    sizes: &Sizes,
) -> CheckedGate {
    if let Origin::Derived(coupled) = origin {
        return check_derived(issues, (gate, coupled), desc);
    }
    let is_split = is_split(desc.iw_desc.each_ref(), sizes);
    let axes = GateAxes::new(sizes, is_split);
    let form = peephole_kind(&desc.cw_desc, &axes);
    let peephole = if is_one_unit(sizes, form) { Peephole::Full } else { form };
    let forms = WeightForms {
        is_split,
        peephole,
        has_bias: !desc.b_desc.data.is_null(),
        is_derived: false,
    };

    let mut arrays = desc.fields().map(|field, desc| {
        let name = issues.array(ArrayField::Weight(gate, field));
        if desc.data.is_null() {
            if origin == Origin::Weights {
                require(issues, name, field);
            }
            return None;
        }
        let is_looked_at = match field {
            GateField::Iw => is_split || joint_form_fits(issues, name, sizes),
            GateField::IwUpper => is_split,
            GateField::Hw | GateField::Cw | GateField::B => true,
        };
        let axes = axes.of(field, form);
        let field = ArrayRule { name, axes, is_sequence: false, is_output: false };
        is_looked_at.then(|| check_array(issues, &field, desc)).flatten()
    });
    if form != peephole {
        arrays.cw = arrays.cw.map(CheckedArray::with_last_axis);
    }
    CheckedGate { arrays, forms }
}

/// A gate that another one gives has no arrays.
fn check_derived(
    issues: &mut Issues,
    (gate, coupled): (Gate, Coupled),
    desc: &LSTMGateDescriptor<'_>,
) -> CheckedGate {
    let arrays = desc.fields().map(|field, desc| {
        if !desc.data.is_null() {
            let name = issues.array(ArrayField::Weight(gate, field));
            let expected = Origin::expected_nothing(coupled);
            issues.push(name.path(), Code::DerivedGate, expected, "an array");
        }
        None
    });
    let (is_split, peephole, has_bias) = (false, Peephole::None, false);
    CheckedGate { arrays, forms: WeightForms { is_split, peephole, has_bias, is_derived: true } }
}

/// Whether the input weights of all layers can be one array; reported if not.
fn joint_form_fits(issues: &mut Issues, name: ArrayName, sizes: &Sizes) -> bool {
    let (input, outputs) = (sizes.input, sizes.layer_outputs());
    let is_known = input != 0 && outputs != 0;
    let fits = sizes.layers <= 1 || input == outputs || !is_known;
    if !fits {
        let expected = format!(
            "iw_desc[1] for the upper layers, or input_size = {} = {outputs}",
            sizes.layer_outputs_name()
        );
        let actual = format!("the joint form with input_size = {input}");
        issues.push(name.path(), Code::JointWeightsWidth, expected, actual);
    }
    fits
}

/// Report a null array that every gate must have.
fn require(issues: &mut Issues, name: ArrayName, field: GateField) {
    let what = match field {
        GateField::Iw => "the input weights",
        GateField::Hw => "the hidden weights",
        GateField::IwUpper | GateField::Cw | GateField::B => return,
    };
    issues.push(name.then("data"), Code::NullData, what, "null");
}

/// Whether the second descriptor holds the input weights of the upper layers.
fn is_split([first, second]: [&NDArrayDescriptor<'_>; 2], sizes: &Sizes) -> bool {
    sizes.layers > 1 && !second.data.is_null() && !is_same_pointer(first, second)
}

/// Whether both arrays start at the same address.
pub(super) fn is_same_pointer(one: &NDArrayDescriptor<'_>, other: &NDArrayDescriptor<'_>) -> bool {
    let address = |desc: &NDArrayDescriptor<'_>| desc.data.memory().map(|memory| memory.address);
    address(one) == address(other)
}

/// Whether a diagonal is a matrix too: of one hidden unit, both are one number for each layer and direction.
pub(super) fn is_one_unit(sizes: &Sizes, form: Peephole) -> bool {
    sizes.units == 1 && form == Peephole::Diagonal
}

/// Full matrix or diagonal, by rank and sizes: what fits as a matrix is a matrix. Where both fit and no
/// size is 0 they mean the same, as `hidden_size` is 1 then.
fn peephole_kind(desc: &NDArrayDescriptor<'_>, axes: &GateAxes) -> Peephole {
    if desc.data.is_null() {
        Peephole::None
    } else if is_rather(desc, &axes.vector, &axes.peephole) {
        Peephole::Diagonal
    } else {
        Peephole::Full
    }
}

/// Whether a descriptor is meant to have other axes than its own: by its sizes, or by its rank where it
/// fits neither.
pub(super) fn is_rather(desc: &NDArrayDescriptor<'_>, other: &[Axis], own: &[Axis]) -> bool {
    let Some(shape) = Form::shape_of(desc) else { return false };
    let has_rank = |axes: &[Axis]| kept_axes(shape.len(), axes).is_some();
    let fits = |axes: &[Axis]| {
        kept_axes(shape.len(), axes).is_some_and(|kept| {
            let extents = kept.iter().filter_map(|&position| axes.get(position));
            extents.zip(&shape).all(|(axis, &size)| size == 0 || axis.extent == size)
        })
    };
    !fits(own) && (fits(other) || has_rank(other) && !has_rank(own))
}

#[cfg(test)]
mod tests {
    use super::{GateAxes, peephole_kind};
    use crate::check::config::Peephole;
    use crate::check::outputs::Outputs;
    use crate::check::scalars::Sizes;
    use crate::desc::{DataLayout, NDArrayDescriptor};

    fn kind(
        (layers, directions, units): (usize, usize, usize),
        layout: DataLayout,
        size: &[usize],
    ) -> Peephole {
        let outputs = Outputs { count: units, are_projected: false };
        let sizes = Sizes { input: 1, units, batch: 1, layers, steps: 1, directions, outputs };
        let desc = NDArrayDescriptor::read(&[0.0], layout, size);
        peephole_kind(&desc, &GateAxes::new(&sizes, false))
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
