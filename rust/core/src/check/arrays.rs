//! The arrays of the structure, in reading order.
//!
//! In: the descriptors and the layer's sizes. Out: [`Arrays`] and the kind of each peephole, or findings.
//! Which axes each field has stands here and nowhere else.

use super::array::{CheckedArray, Field, check_array};
use super::config::{Arrays, GateArrays, InitialState, Peephole};
use super::issues::Issues;
use super::layout::{Axis, kept_axes};
use super::overlap::{Span, check_overlap};
use super::scalars::Sizes;
use super::strided::Strided;
use crate::desc::{
    Data, DataLayout, LSTMDataDescriptor, LSTMGateDescriptor, LayerParametersLSTM, MAX_RANK,
    NDArrayDescriptor,
};
use crate::error::{Code, Path};
use crate::gate::{Gate, Gates};

/// Check all float arrays; `None` where something was reported.
pub(super) fn check_arrays(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    sizes: &Sizes,
) -> Option<(Arrays, Gates<Peephole>)> {
    let (input, output) = (&params.input_descriptor, &params.output_descriptor);
    let x = check_sequence_array(issues, "input_descriptor", &input.data_desc, sizes);
    let h0 = check_state(issues, ("input_descriptor", "hidden_desc"), &input.hidden_desc, sizes);
    let c0 =
        check_state(issues, ("input_descriptor", "cell_state_desc"), &input.cell_state_desc, sizes);
    check_some_output(issues, output);
    let y = check_sequence_array(issues, "output_descriptor", &output.data_desc, sizes);
    let hn = check_state(issues, ("output_descriptor", "hidden_desc"), &output.hidden_desc, sizes);
    let cn =
        check_state(issues, ("output_descriptor", "cell_state_desc"), &output.cell_state_desc, sizes);
    let gates = Gates::from_fn(|gate| check_gate(issues, gate, params.gate(gate), sizes));

    let carried: Vec<(&Span, &Span)> =
        [(&hn, &h0), (&cn, &c0)].into_iter().filter_map(|(last, first)| same(last, first)).collect();
    let inputs: Vec<&Span> = [&x, &h0, &c0]
        .into_iter()
        .flatten()
        .map(|array| &array.span)
        .chain(gates.each().into_iter().flat_map(|gate| gate.spans.iter()))
        .collect();
    let outputs: Vec<&Span> = [&y, &hn, &cn].into_iter().flatten().map(|array| &array.span).collect();
    check_overlap(issues, &outputs, &inputs, &carried);

    let initial_hidden = initial_state(issues, "hidden_desc", &input.hidden_desc, h0.as_ref(), hn.as_ref());
    let initial_cell =
        initial_state(issues, "cell_state_desc", &input.cell_state_desc, c0.as_ref(), cn.as_ref());
    let peepholes = Gates::from_fn(|gate| gates.get(gate).peephole);
    let arrays = Arrays {
        input: x?.layout,
        initial_hidden,
        initial_cell,
        output: y.map(|array| array.layout),
        final_hidden: hn.map(|array| array.layout),
        final_cell: cn.map(|array| array.layout),
        gates: Gates {
            input: gates.input.arrays?,
            forget: gates.forget.arrays?,
            candidate: gates.candidate.arrays?,
            output: gates.output.arrays?,
        },
    };
    Some((arrays, peepholes))
}

fn check_some_output(issues: &mut Issues, output: &LSTMDataDescriptor<'_>) {
    let all = [&output.data_desc, &output.hidden_desc, &output.cell_state_desc];
    if all.iter().all(|desc| desc.data.is_null()) {
        let expected = "at least one of data_desc, hidden_desc and cell_state_desc";
        issues.push(Path::field("output_descriptor"), Code::MissingOutput, expected, "none");
    }
}

/// The pair of spans if both states are the very same memory in the same order.
fn same<'s>(
    last: &'s Option<CheckedArray>,
    first: &'s Option<CheckedArray>,
) -> Option<(&'s Span, &'s Span)> {
    let (last, first) = (last.as_ref()?, first.as_ref()?);
    let same = last.span.is_same_memory(&first.span) && last.layout == first.layout;
    same.then_some((&last.span, &first.span))
}

