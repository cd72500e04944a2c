//! The arrays of the structure that holds gradients.
//!
//! In: its descriptors, and what is known of the layer. Out: where gradients come from and go to, or
//! findings. Gradients have the axes of what they belong to; whether a weight has one at all is known from
//! the forward pass.

use super::array::{ArrayRule, CheckedArray, check_array, spans};
use super::arrays::{ANY_OF_THREE, Role, check_data, is_empty};
use super::config::Peephole;
use super::gates::{GateAxes, WeightForms, is_one_unit, is_rather, is_same_pointer};
use super::issues::{Issues, PARAMS};
use super::layer::CheckedLayer;
use super::name::{ArrayField, ArrayName};
use super::outputs::EXTENSIONS;
use super::overlap::{Span, check_overlap};
use super::projection::check_weights;
use super::strided::Strided;
use crate::desc::{LSTMGateDescriptor, LayerParametersLSTM, NDArrayDescriptor, NDArrayFlags};
use crate::error::{Code, Path};
use crate::fields::{DataFields, GateField, GateFields, Side, WeightFields};
use crate::gate::Gate;

/// Where a gradient goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gradient {
    /// Where its elements are.
    pub layout: Strided,
    /// Add to what is there, or overwrite it.
    pub accumulate: bool,
}

/// Where gradients with respect to the weights go; `None` where none is wanted. Each has the axes of its weight.
pub type WeightGradients = WeightFields<Option<Gradient>>;

/// All gradients. What was reported is missing.
#[derive(Debug)]
pub(super) struct CheckedGradients {
    pub(super) incoming: DataFields<Option<Strided>>,
    pub(super) input: DataFields<Option<Gradient>>,
    pub(super) weights: WeightGradients,
}

/// Check all gradients, and that those which are written share memory with no other array of both
/// structures.
pub(super) fn check_gradients(
    issues: &mut Issues,
    layer: &CheckedLayer,
    delta: &LayerParametersLSTM<'_>,
    sequence: Option<&Span>,
) -> CheckedGradients {
    let (from, to) = (&delta.output_descriptor, &delta.input_descriptor);
    if is_empty(from) {
        let path = issues.field(Side::Output.name());
        issues.push(path, Code::MissingGradient, ANY_OF_THREE, "none");
    }
    let outgoing = check_data(issues, Role::GRADIENT, to, &layer.sizes);
    let incoming = check_data(issues, Role::RESULT, from, &layer.sizes);
    let gates = delta.gates().map(|gate, desc| {
        let forms = *layer.arrays.forms.get(gate);
        let axes = GateAxes::new(&layer.sizes, forms.is_split);
        GateCheck { issues, layer, gate, forms, axes }.arrays(desc)
    });

    let projection = check_projection_gradient(issues, layer, delta);
    let weights = WeightFields { gates, projection };

    let outputs: Vec<&Span> = spans(outgoing.each()).chain(spans(weights.each())).collect();
    let others = layer.arrays.spans.iter().chain(spans(incoming.each())).chain(sequence);
    check_overlap(issues, &outputs, &others.collect::<Vec<_>>(), &[]);

    let input = outgoing.zip(to.fields()).map(|field, (array, desc)| {
        let name = issues.array(ArrayField::Data(Side::Input, field));
        check_accumulate(issues, name, desc);
        gradient(array, desc)
    });
    let weights = weights.zip(delta.weights()).map(|_, (array, desc)| gradient(array, desc?));
    let incoming = incoming.map(|_, array| array.map(|array| array.layout));
    CheckedGradients { incoming, input, weights }
}

/// The gradient of the projection's weights, which has their axes; `None` where it is not wanted or was reported.
fn check_projection_gradient(
    issues: &mut Issues,
    layer: &CheckedLayer,
    delta: &LayerParametersLSTM<'_>,
) -> Option<CheckedArray> {
    let desc = &delta.extensions.as_ref()?.projection_desc;
    let is_unknown = issues.is_reported(&Path::field(PARAMS).then(EXTENSIONS));
    if desc.data.is_null() || is_unknown {
        return None;
    }
    let name = issues.array(ArrayField::Projection);
    if !layer.sizes.outputs.are_projected {
        let expected = "null, as the layer has no projection";
        issues.push(name.path(), Code::GradientWithoutWeight, expected, "an array");
        return None;
    }
    check_accumulate(issues, name, desc);
    check_weights(issues, desc, &layer.sizes, true)
}

/// An outgoing gradient with its rule.
fn gradient(array: Option<CheckedArray>, desc: &NDArrayDescriptor<'_>) -> Option<Gradient> {
    let accumulate = desc.flags == NDArrayFlags::BACKPROP_ACCUMULATE;
    array.map(|array| Gradient { layout: array.layout, accumulate })
}

