//! The arrays of the structure, in reading order.
//!
//! In: the descriptors and the layer's sizes. Out: [`Arrays`] and the form of all weights, or findings.
//! Which axes sequences and states have stands here and nowhere else.

use super::array::{ArrayRule, CheckedArray, check_array, spans};
use super::config::{Arrays, InputArray, WeightArrays};
use super::extensions::CheckedExtensions;
use super::gates::{CheckedGate, WeightForms, check_gate};
use super::issues::Issues;
use super::layout::Axis;
use super::name::{ArrayField, ArrayName};
use super::overlap::{Span, check_overlap};
use super::projection::check_projection;
use super::scalars::Sizes;
use super::strided::Strided;
use crate::desc::{Data, LSTMDataDescriptor, LayerParametersLSTM, NDArrayDescriptor};
use crate::error::{Code, Path};
use crate::fields::{DataField, DataFields, GateFields, Side, WeightFields};
use crate::gate::Gates;

/// What a structure is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Forward,
    /// Outputs are neither read nor written, and initial states must still be there.
    Backward,
}

/// What is known of a structure's float arrays.
#[derive(Debug)]
pub(super) struct CheckedArrays {
    /// `None` where something was reported.
    pub(super) arrays: Option<Arrays>,
    /// Which weights each gate has.
    pub(super) forms: Gates<WeightForms>,
    /// Of the arrays that hold, for those of a backward pass to be compared with.
    pub(super) spans: Vec<Span>,
}

/// Check all float arrays, and that no output shares memory with them or with the sequence descriptor.
pub(super) fn check_arrays(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    purpose: Purpose,
    (sizes, extensions): (&Sizes, &CheckedExtensions),
    sequence: Option<&Span>,
) -> CheckedArrays {
    let (from, to) = (&params.input_descriptor, &params.output_descriptor);
    if purpose == Purpose::Forward {
        require_some_output(issues, to);
    }
    let first = check_data(issues, Role::INPUT, from, sizes);
    let results = if purpose == Purpose::Forward { Role::OUTPUT } else { Role::RESULT };
    let last = check_data(issues, results, to, sizes);
    let gates = params
        .gates()
        .map(|gate, desc| check_gate(issues, (gate, extensions.origin(gate)), desc, sizes));

    let projection = check_projection(issues, params, sizes);

    let weights = gates.each().into_iter().flat_map(|gate| gate.arrays.each()).chain([&projection]);
    let inputs: Vec<&Span> = spans(first.each()).chain(sequence).chain(spans(weights)).collect();
    let outputs: Vec<&Span> = spans(last.each()).collect();
    let carried: Vec<(&Span, &Span)> = [(&last.hidden, &first.hidden), (&last.cell, &first.cell)]
        .into_iter()
        .filter_map(|(last, first)| Some((&last.as_ref()?.span, &first.as_ref()?.span)))
        .filter(|(last, first)| last.is_same_memory(first))
        .collect();
    check_overlap(issues, &outputs, &inputs, &carried);

    let spans = match purpose {
        Purpose::Forward => Vec::new(),
        Purpose::Backward => inputs.into_iter().chain(outputs).cloned().collect(),
    };
    let forms = gates.as_ref().map(|_, gate| gate.forms);
    let weights = collect_weights(gates, projection, sizes);
    let arrays = collect(issues, params, purpose, (first, last), weights);
    CheckedArrays { arrays, forms, spans }
}

fn layout(array: Option<CheckedArray>) -> Option<Strided> {
    array.map(|array| array.layout)
}

/// All weights; `None` where one that must be there was reported.
fn collect_weights(
    gates: Gates<CheckedGate>,
    projection: Option<CheckedArray>,
    sizes: &Sizes,
) -> Option<WeightArrays> {
    let is_complete = |gate: &CheckedGate| {
        let GateFields { iw, hw, .. } = &gate.arrays;
        gate.forms.is_derived || iw.is_some() && hw.is_some()
    };
    let are_there = gates.each().into_iter().all(is_complete)
        && projection.is_some() == sizes.outputs.are_projected;
    let gates = gates.map(|_, gate| gate.arrays.map(|_, array| layout(array)));
    are_there.then_some(WeightFields { gates, projection: layout(projection) })
}

/// All arrays; `None` where something was reported.
fn collect(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    purpose: Purpose,
    (first, last): (CheckedData, CheckedData),
    weights: Option<WeightArrays>,
) -> Option<Arrays> {
    let descs = params.input_descriptor.fields().zip(params.output_descriptor.fields());
    let input =
        descs.zip(first.zip(last.as_ref())).map(|field, (descs, (first, last))| match field {
            DataField::Data => given(first),
            DataField::Hidden | DataField::Cell => {
                initial_state(issues, purpose, field, descs, (first, last.as_ref()))
            }
        });
    let output = last.map(|_, array| layout(array).filter(|_| purpose == Purpose::Forward));
    let weights = weights.filter(|_| input.data.given().is_some())?;
    Some(Arrays { input, output, weights })
}