fn initial_state(
    issues: &mut Issues,
    name: &'static str,
    desc: &NDArrayDescriptor<'_>,
    first: Option<&CheckedArray>,
    last: Option<&CheckedArray>,
) -> InitialState {
    match (&desc.data, first, last) {
        (Data::InPlace, _, Some(_)) => InitialState::InPlace,
        (Data::InPlace, _, None) => {
            let path = Path::field("input_descriptor").then(name).then("data");
            let expected = format!("a valid output_descriptor.{name} to read from");
            issues.push(path, Code::NullData, expected, "none");
            InitialState::Zero
        }
        (_, Some(first), Some(last))
            if first.span.is_same_memory(&last.span) && first.layout == last.layout =>
        {
            InitialState::InPlace
        }
        (_, Some(first), _) => InitialState::Given(first.layout.clone()),
        (_, None, _) => InitialState::Zero,
    }
}

fn axis(name: &'static str, extent: usize) -> Axis {
    Axis { name, extent, optional: false }
}

fn leading(name: &'static str, extent: usize) -> Axis {
    Axis { name, extent, optional: true }
}

fn check_sequence_array(
    issues: &mut Issues,
    side: &'static str,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    let path = Path::field(side).then("data_desc");
    let is_output = side == "output_descriptor";
    if desc.data.is_null() {
        if !is_output {
            issues.push(path.then("data"), Code::NullData, "the input sequence", "null");
        }
        return None;
    }
    let elements = if is_output {
        axis("directions * hidden_size", sizes.directions * sizes.hidden)
    } else {
        axis("input_size", sizes.input)
    };
    let axes = [axis("seq_len", sizes.steps), axis("batch_size", sizes.batch), elements];
    check_array(issues, &Field { path, axes: &axes, is_sequence: true, is_output }, desc)
}

