//! The arrays of the structure that holds gradients.
//!
//! In: its descriptors, and what is known of the layer. Out: where gradients come from and go to, or
//! findings. Gradients have the axes of what they belong to; whether a weight has one at all is known from
//! the forward pass.

use super::array::{CheckedArray, Field, check_array};
use super::arrays::{ANY_OF_THREE, CheckedData, Side, check_data, is_empty};
use super::config::Peephole;
use super::delta::PARAMS;
use super::gates::{GateAxes, WeightForms, is_one_unit, is_rather, is_same_pointer};
use super::issues::Issues;
use super::layer::CheckedLayer;
use super::layout::Axis;
use super::overlap::{Span, check_overlap};
use super::strided::Strided;
use crate::desc::{LSTMGateDescriptor, LayerParametersLSTM, NDArrayDescriptor, NDArrayFlags};
use crate::error::{Code, Path};
use crate::gate::{Gate, Gates};

/// Gradients with respect to the outputs; `None` stands for zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingGradients {
    /// `[seq_len, batch, directions * hidden_size]`.
    pub data: Option<Strided>,
    /// `[layers, directions, batch, hidden_size]`.
    pub hidden: Option<Strided>,
    /// `[layers, directions, batch, hidden_size]`.
    pub cell: Option<Strided>,
}

/// Where a gradient goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gradient {
    /// Where its elements are.
    pub layout: Strided,
    /// Add to what is there, or overwrite it.
    pub accumulate: bool,
}

/// Where gradients with respect to the input go; `None` where none is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputGradients {
    /// `[seq_len, batch, input_size]`.
    pub data: Option<Gradient>,
    /// `[layers, directions, batch, hidden_size]`.
    pub hidden: Option<Gradient>,
    /// `[layers, directions, batch, hidden_size]`.
    pub cell: Option<Gradient>,
}

/// Where gradients with respect to the weights of one gate go; `None` where none is wanted. Each has the
/// axes of its weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateGradients {
    /// `[layers or 1, directions, hidden_size, layer input]`.
    pub iw: Option<Gradient>,
    /// `[layers - 1, directions, hidden_size, directions * hidden_size]`, in the split form only.
    pub iw_upper: Option<Gradient>,
    /// `[layers, directions, hidden_size, hidden_size]`.
    pub hw: Option<Gradient>,
    /// `[layers, directions, hidden_size, hidden_size]`, or the diagonal without the last axis.
    pub cw: Option<Gradient>,
    /// `[layers, directions, hidden_size]`.
    pub b: Option<Gradient>,
}

/// All gradients. What was reported is missing.
#[derive(Debug)]
pub(super) struct CheckedGradients {
    pub(super) incoming: IncomingGradients,
    pub(super) input: InputGradients,
    pub(super) gates: Gates<GateGradients>,
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
        let path = issues.field("output_descriptor");
        issues.push(path, Code::MissingGradient, ANY_OF_THREE, "none");
    }
    for (name, desc) in [
        ("data_desc", &to.data_desc),
        ("hidden_desc", &to.hidden_desc),
        ("cell_state_desc", &to.cell_state_desc),
    ] {
        let path = issues.field("input_descriptor").then(name);
        check_accumulate(issues, &path, desc);
    }
    let outgoing = check_data(issues, Side::GRADIENT, to, &layer.sizes);
    let incoming = check_data(issues, Side::RESULT, from, &layer.sizes);
    let gates = Gates::from_fn(|gate| {
        let desc = delta.gate(gate);
        GateCheck { issues, layer, gate, forms: *layer.arrays.forms.get(gate) }.arrays(desc)
    });

    let weights = gates.each().into_iter().flat_map(GateArrays::each);
    let outputs: Vec<&Span> = outgoing.spans().chain(weights.map(|array| &array.span)).collect();
    let others = layer.arrays.spans.iter().chain(incoming.spans()).chain(sequence);
    check_overlap(issues, &outputs, &others.collect::<Vec<_>>(), &[]);

    let CheckedData { data, hidden, cell } = incoming;
    let layout = |array: Option<CheckedArray>| array.map(|array| array.layout);
    let incoming =
        IncomingGradients { data: layout(data), hidden: layout(hidden), cell: layout(cell) };
    let input = InputGradients {
        data: gradient(outgoing.data, &to.data_desc),
        hidden: gradient(outgoing.hidden, &to.hidden_desc),
        cell: gradient(outgoing.cell, &to.cell_state_desc),
    };
    let mut gates = gates;
    let gates = Gates::from_fn(|gate| gates.get_mut(gate).take(delta.gate(gate)));
    CheckedGradients { incoming, input, gates }
}

/// An outgoing gradient with its rule.
fn gradient(array: Option<CheckedArray>, desc: &NDArrayDescriptor<'_>) -> Option<Gradient> {
    let accumulate = desc.flags == NDArrayFlags::BACKPROP_ACCUMULATE;
    array.map(|array| Gradient { layout: array.layout, accumulate })
}

/// Report a rule that does not exist, if there is anything to write at all.
fn check_accumulate(issues: &mut Issues, path: &Path, desc: &NDArrayDescriptor<'_>) {
    let rules = [NDArrayFlags::BACKPROP_SET, NDArrayFlags::BACKPROP_ACCUMULATE];
    if !desc.data.is_null() && !rules.contains(&desc.flags) {
        let expected = "0 (overwrite) or 1 (accumulate)";
        let actual = format!("0x{:x}", desc.flags.0);
        issues.push(path.then("flags"), Code::UnknownFlag, expected, actual);
    }
}

