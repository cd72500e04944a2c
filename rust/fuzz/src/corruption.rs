//! What can be wrong in a structure that computes.
//!
//! In: bytes of a fuzzer. Out: a field of a structure that says something else. It does not know whether
//! that is an error.

use arbitrary::Arbitrary;
use bnns_lstm::{
    Activation, ActivationFunction, Coupled, Data, DataLayout, DataType, LSTMExtensions,
    LayerFlags, LayerParametersLSTM, NDArrayDescriptor,
};
use ndarray::{Axis, Slice};

/// A change of one field; arrays by their position, values small.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Corruption {
    Size(u8, u8, u8),
    Stride(u8, u8, u8),
    Layout(u8, u8),
    Type(u8),
    Absent(u8),
    InPlace(u8),
    LayerSize(u8, u8),
    Flags(u8),
    Function(u8),
    Extensions(u8, u8),
    /// The array loses some of the elements of its first axis.
    Shorten(u8, u8),
}

impl Corruption {
    /// Change the field.
    pub fn apply(self, params: &mut LayerParametersLSTM<'_>) {
        match self {
            Self::Size(array, index, value) => {
                array_at(params, array).size[usize::from(index % 4)] = value.into();
            }
            Self::Stride(array, index, value) => {
                array_at(params, array).stride[usize::from(index % 4)] = value.into();
            }
            Self::Layout(array, value) => {
                let (rank, kind) = (u32::from(value % 5), u32::from(value / 5 % 3));
                array_at(params, array).layout =
                    DataLayout(rank << 16 | [0, 0x8000, 0x8001][kind as usize]);
            }
            Self::Type(array) => array_at(params, array).data_type = DataType::FLOAT16,
            Self::Absent(array) => *array_at(params, array) = NDArrayDescriptor::absent(),
            Self::InPlace(array) => *array_at(params, array) = NDArrayDescriptor::in_place(),
            Self::Shorten(array, by) => match &mut array_at(params, array).data {
                Data::Read(view) => {
                    view.slice_axis_inplace(Axis(0), but_last(view.len_of(Axis(0)), by));
                }
                Data::Write(view) => {
                    view.slice_axis_inplace(Axis(0), but_last(view.len_of(Axis(0)), by));
                }
                _ => {}
            },
            Self::LayerSize(which, value) => {
                let slot = match which % 5 {
                    0 => &mut params.input_size,
                    1 => &mut params.hidden_size,
                    2 => &mut params.batch_size,
                    3 => &mut params.num_layers,
                    _ => &mut params.seq_len,
                };
                *slot = usize::from(value % 10);
            }
            Self::Flags(value) => params.lstm_flags = LayerFlags(u32::from(value % 5)),
            Self::Extensions(bits, value) => {
                let clip = [1.5, 0.0, f32::NAN, f32::INFINITY][usize::from(value % 4)];
                let has = |bit: u8| bits >> bit & 1 == 1;
                params.extensions = has(0).then_some(LSTMExtensions {
                    cell_clip: has(1).then_some(clip),
                    gate_clip: has(2).then_some(clip),
                    gate_clip_hidden: has(3),
                    coupled: has(4).then_some(Coupled::Forget),
                    reverse: has(5),
                    projection_size: has(6).then_some(usize::from(value)),
                    ..LSTMExtensions::default()
                });
            }
            Self::Function(value) => {
                let function = ActivationFunction(u32::from(value % 40));
                params.candidate_gate.activation = Some(Activation::new(function, f32::NAN, 0.5));
            }
        }
    }
}

/// All but a few of the last elements of an axis.
fn but_last(len: usize, by: u8) -> Slice {
    Slice::from(..len.saturating_sub(usize::from(by % 4)))
}

/// The array at a position of the structure.
fn array_at<'p, 'a>(
    params: &'p mut LayerParametersLSTM<'a>,
    position: u8,
) -> &'p mut NDArrayDescriptor<'a> {
    let gate = match position / 16 % 4 {
        0 => &mut params.input_gate,
        1 => &mut params.forget_gate,
        2 => &mut params.candidate_gate,
        _ => &mut params.output_gate,
    };
    let (from, to) = (&mut params.input_descriptor, &mut params.output_descriptor);
    match position % 12 {
        0 => &mut from.data_desc,
        1 => &mut from.hidden_desc,
        2 => &mut from.cell_state_desc,
        3 => &mut to.data_desc,
        4 => &mut to.hidden_desc,
        5 => &mut to.cell_state_desc,
        6 => &mut params.sequence_descriptor,
        7 => &mut gate.iw_desc[0],
        8 => &mut gate.iw_desc[1],
        9 => &mut gate.hw_desc,
        10 => &mut gate.cw_desc,
        _ => &mut gate.b_desc,
    }
}
