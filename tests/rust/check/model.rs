//! Valid structures to start from, whose arrays are measurements without memory.

use bnns_lstm::binding::{Checked, Memory, check};
use bnns_lstm::{
    Activation, Data, DataLayout, DataType, FilterParameters, Gate, LSTMDataDescriptor,
    LSTMGateDescriptor, LayerFlags, LayerParametersLSTM, NDArrayDescriptor,
};

pub type Params = LayerParametersLSTM<'static>;
pub type Descriptor = NDArrayDescriptor<'static>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    pub input: usize,
    pub hidden: usize,
    pub batch: usize,
    pub layers: usize,
    pub steps: usize,
    pub directions: usize,
}

/// One layer, one direction.
pub const ONE: Sizes = Sizes { input: 3, hidden: 64, batch: 2, layers: 1, steps: 5, directions: 1 };

/// Two layers and directions with the split form of the input weights; no two sizes are equal.
pub const STACK: Sizes =
    Sizes { input: 3, hidden: 7, batch: 5, layers: 2, steps: 4, directions: 2 };

/// A megabyte for each array, so that none shares memory with another.
pub const DISTANCE: usize = 1 << 20;

/// A contiguous array of floats at the `place`-th address.
pub fn memory(place: usize, shape: &[usize]) -> Memory {
    let mut byte_strides = vec![4; shape.len()];
    for axis in (1..shape.len()).rev() {
        byte_strides[axis - 1] = byte_strides[axis] * isize::try_from(shape[axis]).unwrap();
    }
    Memory {
        address: (place + 1) * DISTANCE,
        shape: shape.to_vec(),
        byte_strides,
        element_bytes: 4,
        data_type: DataType::FLOAT32,
        type_name: "float32".to_owned(),
        writable: true,
    }
}

/// An array in C order, at the `place`-th address.
pub fn lent(place: usize, shape: &[usize]) -> Descriptor {
    NDArrayDescriptor::lent(memory(place, shape))
}

/// A descriptor over `len` floats at the `place`-th address.
pub fn described(place: usize, len: usize, layout: DataLayout, size: &[usize]) -> Descriptor {
    let mut desc = lent(place, &[len]);
    desc.layout = layout;
    desc.size = [0; 8];
    desc.size[..size.len()].copy_from_slice(size);
    desc
}

pub fn edit_memory(desc: &mut Descriptor, edit: impl FnOnce(&mut Memory)) {
    let Data::Lent(memory) = &mut desc.data else { panic!("not lent") };
    edit(memory);
}

fn matrix(place: usize, sizes: &Sizes, layers: usize, inputs: usize) -> Descriptor {
    let Sizes { hidden, directions, .. } = *sizes;
    if layers == 1 && directions == 1 {
        let layout = DataLayout::ROW_MAJOR_MATRIX;
        return described(place, hidden * inputs, layout, &[inputs, hidden]);
    }
    lent(place, &[layers, directions, hidden, inputs])
}

fn gate(gate: Gate, sizes: &Sizes) -> LSTMGateDescriptor<'static> {
    let Sizes { input, hidden, layers, directions, .. } = *sizes;
    let place = 10 + 10 * Gate::ALL.iter().position(|&other| other == gate).unwrap();
    let upper = if layers > 1 {
        matrix(place + 1, sizes, layers - 1, directions * hidden)
    } else {
        NDArrayDescriptor::absent()
    };
    LSTMGateDescriptor {
        iw_desc: [matrix(place, sizes, 1, input), upper],
        hw_desc: matrix(place + 2, sizes, layers, hidden),
        cw_desc: matrix(place + 3, sizes, layers, hidden),
        b_desc: if layers == 1 && directions == 1 {
            lent(place + 4, &[hidden])
        } else {
            lent(place + 4, &[layers, directions, hidden])
        },
        activation: Some(match gate {
            Gate::Candidate => Activation::tanh(),
            _ => Activation::sigmoid(),
        }),
    }
}

/// A structure that passes: every array given, activations explicit.
pub fn valid(sizes: &Sizes) -> Params {
    let Sizes { input, hidden, batch, layers, steps, directions } = *sizes;
    let data = |place: usize, elements: usize| {
        let sequence = steps * batch * elements;
        LSTMDataDescriptor {
            data_desc: described(place, sequence, DataLayout::SNE, &[elements, batch, steps]),
            hidden_desc: lent(place + 1, &[layers, directions, batch, hidden]),
            cell_state_desc: lent(place + 2, &[layers, directions, batch, hidden]),
        }
    };
    LayerParametersLSTM {
        input_size: input,
        hidden_size: hidden,
        batch_size: batch,
        num_layers: layers,
        seq_len: steps,
        dropout: 0.5,
        lstm_flags: LayerFlags(u32::from(directions == 2)),
        sequence_descriptor: NDArrayDescriptor::absent(),
        input_descriptor: data(0, input),
        output_descriptor: data(3, directions * hidden),
        input_gate: gate(Gate::Input, sizes),
        forget_gate: gate(Gate::Forget, sizes),
        candidate_gate: gate(Gate::Candidate, sizes),
        output_gate: gate(Gate::Output, sizes),
        hidden_activation: Some(Activation::tanh()),
        extensions: None,
    }
}

/// The checked structure, or path and code of each finding.
pub fn outcome(
    params: &Params,
    filter: &FilterParameters,
) -> Result<Checked, Vec<(String, &'static str)>> {
    check(params, filter).map_err(|error| {
        error.issues().iter().map(|issue| (issue.path.to_string(), issue.code.name())).collect()
    })
}

pub fn accepted(params: &Params) -> Checked {
    outcome(params, &FilterParameters::default()).unwrap_or_else(|found| panic!("{found:?}"))
}

pub fn refused(params: &Params) -> Vec<(String, &'static str)> {
    outcome(params, &FilterParameters::default()).expect_err("the structure was accepted")
}

#[test]
fn the_structures_to_start_from_pass() {
    accepted(&valid(&ONE));
    accepted(&valid(&STACK));
}
