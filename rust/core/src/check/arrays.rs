//! The arrays of the structure, in reading order.
//!
//! In: the descriptors and the layer's sizes. Out: [`Arrays`] and the form of all weights, or findings.
//! Which axes sequences and states have stands here and nowhere else.

use super::array::{CheckedArray, Field, check_array};
use super::config::{Arrays, InitialState};
use super::gates::{CheckedGate, WeightForms, check_gate};
use super::issues::Issues;
use super::layout::Axis;
use super::overlap::{Span, check_overlap};
use super::scalars::Sizes;
use crate::desc::{Data, LSTMDataDescriptor, LayerParametersLSTM, NDArrayDescriptor};
use crate::error::{Code, Path};
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
    /// Of the arrays that hold.
    pub(super) spans: Vec<Span>,
}

/// Check all float arrays, and that no output shares memory with them or with the sequence descriptor.
pub(super) fn check_arrays(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    purpose: Purpose,
    sizes: &Sizes,
    sequence: Option<&Span>,
) -> CheckedArrays {
    let (from, to) = (&params.input_descriptor, &params.output_descriptor);
    if purpose == Purpose::Forward {
        require_some_output(issues, to);
    }
    let first = check_data(issues, Side::INPUT, from, sizes);
    let results = if purpose == Purpose::Forward { Side::OUTPUT } else { Side::RESULT };
    let last = check_data(issues, results, to, sizes);
    let gates = Gates::from_fn(|gate| check_gate(issues, gate, params.gate(gate), sizes));

    let weights = gates.each().into_iter().flat_map(|gate| &gate.spans);
    let inputs: Vec<&Span> = first.spans().chain(sequence).chain(weights).collect();
    let outputs: Vec<&Span> = last.spans().collect();
    let carried: Vec<(&Span, &Span)> = [(&last.hidden, &first.hidden), (&last.cell, &first.cell)]
        .into_iter()
        .filter_map(|(last, first)| Some((&last.as_ref()?.span, &first.as_ref()?.span)))
        .filter(|(last, first)| last.is_same_memory(first))
        .collect();
    check_overlap(issues, &outputs, &inputs, &carried);

    let spans = inputs.into_iter().chain(outputs).cloned().collect();
    let forms = Gates::from_fn(|gate| gates.get(gate).forms);
    let arrays = collect(issues, params, purpose, first, last, gates);
    CheckedArrays { arrays, forms, spans }
}

/// All arrays; `None` where something was reported.
fn collect(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    purpose: Purpose,
    first: CheckedData,
    last: CheckedData,
    gates: Gates<CheckedGate>,
) -> Option<Arrays> {
    let (from, to) = (&params.input_descriptor, &params.output_descriptor);
    let mut state = |name, descs, first, last| {
        let state = initial_state(issues, purpose, name, descs, (first, last));
        if purpose == Purpose::Backward && state == InitialState::InPlace {
            let path = issues.field("input_descriptor").then(name).then("data");
            let expected = "the initial state, in memory of its own";
            let actual = "the memory of the final state, which the forward pass overwrites";
            issues.push(path, Code::InitialStateOverwritten, expected, actual);
        }
        state
    };
    let hidden_descs = (&from.hidden_desc, &to.hidden_desc);
    let initial_hidden = state("hidden_desc", hidden_descs, first.hidden, last.hidden.as_ref());
    let cell_descs = (&from.cell_state_desc, &to.cell_state_desc);
    let initial_cell = state("cell_state_desc", cell_descs, first.cell, last.cell.as_ref());
    let written = |array: Option<CheckedArray>| {
        array.filter(|_| purpose == Purpose::Forward).map(|array| array.layout)
    };
    Some(Arrays {
        input: first.data?.layout,
        initial_hidden,
        initial_cell,
        output: written(last.data),
        final_hidden: written(last.hidden),
        final_cell: written(last.cell),
        gates: Gates {
            input: gates.input.arrays?,
            forget: gates.forget.arrays?,
            candidate: gates.candidate.arrays?,
            output: gates.output.arrays?,
        },
    })
}

fn require_some_output(issues: &mut Issues, output: &LSTMDataDescriptor<'_>) {
    if is_empty(output) {
        let path = issues.field("output_descriptor");
        issues.push(path, Code::MissingOutput, ANY_OF_THREE, "none");
    }
}

/// What at least one of must be there.
pub(super) const ANY_OF_THREE: &str = "at least one of data_desc, hidden_desc and cell_state_desc";