/// The arrays of one gate's gradients; `None` for what is not wanted or was reported.
#[derive(Debug)]
struct GateArrays {
    iw: Option<CheckedArray>,
    iw_upper: Option<CheckedArray>,
    hw: Option<CheckedArray>,
    cw: Option<CheckedArray>,
    b: Option<CheckedArray>,
}

impl GateArrays {
    fn each(&self) -> impl Iterator<Item = &CheckedArray> {
        [&self.iw, &self.iw_upper, &self.hw, &self.cw, &self.b].into_iter().flatten()
    }

    fn take(&mut self, desc: &LSTMGateDescriptor<'_>) -> GateGradients {
        let [iw, iw_upper] = &desc.iw_desc;
        GateGradients {
            iw: gradient(self.iw.take(), iw),
            iw_upper: gradient(self.iw_upper.take(), iw_upper),
            hw: gradient(self.hw.take(), &desc.hw_desc),
            cw: gradient(self.cw.take(), &desc.cw_desc),
            b: gradient(self.b.take(), &desc.b_desc),
        }
    }
}

/// What the gradients of one gate are checked against.
struct GateCheck<'c> {
    issues: &'c mut Issues,
    layer: &'c CheckedLayer,
    gate: Gate,
    forms: WeightForms,
}

impl GateCheck<'_> {
    fn arrays(mut self, desc: &LSTMGateDescriptor<'_>) -> GateArrays {
        let axes = GateAxes::new(&self.layer.sizes, self.forms.is_split);
        let path = self.issues.field(self.gate.field());
        let [iw, iw_upper] = &desc.iw_desc;
        let iw_path = path.then("iw_desc");
        GateArrays {
            iw: self.array(iw_path.at(0), &axes.lowest, iw),
            iw_upper: self.upper(iw_path.at(1), &axes, iw, iw_upper),
            hw: self.array(path.then("hw_desc"), &axes.matrix, &desc.hw_desc),
            cw: self.peephole(path.then("cw_desc"), &axes, &desc.cw_desc),
            b: self.bias(path.then("b_desc"), &axes, &desc.b_desc),
        }
    }

    /// One gradient with known axes.
    fn array(
        &mut self,
        path: Path,
        axes: &[Axis],
        desc: &NDArrayDescriptor<'_>,
    ) -> Option<CheckedArray> {
        if desc.data.is_null() {
            return None;
        }
        check_accumulate(self.issues, &path, desc);
        let field = Field { path, axes, is_sequence: false, is_output: true };
        check_array(self.issues, &field, desc)
    }

    /// Input weights of the upper layers. As in the forward pass, the second descriptor is not looked at
    /// where there is one layer, and says nothing where it is the first one again.
    fn upper(
        &mut self,
        path: Path,
        axes: &GateAxes,
        first: &NDArrayDescriptor<'_>,
        desc: &NDArrayDescriptor<'_>,
    ) -> Option<CheckedArray> {
        if desc.data.is_null() || self.layer.sizes.layers <= 1 || self.is_unknown("iw_desc") {
            return None;
        }
        let is_same = is_same_pointer(first, desc);
        match (self.forms.is_split, is_same) {
            (true, false) => self.array(path, &axes.upper, desc),
            (false, true) => None,
            (true, true) => {
                let expected = "an array of its own, as the weights have one";
                self.refuse(path, Code::GradientForm, expected, "the array of iw_desc[0]")
            }
            (false, false) => {
                let expected = "null, as the weights of all layers are in iw_desc[0]";
                self.refuse(path, Code::GradientForm, expected, "an array")
            }
        }
    }

    /// Cell weights, in the same form as the weights; those of one hidden unit in either.
    fn peephole(
        &mut self,
        path: Path,
        axes: &GateAxes,
        desc: &NDArrayDescriptor<'_>,
    ) -> Option<CheckedArray> {
        if desc.data.is_null() || self.is_unknown("cw_desc") {
            return None;
        }
        let (other, expected, actual) = match self.forms.peephole {
            Peephole::None => {
                let expected = "null, as the gate has no peephole";
                return self.refuse(path, Code::GradientWithoutWeight, expected, "an array");
            }
            Peephole::Full => (Peephole::Diagonal, "a full matrix, as in params", "a diagonal"),
            Peephole::Diagonal => (Peephole::Full, "a diagonal, as in params", "a full matrix"),
        };
        let own = axes.peephole(self.forms.peephole);
        if !is_rather(desc, axes.peephole(other), own) {
            return self.array(path, own, desc);
        }
        if !is_one_unit(&self.layer.sizes, other) {
            return self.refuse(path, Code::GradientForm, expected, actual);
        }
        self.array(path, axes.peephole(other), desc).map(CheckedArray::with_last_axis)
    }

    fn bias(
        &mut self,
        path: Path,
        axes: &GateAxes,
        desc: &NDArrayDescriptor<'_>,
    ) -> Option<CheckedArray> {
        if desc.data.is_null() || self.is_unknown("b_desc") {
            return None;
        }
        if !self.forms.has_bias {
            let expected = "null, as the gate has no bias";
            return self.refuse(path, Code::GradientWithoutWeight, expected, "an array");
        }
        self.array(path, &axes.vector, desc)
    }

    /// Whether the weight itself was reported before the check, so that it may have any form.
    fn is_unknown(&self, name: &'static str) -> bool {
        self.issues.is_reported(&Path::field(PARAMS).then(self.gate.field()).then(name))
    }

    fn refuse(
        &mut self,
        path: Path,
        code: Code,
        expected: &str,
        actual: &str,
    ) -> Option<CheckedArray> {
        self.issues.push(path, code, expected, actual);
        None
    }
}
