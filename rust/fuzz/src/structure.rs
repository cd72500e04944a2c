//! Any structure at all.
//!
//! In: bytes of a fuzzer. Out: a structure whose arrays are measurements without memory, in which anything
//! can be wrong. [`run`] checks it: no panic, and what is accepted lies inside of its memory.

use arbitrary::Arbitrary;
use bnns_lstm::{
    Activation, ActivationFunction, Checked, Code, Data, DataLayout, DataType, FilterParameters, Integers,
    InitialState, Issue, LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags, LayerParametersLSTM, Memory,
    NDArrayDescriptor, Path, Strided, check, check_after,
};
use ndarray::{ArrayViewD, Ix3, Ix4, IxDyn, ShapeBuilder};

/// The layer of one call, with everything that a caller can say.
#[derive(Debug, Arbitrary)]
pub struct Structure {
    sizes: [Number; 5],
    dropout: f32,
    flags: Flags,
    sequence: Sequence,
    input: Data3,
    output: Data3,
    gates: [Gate; 4],
    hidden_activation: Option<Function>,
    filter: (u8, Number),
    found: Vec<Found>,
}

/// A number, mostly one that could be meant.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Number {
    Zero,
    One,
    Two,
    Small(u8),
    Power(u8),
    Negative(u8),
    Any(usize),
}

impl Number {
    fn get(self) -> usize {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Small(value) => value.into(),
            Self::Power(shift) => 1 << (shift % 64),
            Self::Negative(value) => usize::MAX - usize::from(value),
            Self::Any(value) => value,
        }
    }
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Flags {
    None,
    Known(u8),
    Any(u32),
}

#[derive(Debug, Arbitrary)]
enum Sequence {
    Absent,
    Bytes(Vec<u8>, Described),
    Words(Vec<i64>, Described),
    Array(Array),
}

#[derive(Debug, Arbitrary)]
struct Data3 {
    data: Array,
    hidden: Array,
    cell: Array,
}

