//! Any structure at all.
//!
//! In: bytes of a fuzzer. Out: a structure whose arrays are measurements without memory, in which anything
//! can be wrong. [`run`] checks it: no panic, and what is accepted lies inside of its memory.

use super::descriptor::{Array, Described, Number};
use arbitrary::Arbitrary;
use bnns_lstm::binding::{Checked, Lent, Strided, check, check_after};
use bnns_lstm::{
    Activation, ActivationFunction, Code, Coupled, Data, FilterParameters, Integers, Issue,
    LSTMDataDescriptor, LSTMExtensions, LSTMGateDescriptor, LayerFlags, LayerParametersLSTM,
    NDArrayDescriptor, Path,
};
use ndarray::{ArrayViewD, Ix3, Ix4, IxDyn, ShapeBuilder};
use std::sync::LazyLock;

/// A valid structure and what is changed in it.
#[derive(Debug, Arbitrary)]
pub struct Structure {
    sizes: Sizes,
    dropout: Option<f32>,
    flags: Flags,
    sequence: Sequence,
    /// New activations of the gates and of the hidden state.
    functions: Vec<(u8, Option<Function>)>,
    /// New arrays, by their position in the structure.
    arrays: Vec<(u8, Array)>,
    filter: Option<(u8, Number)>,
    extensions: Option<Extensions>,
    found: Vec<Found>,
}

#[derive(Debug, Arbitrary)]
enum Sizes {
    Small([u8; 5]),
    Any([Number; 5]),
}

