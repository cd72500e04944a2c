//! The arrays of the structure, in reading order.
//!
//! In: the descriptors and the layer's sizes. Out: [`Arrays`] and the kind of each peephole, or findings.
//! Which axes sequences and states have stands here and nowhere else.

use super::array::{CheckedArray, Field, check_array};
use super::config::{Arrays, InitialState, Peephole};
use super::gates::check_gate;
use super::issues::Issues;
use super::layout::Axis;
use super::overlap::{Span, check_overlap};
use super::scalars::Sizes;
use crate::desc::{Data, LSTMDataDescriptor, LayerParametersLSTM, NDArrayDescriptor};
use crate::error::{Code, Path};
use crate::gate::Gates;

/// Check all float arrays, and that no output shares memory with them or with the sequence descriptor;
/// `None` where something was reported.
pub(super) fn check_arrays(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    sizes: &Sizes,
    sequence: Option<&Span>,
) -> Option<(Arrays, Gates<Peephole>)> {
    let (from, to) = (&params.input_descriptor, &params.output_descriptor);
    require_some_output(issues, to);
    let first = check_data(issues, "input_descriptor", from, sizes);
    let last = check_data(issues, "output_descriptor", to, sizes);
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

    let hidden_descs = (&from.hidden_desc, &to.hidden_desc);
    let initial_hidden =
        initial_state(issues, "hidden_desc", hidden_descs, first.hidden, last.hidden.as_ref());
    let cell_descs = (&from.cell_state_desc, &to.cell_state_desc);
    let initial_cell =
        initial_state(issues, "cell_state_desc", cell_descs, first.cell, last.cell.as_ref());
    let peepholes = Gates::from_fn(|gate| gates.get(gate).peephole);
    let layout = |array: Option<CheckedArray>| array.map(|array| array.layout);
    let arrays = Arrays {
        input: first.data?.layout,
        initial_hidden,
        initial_cell,
        output: layout(last.data),
        final_hidden: layout(last.hidden),
        final_cell: layout(last.cell),
        gates: Gates {
            input: gates.input.arrays?,
            forget: gates.forget.arrays?,
            candidate: gates.candidate.arrays?,
            output: gates.output.arrays?,
        },
    };
    Some((arrays, peepholes))
}

fn require_some_output(issues: &mut Issues, output: &LSTMDataDescriptor<'_>) {
    let all = [&output.data_desc, &output.hidden_desc, &output.cell_state_desc];
    if all.iter().all(|desc| desc.data.is_null()) {
        let expected = "at least one of data_desc, hidden_desc and cell_state_desc";
        issues.push(Path::field("output_descriptor"), Code::MissingOutput, expected, "none");
    }
}

/// The arrays of a data descriptor; `None` for what is absent, in place, or was reported.
struct CheckedData {
    data: Option<CheckedArray>,
    hidden: Option<CheckedArray>,
    cell: Option<CheckedArray>,
}

impl CheckedData {
    fn spans(&self) -> impl Iterator<Item = &Span> {
        [&self.data, &self.hidden, &self.cell].into_iter().flatten().map(|array| &array.span)
    }
}

fn check_data(
    issues: &mut Issues,
    side: &'static str,
    desc: &LSTMDataDescriptor<'_>,
    sizes: &Sizes,
) -> CheckedData {
    let path = Path::field(side);
    let is_output = side == "output_descriptor";
    CheckedData {
        data: check_sequence_array(
            issues,
            path.then("data_desc"),
            is_output,
            &desc.data_desc,
            sizes,
        ),
        hidden: check_state(issues, path.then("hidden_desc"), is_output, &desc.hidden_desc, sizes),
        cell: check_state(
            issues,
            path.then("cell_state_desc"),
            is_output,
            &desc.cell_state_desc,
            sizes,
        ),
    }
}

fn check_sequence_array(
    issues: &mut Issues,
    path: Path,
    is_output: bool,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    if desc.data.is_null() {
        if !is_output {
            issues.push(path.then("data"), Code::NullData, "the input sequence", "null");
        }
        return None;
    }
    let elements = if is_output {
        Axis::new("directions * hidden_size", sizes.outputs())
    } else {
        Axis::new("input_size", sizes.input)
    };
    let axes = [Axis::new("seq_len", sizes.steps), Axis::new("batch_size", sizes.batch), elements];
    check_array(issues, &Field { path, axes: &axes, is_sequence: true, is_output }, desc)
}

fn check_state(
    issues: &mut Issues,
    path: Path,
    is_output: bool,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    if desc.data.is_null() || (matches!(desc.data, Data::InPlace) && !is_output) {
        return None;
    }
    let axes = [
        Axis::optional("num_layers", sizes.layers),
        Axis::optional("directions", sizes.directions),
        Axis::new("batch_size", sizes.batch),
        Axis::new("hidden_size", sizes.hidden),
    ];
    check_array(issues, &Field { path, axes: &axes, is_sequence: false, is_output }, desc)
}

/// Where an initial state stands: descriptors and checked arrays of the initial and of the final state.
fn initial_state(
    issues: &mut Issues,
    name: &'static str,
    (desc, last_desc): (&NDArrayDescriptor<'_>, &NDArrayDescriptor<'_>),
    first: Option<CheckedArray>,
    last: Option<&CheckedArray>,
) -> InitialState {
    if matches!(desc.data, Data::InPlace) {
        if last_desc.data.is_null() {
            let path = Path::field("input_descriptor").then(name).then("data");
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