fn check_state(
    issues: &mut Issues,
    (side, name): (&'static str, &'static str),
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedArray> {
    let is_output = side == "output_descriptor";
    if desc.data.is_null() || (matches!(desc.data, Data::InPlace) && !is_output) {
        return None;
    }
    let path = Path::field(side).then(name);
    let axes = [
        leading("num_layers", sizes.layers),
        leading("directions", sizes.directions),
        axis("batch_size", sizes.batch),
        axis("hidden_size", sizes.hidden),
    ];
    check_array(issues, &Field { path, axes: &axes, is_sequence: false, is_output }, desc)
}

/// What is known of a gate's arrays.
struct CheckedGate {
    arrays: Option<GateArrays>,
    peephole: Peephole,
    spans: Vec<Span>,
}

fn check_gate(
    issues: &mut Issues,
    gate: Gate,
    desc: &LSTMGateDescriptor<'_>,
    sizes: &Sizes,
) -> CheckedGate {
    let path = Path::field(gate.field());
    let mut spans = Vec::new();
    let mut keep = |array: Option<CheckedArray>| -> Option<Strided> {
        let CheckedArray { layout, span } = array?;
        spans.push(span);
        Some(layout)
    };
    let (iw, iw_upper) = check_input_weights(issues, &path, &desc.iw_desc, sizes);
    let (iw, iw_upper) = (keep(iw), iw_upper.map(&mut keep));
    let layers = leading("num_layers", sizes.layers);
    let directions = leading("directions", sizes.directions);
    let outputs = axis("hidden_size", sizes.hidden);
    let matrix = [layers, directions, outputs, outputs];
    let hw = check_weights(issues, path.then("hw_desc"), &matrix, &desc.hw_desc);
    if desc.hw_desc.data.is_null() {
        let here = path.then("hw_desc").then("data");
        issues.push(here, Code::NullData, "the hidden weights", "null");
    }
    let hw = keep(hw);
    let peephole = peephole_kind(&desc.cw_desc, &matrix);
    let cw_axes = if peephole == Peephole::Diagonal { &matrix[..3] } else { &matrix[..] };
    let cw = keep(check_weights(issues, path.then("cw_desc"), cw_axes, &desc.cw_desc));
    let b = keep(check_weights(issues, path.then("b_desc"), &matrix[..3], &desc.b_desc));
    let arrays = iw.zip(hw).and_then(|(iw, hw)| {
        let iw_upper = match iw_upper {
            Some(None) => return None,
            Some(upper) => upper,
            None => None,
        };
        Some(GateArrays { iw, iw_upper, hw, cw, b })
    });
    CheckedGate { arrays, peephole, spans }
}

/// The input weights, and those of the upper layers: `None` in the joint form, `Some(None)` if faulty.
fn check_input_weights(
    issues: &mut Issues,
    gate: &Path,
    [first, second]: &[NDArrayDescriptor<'_>; 2],
    sizes: &Sizes,
) -> (Option<CheckedArray>, Option<Option<CheckedArray>>) {
    let path = gate.then("iw_desc");
    if first.data.is_null() {
        let here = path.at(0).then("data");
        issues.push(here, Code::NullData, "the input weights", "null");
    }
    let directions = leading("directions", sizes.directions);
    let outputs = axis("hidden_size", sizes.hidden);
    let address = |desc: &NDArrayDescriptor<'_>| desc.data.memory().map(|memory| memory.address);
    let is_split =
        sizes.layers > 1 && address(second).is_some() && address(second) != address(first);
    let width = axis("directions * hidden_size", sizes.directions * sizes.hidden);
    let inputs = axis("input_size", sizes.input);
    if is_split {
        let lowest = [leading("layer 0", 1), directions, outputs, inputs];
        let upper = [leading("num_layers - 1", sizes.layers - 1), directions, outputs, width];
        let lowest = check_weights(issues, path.at(0), &lowest, first);
        return (lowest, Some(check_weights(issues, path.at(1), &upper, second)));
    }
    if sizes.layers > 1 && width.extent != inputs.extent && !first.data.is_null() {
        let expected = format!(
            "iw_desc[1] for the upper layers, or input_size = directions * hidden_size = {}",
            width.extent
        );
        let actual = format!("the joint form with input_size = {}", inputs.extent);
        issues.push(path.at(0), Code::JointWeightsWidth, expected, actual);
        return (None, None);
    }
    let joint = [leading("num_layers", sizes.layers), directions, outputs, inputs];
    (check_weights(issues, path.at(0), &joint, first), None)
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

/// Full matrix or diagonal, by rank and sizes: what fits as a matrix is a matrix.
fn peephole_kind(desc: &NDArrayDescriptor<'_>, matrix: &[Axis; 4]) -> Peephole {
    if desc.data.is_null() {
        return Peephole::None;
    }
    if desc.layout == DataLayout::UNSPECIFIED {
        return Peephole::Full;
    }
    let given = extents_in_c_order(desc);
    let diagonal = &matrix[..3];
    let fits = |axes: &[Axis]| {
        kept_axes(given.len(), axes).is_some_and(|kept| {
            kept.iter().zip(&given).all(|(&position, &size)| {
                size == 0 || axes.get(position).is_some_and(|axis| axis.extent == size)
            })
        })
    };
    let possible = |axes: &[Axis]| kept_axes(given.len(), axes).is_some();
    if fits(matrix) {
        Peephole::Full
    } else if fits(diagonal) || !possible(matrix) && possible(diagonal) {
        Peephole::Diagonal
    } else {
        Peephole::Full
    }
}

/// The sizes of a descriptor as the shape of a C array.
fn extents_in_c_order(desc: &NDArrayDescriptor<'_>) -> Vec<usize> {
    let rank = ((desc.layout.0 >> 16) as usize).min(MAX_RANK);
    let is_c_order =
        desc.layout.0 & 0xffff == 0x8001 || desc.layout == DataLayout::COLUMN_MAJOR_MATRIX;
    let mut extents: Vec<usize> = desc.size.iter().copied().take(rank).collect();
    if !is_c_order {
        extents.reverse();
    }
    extents
}