impl Sizes {
    fn get(&self) -> [usize; 5] {
        match self {
            Self::Small(sizes) => sizes.map(|size| 1 + usize::from(size % 4)),
            Self::Any(sizes) => sizes.map(Number::get),
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

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Function {
    number: u8,
    is_absurd: bool,
    alpha: f32,
    beta: f32,
    iscale: i8,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Extensions {
    cell_clip: Option<f32>,
    gate_clip: Option<f32>,
    gate_clip_hidden: bool,
    /// Which gates are coupled, and what is said of a projection.
    coupled: u8,
    /// Whether the gate that another one gives has nothing of its own, as it should be.
    is_empty: bool,
    reverse: bool,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Found {
    Size,
    Flags,
    Weights(u8),
    Output,
    Extensions,
}

impl Function {
    fn activation<'a>(self) -> Activation<'a> {
        let number = u32::from(self.number);
        let function = ActivationFunction(if self.is_absurd { number << 24 } else { number % 34 });
        Activation {
            iscale: self.iscale.into(),
            ..Activation::new(function, self.alpha, self.beta)
        }
    }
}

impl Extensions {
    fn apply(self, params: &mut LayerParametersLSTM<'_>) {
        let Self { cell_clip, gate_clip, gate_clip_hidden, reverse, .. } = self;
        let (coupled, gate) = match self.coupled % 3 {
            0 => (None, None),
            1 => (Some(Coupled::Forget), Some(&mut params.forget_gate)),
            _ => (Some(Coupled::Input), Some(&mut params.input_gate)),
        };
        if let Some(gate) = gate.filter(|_| self.is_empty) {
            *gate = LSTMGateDescriptor::default();
        }
        let size = params.hidden_size;
        let projection_size = match self.coupled / 3 % 5 {
            0 => None,
            1 => Some(size),
            2 => Some(size / 2),
            3 => Some(1),
            _ => Some(size.wrapping_add(1)),
        };
        let has_weights = self.coupled / 15 % 2 == 1;
        let projection_desc = if has_weights {
            Array::Large(Described::default()).descriptor(48)
        } else {
            NDArrayDescriptor::absent()
        };
        params.extensions = Some(LSTMExtensions {
            cell_clip,
            gate_clip,
            gate_clip_hidden,
            coupled,
            reverse,
            projection_size,
            projection_desc,
        });
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
            Self::Extensions => Path::field("extensions").then("coupled"),
        };
        Issue { path, code: Code::WrongType, expected: String::new(), actual: String::new() }
    }
}

fn valid<'a>() -> LayerParametersLSTM<'a> {
    let large = |place| Array::Large(Described::default()).descriptor(place);
    let data = |place| LSTMDataDescriptor {
        data_desc: large(place),
        hidden_desc: large(place + 1),
        cell_state_desc: large(place + 2),
    };
    let gate = |place| LSTMGateDescriptor {
        iw_desc: [large(place), large(place + 1)],
        hw_desc: large(place + 2),
        cw_desc: large(place + 3),
        b_desc: large(place + 4),
        activation: Some(Activation::tanh()),
    };
    LayerParametersLSTM {
        input_descriptor: data(0),
        output_descriptor: data(3),
        input_gate: gate(10),
        forget_gate: gate(20),
        candidate_gate: gate(30),
        output_gate: gate(40),
        hidden_activation: Some(Activation::tanh()),
        ..Default::default()
    }
}

/// The array at a position of the structure.
fn array_at<'p, 'a>(
    params: &'p mut LayerParametersLSTM<'a>,
    position: u8,
) -> &'p mut NDArrayDescriptor<'a> {
    let gate = match position / 8 % 4 {
        0 => &mut params.input_gate,
        1 => &mut params.forget_gate,
        2 => &mut params.candidate_gate,
        _ => &mut params.output_gate,
    };
    let data = if position & 8 == 0 {
        &mut params.input_descriptor
    } else {
        &mut params.output_descriptor
    };
    match position % 8 {
        0 => &mut gate.iw_desc[0],
        1 => &mut gate.iw_desc[1],
        2 => &mut gate.hw_desc,
        3 => &mut gate.cw_desc,
        4 => &mut gate.b_desc,
        5 => &mut data.data_desc,
        6 => &mut data.hidden_desc,
        _ => &mut data.cell_state_desc,
    }
}

fn build(input: &Structure) -> LayerParametersLSTM<'_> {
    let mut params = valid();
    let [input_size, hidden_size, batch_size, num_layers, seq_len] = input.sizes.get();
    params =
        LayerParametersLSTM { input_size, hidden_size, batch_size, num_layers, seq_len, ..params };
    params.dropout = input.dropout.unwrap_or(0.5);
    params.lstm_flags = match input.flags {
        Flags::None => LayerFlags::NONE,
        Flags::Known(bits) => LayerFlags(u32::from(bits % 4)),
        Flags::Any(bits) => LayerFlags(bits),
    };
    params.sequence_descriptor = input.sequence.descriptor();
    for &(position, function) in &input.functions {
        let slot = match position % 5 {
            0 => &mut params.input_gate.activation,
            1 => &mut params.forget_gate.activation,
            2 => &mut params.candidate_gate.activation,
            3 => &mut params.output_gate.activation,
            _ => &mut params.hidden_activation,
        };
        *slot = function.map(Function::activation);
    }
    for (number, (position, array)) in input.arrays.iter().enumerate() {
        *array_at(&mut params, *position) = array.descriptor(50 + number);
    }
    if let Some(extensions) = input.extensions {
        extensions.apply(&mut params);
    }
    params
}

/// Check the structure, and say whether it was accepted.
pub fn run(input: &Structure) -> bool {
    let params = build(input);
    let mut filter = FilterParameters::default();
    if let Some((flags, threads)) = input.filter {
        (filter.flags, filter.n_threads) = (flags.into(), threads.get());
    }
    let outcome = check(&params, &filter);
    match &outcome {
        Ok(checked) => assert_inside(&params, checked),
        Err(error) => {
            assert!(!error.issues().is_empty() && !error.to_string().is_empty());
            assert!(error.issues().iter().all(|issue| !issue.path.to_string().is_empty()));
        }
    }
    let found: Vec<Issue> = input.found.iter().take(4).map(|found| found.issue()).collect();
    if !found.is_empty() {
        let after = check_after(found.clone(), &params, &filter);
        let error = after.expect_err("accepted after findings");
        let issues = error.issues();
        assert!(found.iter().all(|issue| issues.contains(issue)), "a finding was lost");
        assert!(issues.iter().all(|issue| !issue.path.to_string().is_empty()));
    }
    outcome.is_ok()
}

fn assert_inside(params: &LayerParametersLSTM<'_>, checked: &Checked) {
    let arrays = checked.arrays();
    params.input_descriptor.fields().zip(arrays.input.as_ref()).map(|_, (desc, array)| {
        assert_binds(desc, array.given());
    });
    params.output_descriptor.fields().zip(arrays.output.as_ref()).map(|_, (desc, array)| {
        assert_binds(desc, array.as_ref());
    });
    if let Some(extensions) = &params.extensions {
        assert_binds(&extensions.projection_desc, arrays.weights.projection.as_ref());
    }
    params.gates().zip(arrays.weights.gates.as_ref()).map(|_, (desc, arrays)| {
        desc.fields()
            .zip(arrays.as_ref())
            .map(|_, (desc, array)| assert_binds(desc, array.as_ref()))
    });
}

/// What is accepted is seen in this memory. It is never touched, so that it costs a run nothing.
static BACKING: LazyLock<Vec<f32>> = LazyLock::new(|| vec![0.0; 1 << 24]);

/// The field can be seen in an array of the memory's own extents and strides, which proves that none of its
/// elements lies outside. Claims of more than 64 MiB are believed.
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
    let Some(backing) = count.and_then(|count| BACKING.get(..count)) else { return };
    let shape = IxDyn(&memory.shape).strides(IxDyn(&own));
    let view = ArrayViewD::from_shape(shape, backing).expect("the memory is one that can exist");
    let path = || Path::field("params");
    let inside = match strided.shape().len() {
        3 => strided.bind::<Ix3>(path, Lent::Strided(view)).is_ok(),
        _ => strided.bind::<Ix4>(path, Lent::Strided(view)).is_ok(),
    };
    assert!(inside, "{strided:?} does not fit {memory:?}");
}