/// Whether none of the three arrays is there.
pub(super) fn is_empty(desc: &LSTMDataDescriptor<'_>) -> bool {
    [&desc.data_desc, &desc.hidden_desc, &desc.cell_state_desc]
        .iter()
        .all(|desc| desc.data.is_null())
}

/// A data descriptor and what happens to its arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    /// Whether it has the axes of the input, or those of the output.
    is_input: bool,
    is_written: bool,
}

impl Side {
    /// What a forward pass reads.
    pub(super) const INPUT: Self = Self { is_input: true, is_written: false };
    /// What a forward pass writes.
    pub(super) const OUTPUT: Self = Self { is_input: false, is_written: true };
    /// The same, to read: incoming gradients, and what a backward pass leaves alone.
    pub(super) const RESULT: Self = Self { is_input: false, is_written: false };
    /// The gradients of the input.
    pub(super) const GRADIENT: Self = Self { is_input: true, is_written: true };

    fn field(self) -> &'static str {
        if self.is_input { "input_descriptor" } else { "output_descriptor" }
    }
}

/// The arrays of a data descriptor; `None` for what is absent, in place, or was reported.
#[derive(Debug)]
pub(super) struct CheckedData {
    pub(super) data: Option<CheckedArray>,
    pub(super) hidden: Option<CheckedArray>,
    pub(super) cell: Option<CheckedArray>,
}

impl CheckedData {
    pub(super) fn spans(&self) -> impl Iterator<Item = &Span> {
        [&self.data, &self.hidden, &self.cell].into_iter().flatten().map(|array| &array.span)
    }
}

/// Check the three arrays of a data descriptor.
pub(super) fn check_data(
    issues: &mut Issues,
    side: Side,
    desc: &LSTMDataDescriptor<'_>,
    sizes: &Sizes,
) -> CheckedData {
    let path = issues.field(side.field());
    let data = check_sequence_array(issues, path.then("data_desc"), side, &desc.data_desc, sizes);
    let mut state = |name, desc| check_state(issues, path.then(name), side, desc, sizes);
    let hidden = state("hidden_desc", &desc.hidden_desc);
    let cell = state("cell_state_desc", &desc.cell_state_desc);
    CheckedData { data, hidden, cell }
}

fn check_sequence_array(
    issues: &mut Issues,
    path: Path,
    side: Side,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    if desc.data.is_null() {
        if side == Side::INPUT {
            issues.push(path.then("data"), Code::NullData, "the input sequence", "null");
        }
        return None;
    }
    let elements = if side.is_input {
        Axis::new("input_size", sizes.input)
    } else {
        Axis::new("directions * hidden_size", sizes.outputs())
    };
    let axes = [Axis::new("seq_len", sizes.steps), Axis::new("batch_size", sizes.batch), elements];
    let is_output = side.is_written;
    check_array(issues, &Field { path, axes: &axes, is_sequence: true, is_output }, desc)
}

fn check_state(
    issues: &mut Issues,
    path: Path,
    side: Side,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    if desc.data.is_null() || (matches!(desc.data, Data::InPlace) && side == Side::INPUT) {
        return None;
    }
    let axes = [
        Axis::optional("num_layers", sizes.layers),
        Axis::optional("directions", sizes.directions),
        Axis::new("batch_size", sizes.batch),
        Axis::new("hidden_size", sizes.hidden),
    ];
    let is_output = side.is_written;
    check_array(issues, &Field { path, axes: &axes, is_sequence: false, is_output }, desc)
}

/// Where an initial state stands: descriptors and checked arrays of the initial and of the final state.
fn initial_state(
    issues: &mut Issues,
    purpose: Purpose,
    name: &'static str,
    (desc, last_desc): (&NDArrayDescriptor<'_>, &NDArrayDescriptor<'_>),
    (first, last): (Option<CheckedArray>, Option<&CheckedArray>),
) -> InitialState {
    if matches!(desc.data, Data::InPlace) {
        if last_desc.data.is_null() && purpose == Purpose::Forward {
            let path = issues.field("input_descriptor").then(name).then("data");
            let expected = format!("an output_descriptor.{name} to read from");
            issues.push(path, Code::NullData, expected, "none");
        }
        return InitialState::InPlace;
    }
    match (first, last) {
        (Some(first), Some(last)) if first.span.is_same_memory(&last.span) => InitialState::InPlace,
        (Some(first), _) => InitialState::Given(first.layout),
        (None, _) => InitialState::Zero,
    }
}