/// Report a rule that does not exist, if there is anything to write at all.
fn check_accumulate(issues: &mut Issues, name: ArrayName, desc: &NDArrayDescriptor<'_>) {
    let rules = [NDArrayFlags::BACKPROP_SET, NDArrayFlags::BACKPROP_ACCUMULATE];
    if !desc.data.is_null() && !rules.contains(&desc.flags) {
        let expected = "0 (overwrite) or 1 (accumulate)";
        let actual = format!("0x{:x}", desc.flags.0);
        issues.push(name.then("flags"), Code::UnknownFlag, expected, actual);
    }
}

/// What the gradients of one gate are checked against.
struct GateCheck<'c> {
    issues: &'c mut Issues,
    layer: &'c CheckedLayer,
    gate: Gate,
    forms: WeightForms,
    axes: GateAxes,
}

impl GateCheck<'_> {
    /// The arrays; `None` for what is not wanted or was reported.
    fn arrays(mut self, desc: &LSTMGateDescriptor<'_>) -> GateFields<Option<CheckedArray>> {
        let [first, _] = &desc.iw_desc;
        desc.fields().map(|field, desc| {
            if desc.data.is_null() {
                return None;
            }
            if self.forms.is_derived {
                let expected = "null, as the gate has no weights";
                return self.refuse(field, Code::GradientWithoutWeight, expected, "an array");
            }
            match field {
                GateField::Iw | GateField::Hw => self.array(field, self.forms.peephole, desc),
                GateField::IwUpper => self.upper(first, desc),
                GateField::Cw => self.peephole(desc),
                GateField::B => self.bias(desc),
            }
        })
    }

    /// One gradient; that of a peephole in this form.
    fn array(
        &mut self,
        field: GateField,
        form: Peephole,
        desc: &NDArrayDescriptor<'_>,
    ) -> Option<CheckedArray> {
        let name = self.issues.array(ArrayField::Weight(self.gate, field));
        check_accumulate(self.issues, name, desc);
        let axes = self.axes.of(field, form);
        let field = ArrayRule { name, axes, is_sequence: false, is_output: true };
        check_array(self.issues, &field, desc)
    }

    /// Input weights of the upper layers. As in the forward pass, the second descriptor is not looked at
    /// where there is one layer, and says nothing where it is the first one again.
    fn upper(
        &mut self,
        first: &NDArrayDescriptor<'_>,
        desc: &NDArrayDescriptor<'_>,
    ) -> Option<CheckedArray> {
        let field = GateField::IwUpper;
        if self.layer.sizes.layers <= 1 || self.is_unknown(field) {
            return None;
        }
        let is_same = is_same_pointer(first, desc);
        match (self.forms.is_split, is_same) {
            (true, false) => self.array(field, self.forms.peephole, desc),
            (false, true) => None,
            (true, true) => {
                let expected = "a separate array, as in params";
                self.refuse(field, Code::GradientForm, expected, "the array of iw_desc[0]")
            }
            (false, false) => {
                let expected = "null, as the weights of all layers are in iw_desc[0]";
                self.refuse(field, Code::GradientForm, expected, "an array")
            }
        }
    }

    /// Cell weights, in the same form as the weights; those of one hidden unit in either.
    fn peephole(&mut self, desc: &NDArrayDescriptor<'_>) -> Option<CheckedArray> {
        let field = GateField::Cw;
        if self.is_unknown(field) {
            return None;
        }
        let (other, expected, actual) = match self.forms.peephole {
            Peephole::None => {
                let expected = "null, as the gate has no peephole";
                return self.refuse(field, Code::GradientWithoutWeight, expected, "an array");
            }
            Peephole::Full => (Peephole::Diagonal, "a full matrix, as in params", "a diagonal"),
            Peephole::Diagonal => (Peephole::Full, "a diagonal, as in params", "a full matrix"),
        };
        let own = self.forms.peephole;
        if !is_rather(desc, self.axes.of(field, other), self.axes.of(field, own)) {
            return self.array(field, own, desc);
        }
        if !is_one_unit(&self.layer.sizes, other) {
            return self.refuse(field, Code::GradientForm, expected, actual);
        }
        self.array(field, other, desc).map(CheckedArray::with_last_axis)
    }

    fn bias(&mut self, desc: &NDArrayDescriptor<'_>) -> Option<CheckedArray> {
        let field = GateField::B;
        if self.is_unknown(field) {
            return None;
        }
        if !self.forms.has_bias {
            let expected = "null, as the gate has no bias";
            return self.refuse(field, Code::GradientWithoutWeight, expected, "an array");
        }
        self.array(field, self.forms.peephole, desc)
    }

    /// Whether the weight itself was reported before the check, so that it may have any form.
    fn is_unknown(&self, field: GateField) -> bool {
        let gate = Path::field(PARAMS).then(self.gate.field());
        self.issues.is_reported(&gate.then(field.name()))
    }

    fn refuse(
        &mut self,
        field: GateField,
        code: Code,
        expected: &str,
        actual: &str,
    ) -> Option<CheckedArray> {
        let name = self.issues.array(ArrayField::Weight(self.gate, field));
        self.issues.push(name.path(), code, expected, actual);
        None
    }
}