#[derive(Debug, Arbitrary)]
struct Gate {
    input: Array,
    upper: Array,
    hidden: Array,
    cell: Array,
    bias: Array,
    activation: Option<Function>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Function {
    number: u8,
    is_absurd: bool,
    alpha: f32,
    beta: f32,
    iscale: i8,
}

/// What the descriptor says of its array.
#[derive(Debug, Default, Arbitrary)]
struct Described {
    layout: Layout,
    size: Option<[Number; 4]>,
    stride: Option<[Number; 4]>,
    data_type: Option<u32>,
    has_table: bool,
}

#[derive(Debug, Clone, Copy, Default, Arbitrary)]
enum Layout {
    #[default]
    Unspecified,
    Known(u8),
    FirstMajor(u8),
    Any(u32),
}

#[derive(Debug, Arbitrary)]
enum Array {
    Absent,
    InPlace,
    /// A large array without strides of its own: the descriptor decides.
    Large(Described),
    /// An array of this shape in C order, with gaps between rows.
    Shaped(Vec<Number>, u8, Described),
    Anything(Anything, Described),
}

#[derive(Debug, Arbitrary)]
struct Anything {
    address: Number,
    shape: Vec<Number>,
    byte_strides: Vec<Number>,
    element_bytes: Number,
    data_type: u32,
    is_read_only: bool,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Found {
    Size,
    Flags,
    Weights(u8),
    Output,
}

const LAYOUTS: [DataLayout; 14] = [
    DataLayout::VECTOR,
    DataLayout::LAST_MAJOR_1D,
    DataLayout::FIRST_MAJOR_1D,
    DataLayout::ROW_MAJOR_MATRIX,
    DataLayout::COLUMN_MAJOR_MATRIX,
    DataLayout::LAST_MAJOR_2D,
    DataLayout::FIRST_MAJOR_2D,
    DataLayout::IMAGE_CHW,
    DataLayout::SNE,
    DataLayout::NSE,
    DataLayout::LAST_MAJOR_3D,
    DataLayout::FIRST_MAJOR_3D,
    DataLayout::LAST_MAJOR_4D,
    DataLayout::FIRST_MAJOR_4D,
];

impl Described {
    fn apply(&self, desc: &mut NDArrayDescriptor<'_>) {
        desc.layout = match self.layout {
            Layout::Unspecified => DataLayout::UNSPECIFIED,
            Layout::Known(index) => LAYOUTS[usize::from(index) % LAYOUTS.len()],
            Layout::FirstMajor(rank) => DataLayout::first_major(rank.into()),
            Layout::Any(value) => DataLayout(value),
        };
        let numbers = |given: &Option<[Number; 4]>, slots: &mut [usize; 8]| {
            for (slot, number) in slots.iter_mut().zip(given.iter().flatten()) {
                *slot = number.get();
            }
        };
        numbers(&self.size, &mut desc.size);
        numbers(&self.stride, &mut desc.stride);
        if let Some(value) = self.data_type {
            desc.data_type = DataType(value);
        }
        if self.has_table {
            desc.table_data = Data::from(&[0.0; 4][..]);
        }
    }
}

fn floats(address: usize, shape: Vec<usize>, byte_strides: Vec<isize>) -> Memory {
    Memory {
        address,
        shape,
        byte_strides,
        element_bytes: 4,
        data_type: DataType::FLOAT32,
        type_name: "float32".to_owned(),
        writable: true,
    }
}

impl Array {
    fn descriptor<'a>(&self, place: usize) -> NDArrayDescriptor<'a> {
        let address = (place + 1) << 24;
        let (memory, described) = match self {
            Self::Absent => return NDArrayDescriptor::absent(),
            Self::InPlace => return NDArrayDescriptor::in_place(),
            Self::Large(described) => (floats(address, vec![1 << 20], vec![4]), described),
            Self::Shaped(shape, gap, described) => {
                let shape: Vec<usize> = shape.iter().take(5).map(|extent| extent.get()).collect();
                let mut byte_strides = vec![0; shape.len()];
                let mut next = 4_isize;
                for (slot, &extent) in byte_strides.iter_mut().zip(&shape).rev() {
                    *slot = next;
                    let row = next.saturating_mul(extent.try_into().unwrap_or(isize::MAX));
                    next = row.saturating_add(4 * isize::from(gap % 3));
                }
                (floats(address, shape, byte_strides), described)
            }
            Self::Anything(anything, described) => {
                let memory = Memory {
                    address: anything.address.get(),
                    shape: anything.shape.iter().map(|extent| extent.get()).collect(),
                    byte_strides: anything.byte_strides.iter().map(|n| n.get().cast_signed()).collect(),
                    element_bytes: anything.element_bytes.get(),
                    data_type: DataType(anything.data_type),
                    type_name: "anything".to_owned(),
                    writable: !anything.is_read_only,
                };
                (memory, described)
            }
        };
        let mut desc = NDArrayDescriptor::lent(memory);
        if !matches!(described.layout, Layout::Unspecified) || described.size.is_some() {
            desc.size = [0; 8];
        }
        described.apply(&mut desc);
        desc
    }
}

impl Data3 {
    fn descriptor<'a>(&self, place: usize) -> LSTMDataDescriptor<'a> {
        LSTMDataDescriptor {
            data_desc: self.data.descriptor(place),
            hidden_desc: self.hidden.descriptor(place + 1),
            cell_state_desc: self.cell.descriptor(place + 2),
        }
    }
}

impl Function {
    fn activation<'a>(self) -> Activation<'a> {
        let number = u32::from(self.number);
        let function = ActivationFunction(if self.is_absurd { number << 24 } else { number % 34 });
        Activation { iscale: self.iscale.into(), ..Activation::new(function, self.alpha, self.beta) }
    }
}

impl Gate {
    fn descriptor<'a>(&self, place: usize) -> LSTMGateDescriptor<'a> {
        LSTMGateDescriptor {
            iw_desc: [self.input.descriptor(place), self.upper.descriptor(place + 1)],
            hw_desc: self.hidden.descriptor(place + 2),
            cw_desc: self.cell.descriptor(place + 3),
            b_desc: self.bias.descriptor(place + 4),
            activation: self.activation.map(Function::activation),
        }
    }
}

impl Sequence {
    fn descriptor(&self) -> NDArrayDescriptor<'_> {
        let given = |integers, described: &Described| {
            let mut desc = NDArrayDescriptor::sequence(integers);
            described.apply(&mut desc);
            desc
        };
        match self {
            Self::Absent => NDArrayDescriptor::absent(),
            Self::Bytes(values, described) => given(Integers::U8(values), described),
            Self::Words(values, described) => given(Integers::I64(values), described),
            Self::Array(array) => array.descriptor(99),
        }
    }
}

impl Found {
    fn issue(self) -> Issue {
        let path = match self {
            Self::Size => Path::field("batch_size"),
            Self::Flags => Path::field("lstm_flags"),
            Self::Weights(index) => Path::field("input_gate").then("iw_desc").at(index.into()),
            Self::Output => Path::field("output_descriptor"),
        };
        Issue { path, code: Code::WrongType, expected: String::new(), actual: String::new() }
    }
}

/// Check the structure.
pub fn run(input: &Structure) {
    let [input_gate, forget_gate, candidate_gate, output_gate] = &input.gates;
    let params = LayerParametersLSTM {
        input_size: input.sizes[0].get(),
        hidden_size: input.sizes[1].get(),
        batch_size: input.sizes[2].get(),
        num_layers: input.sizes[3].get(),
        seq_len: input.sizes[4].get(),
        dropout: input.dropout,
        lstm_flags: match input.flags {
            Flags::None => LayerFlags::NONE,
            Flags::Known(bits) => LayerFlags(u32::from(bits % 4)),
            Flags::Any(bits) => LayerFlags(bits),
        },
        sequence_descriptor: input.sequence.descriptor(),
        input_descriptor: input.input.descriptor(0),
        output_descriptor: input.output.descriptor(3),
        input_gate: input_gate.descriptor(10),
        forget_gate: forget_gate.descriptor(20),
        candidate_gate: candidate_gate.descriptor(30),
        output_gate: output_gate.descriptor(40),
        hidden_activation: input.hidden_activation.map(Function::activation),
    };
    let filter = FilterParameters {
        flags: input.filter.0.into(),
        n_threads: input.filter.1.get(),
        ..Default::default()
    };
    match check(&params, &filter) {
        Ok(checked) => assert_inside(&params, &checked),
        Err(error) => assert!(!error.issues().is_empty() && !error.to_string().is_empty()),
    }
    let found: Vec<Issue> = input.found.iter().take(4).map(|found| found.issue()).collect();
    let before = found.clone();
    if let Err(error) = check_after(found, &params, &filter) {
        let issues = error.issues();
        assert!(before.iter().all(|issue| issues.contains(issue)), "a finding was lost");
        assert!(issues.iter().all(|issue| !issue.path.to_string().is_empty()));
    } else {
        assert!(before.is_empty(), "accepted after findings");
    }
}

fn assert_inside(params: &LayerParametersLSTM<'_>, checked: &Checked) {
    let arrays = checked.arrays();
    let (from, to) = (&params.input_descriptor, &params.output_descriptor);
    assert_binds(&from.data_desc, Some(&arrays.input));
    assert_binds(&from.hidden_desc, given(&arrays.initial_hidden));
    assert_binds(&from.cell_state_desc, given(&arrays.initial_cell));
    assert_binds(&to.data_desc, arrays.output.as_ref());
    assert_binds(&to.hidden_desc, arrays.final_hidden.as_ref());
    assert_binds(&to.cell_state_desc, arrays.final_cell.as_ref());
    for gate in bnns_lstm::Gate::ALL {
        let (desc, arrays) = (params.gate(gate), arrays.gates.get(gate));
        assert_binds(&desc.iw_desc[0], Some(&arrays.iw));
        assert_binds(&desc.iw_desc[1], arrays.iw_upper.as_ref());
        assert_binds(&desc.hw_desc, Some(&arrays.hw));
        assert_binds(&desc.cw_desc, arrays.cw.as_ref());
        assert_binds(&desc.b_desc, arrays.b.as_ref());
    }
}

fn given(state: &InitialState) -> Option<&Strided> {
    if let InitialState::Given(strided) = state { Some(strided) } else { None }
}

/// The field can be seen in an array of the memory's own extents and strides, which proves that none of its
/// elements lies outside. Claims of more than a few megabytes are believed.
fn assert_binds(desc: &NDArrayDescriptor<'_>, strided: Option<&Strided>) {
    let (Some(strided), Data::Lent(memory)) = (strided, &desc.data) else { return };
    let own: Vec<usize> = memory
        .shape
        .iter()
        .zip(&memory.byte_strides)
        .map(|(&extent, bytes)| if extent == 1 { 1 } else { bytes.unsigned_abs() / 4 })
        .collect();
    let count = memory.shape.iter().zip(&own).try_fold(1_usize, |sum, (&extent, &stride)| {
        sum.checked_add(extent.checked_sub(1)?.checked_mul(stride)?)
    });
    let Some(count) = count.filter(|&count| count <= 1 << 20) else { return };
    let backing = vec![0.0; count];
    let shape = IxDyn(&memory.shape).strides(IxDyn(&own));
    let view = ArrayViewD::from_shape(shape, &backing).expect("the memory is one that can exist");
    let path = || Path::field("params");
    let inside = match strided.shape().len() {
        3 => strided.bind::<Ix3>(path, view).is_ok(),
        _ => strided.bind::<Ix4>(path, view).is_ok(),
    };
    assert!(inside, "{strided:?} does not fit {memory:?}");
}