fn require_some_output(issues: &mut Issues, output: &LSTMDataDescriptor<'_>) {
    if is_empty(output) {
        let path = issues.field(Side::Output.name());
        issues.push(path, Code::MissingOutput, ANY_OF_THREE, "none");
    }
}

/// What at least one of must be there.
pub(super) const ANY_OF_THREE: &str = "at least one of data_desc, hidden_desc and cell_state_desc";

/// Whether none of the three arrays is there.
pub(super) fn is_empty(desc: &LSTMDataDescriptor<'_>) -> bool {
    desc.fields().each().iter().all(|desc| desc.data.is_null())
}

/// What a data descriptor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    side: Side,
    is_written: bool,
}

impl Role {
    /// What a forward pass reads.
    pub(super) const INPUT: Self = Self { side: Side::Input, is_written: false };
    /// What a forward pass writes.
    pub(super) const OUTPUT: Self = Self { side: Side::Output, is_written: true };
    /// The same, to read: incoming gradients, and what a backward pass leaves alone.
    pub(super) const RESULT: Self = Self { side: Side::Output, is_written: false };
    /// The gradients of the input.
    pub(super) const GRADIENT: Self = Self { side: Side::Input, is_written: true };
}

/// The arrays of a data descriptor; `None` for what is absent, in place, or was reported.
pub(super) type CheckedData = DataFields<Option<CheckedArray>>;

/// Check the three arrays of a data descriptor.
pub(super) fn check_data(
    issues: &mut Issues,
    role: Role,
    desc: &LSTMDataDescriptor<'_>,
    sizes: &Sizes,
) -> CheckedData {
    desc.fields().map(|field, desc| {
        let name = issues.array(ArrayField::Data(role.side, field));
        match field {
            DataField::Data => check_sequence_array(issues, name, role, desc, sizes),
            DataField::Hidden => {
                let elements = Axis::new(sizes.outputs_name(), sizes.outputs.count);
                check_state(issues, name, role, desc, sizes, elements)
            }
            DataField::Cell => {
                let elements = Axis::new("hidden_size", sizes.units);
                check_state(issues, name, role, desc, sizes, elements)
            }
        }
    })
}

fn check_sequence_array(
    issues: &mut Issues,
    name: ArrayName,
    role: Role,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    if desc.data.is_null() {
        if role == Role::INPUT {
            issues.push(name.then("data"), Code::NullData, "the input sequence", "null");
        }
        return None;
    }
    let elements = if role.side == Side::Input {
        Axis::new("input_size", sizes.input)
    } else {
        Axis::new(sizes.layer_outputs_name(), sizes.layer_outputs())
    };
    let axes = [Axis::new("seq_len", sizes.steps), Axis::new("batch_size", sizes.batch), elements];
    let is_output = role.is_written;
    check_array(issues, &ArrayRule { name, axes: &axes, is_sequence: true, is_output }, desc)
}

/// Check a state of so many elements for each sample.
fn check_state(
    issues: &mut Issues,
    name: ArrayName,
    role: Role,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
    elements: Axis,
) -> Option<CheckedArray> {
    if desc.data.is_null() || (matches!(desc.data, Data::InPlace) && role == Role::INPUT) {
        return None;
    }
    let axes = [
        Axis::optional("num_layers", sizes.layers),
        Axis::optional("directions", sizes.directions),
        Axis::new("batch_size", sizes.batch),
        elements,
    ];
    let is_output = role.is_written;
    check_array(issues, &ArrayRule { name, axes: &axes, is_sequence: false, is_output }, desc)
}

/// Where an initial state stands: descriptors and checked arrays of the initial and of the final state.
fn initial_state(
    issues: &mut Issues,
    purpose: Purpose,
    field: DataField,
    (desc, last_desc): (&NDArrayDescriptor<'_>, &NDArrayDescriptor<'_>),
    (first, last): (Option<CheckedArray>, Option<&CheckedArray>),
) -> InputArray {
    let name = issues.array(ArrayField::Data(Side::Input, field));
    let is_marked = matches!(desc.data, Data::InPlace);
    if is_marked && last_desc.data.is_null() && purpose == Purpose::Forward {
        let expected = format!("an {} to read from", field.path(&Path::default(), Side::Output));
        issues.push(name.then("data"), Code::NullData, expected, "none");
        return InputArray::InPlace;
    }
    let is_shared =
        first.as_ref().zip(last).is_some_and(|(first, last)| first.span.is_same_memory(&last.span));
    if !is_marked && !is_shared {
        return given(first);
    }
    if purpose == Purpose::Backward {
        let expected = "an initial state that the forward pass does not overwrite";
        let actual = "the memory of the final state";
        issues.push(name.then("data"), Code::InitialStateOverwritten, expected, actual);
    }
    InputArray::InPlace
}

fn given(array: Option<CheckedArray>) -> InputArray {
    array.map_or(InputArray::Zero, |array| InputArray::Given(array.layout))
}
