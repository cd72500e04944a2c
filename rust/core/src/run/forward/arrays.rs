//! The caller's arrays, with the axes that running expects.
//!
//! In: the arrays that were checked. Out: [`Bound`] views, which split by rows, layers and directions so
//! that each task owns what it writes. It copies nothing.

use super::super::cache::Regions;
use crate::check::{Arrays, InitialState, Strided};
use crate::error::{Error, Path};
use crate::place::Place;
use crate::plan::Plan;
use ndarray::{
    ArrayView2, ArrayView3, ArrayView4, ArrayViewD, ArrayViewMut2, ArrayViewMut3, ArrayViewMut4,
    ArrayViewMut5, ArrayViewMutD, Axis, Dimension,
};

/// The arrays that a call reads, as they were checked.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The input sequence.
    pub data: ArrayViewD<'a, f32>,
    /// The initial hidden state; `None` for zeros and where it stands in the final state's memory.
    pub hidden: Option<ArrayViewD<'a, f32>>,
    /// The initial cell state; `None` for zeros and where it stands in the final state's memory.
    pub cell: Option<ArrayViewD<'a, f32>>,
}

impl Inputs<'_> {
    /// The same arrays, for a shorter time.
    pub(crate) fn view(&self) -> Inputs<'_> {
        Inputs {
            data: self.data.view(),
            hidden: self.hidden.as_ref().map(|array| array.view()),
            cell: self.cell.as_ref().map(|array| array.view()),
        }
    }
}

/// The arrays that a call writes, as they were checked.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// The output sequence, if wanted.
    pub data: Option<ArrayViewMutD<'a, f32>>,
    /// The final hidden state, if wanted.
    pub hidden: Option<ArrayViewMutD<'a, f32>>,
    /// The final cell state, if wanted.
    pub cell: Option<ArrayViewMutD<'a, f32>>,
}

/// As [`Inputs`], elements in C order.
#[derive(Debug, Clone, Copy)]
pub struct InputSlices<'a> {
    /// The input sequence, `[seq_len, batch, input_size]`.
    pub data: &'a [f32],
    /// The initial hidden state, `[layers, directions, batch, hidden]`; `None` as in [`Inputs`].
    pub hidden: Option<&'a [f32]>,
    /// The initial cell state, `[layers, directions, batch, hidden]`; `None` as in [`Inputs`].
    pub cell: Option<&'a [f32]>,
}

/// As [`Outputs`], elements in C order.
#[derive(Debug)]
pub struct OutputSlices<'a> {
    /// The output sequence, `[seq_len, batch, directions * hidden]`, if wanted.
    pub data: Option<&'a mut [f32]>,
    /// The final hidden state, `[layers, directions, batch, hidden]`, if wanted.
    pub hidden: Option<&'a mut [f32]>,
    /// The final cell state, `[layers, directions, batch, hidden]`, if wanted.
    pub cell: Option<&'a mut [f32]>,
}

/// An initial and a final state, `[layers, directions, rows, hidden]`.
#[derive(Debug)]
pub(super) struct States<'a> {
    initial: Option<ArrayView4<'a, f32>>,
    is_in_place: bool,
    last: Option<ArrayViewMut4<'a, f32>>,
}

/// The states of one layer and direction, `[rows, hidden]`.
#[derive(Debug)]
pub(super) struct TaskStates<'a> {
    pub(super) initial: Option<ArrayView2<'a, f32>>,
    /// The initial state is what the final state's memory holds.
    pub(super) is_in_place: bool,
    pub(super) last: Option<ArrayViewMut2<'a, f32>>,
}

/// All arrays of some batch rows.
#[derive(Debug)]
pub(super) struct Bound<'a> {
    /// `[seq_len, rows, input_size]`
    pub(super) input: ArrayView3<'a, f32>,
    /// `[seq_len, rows, directions * hidden_size]`
    pub(super) output: Option<ArrayViewMut3<'a, f32>>,
    pub(super) hidden: States<'a>,
    pub(super) cell: States<'a>,
    /// The training cache, if it is to be filled.
    pub(super) cache: Option<Regions<ArrayViewMut5<'a, u8>>>,
}

impl<'a> Bound<'a> {
    /// Bind the caller's arrays to what was checked.
    pub(super) fn new(
        plan: &Plan,
        inputs: Inputs<'a>,
        outputs: Outputs<'a>,
    ) -> Result<Self, Error> {
        let Arrays {
            input, initial_hidden, initial_cell, output, final_hidden, final_cell, ..
        } = plan.checked.arrays();
        Ok(Self {
            input: input.bind(from("data_desc"), inputs.data)?,
            output: bind_output(to("data_desc"), output.as_ref(), outputs.data)?,
            hidden: States {
                initial: bind_initial(from("hidden_desc"), initial_hidden, inputs.hidden)?,
                is_in_place: *initial_hidden == InitialState::InPlace,
                last: bind_output(to("hidden_desc"), final_hidden.as_ref(), outputs.hidden)?,
            },
            cache: None,
            cell: States {
                initial: bind_initial(from("cell_state_desc"), initial_cell, inputs.cell)?,
                is_in_place: *initial_cell == InitialState::InPlace,
                last: bind_output(to("cell_state_desc"), final_cell.as_ref(), outputs.cell)?,
            },
        })
    }

    /// As [`new`](Self::new), from elements in order.
    pub(super) fn from_slices(
        plan: &Plan,
        inputs: InputSlices<'a>,
        outputs: OutputSlices<'a>,
    ) -> Result<Self, Error> {
        let Arrays {
            input, initial_hidden, initial_cell, output, final_hidden, final_cell, ..
        } = plan.checked.arrays();
        let state = |name, initial: &InitialState, last, given, wanted| {
            let is_in_place = *initial == InitialState::InPlace;
            let initial = match (initial, given) {
                (InitialState::Given(planned), Some(given)) => {
                    Some(planned.bind_slice(from(name), given)?)
                }
                (InitialState::Zero | InitialState::InPlace, None) => None,
                (InitialState::Given(planned), None) => return Err(missing(from(name)(), planned)),
                (_, Some(given)) => return Err(surplus(from(name)(), &[given.len()])),
            };
            Ok(States { initial, is_in_place, last: slice_mut(to(name), last, wanted)? })
        };
        Ok(Self {
            input: input.bind_slice(from("data_desc"), inputs.data)?,
            output: slice_mut(to("data_desc"), output.as_ref(), outputs.data)?,
            hidden: state(
                "hidden_desc",
                initial_hidden,
                final_hidden.as_ref(),
                inputs.hidden,
                outputs.hidden,
            )?,
            cell: state(
                "cell_state_desc",
                initial_cell,
                final_cell.as_ref(),
                inputs.cell,
                outputs.cell,
            )?,
            cache: None,
        })
    }

    /// The first `rows` batch rows, and the others.
    pub(super) fn split_rows(self, rows: usize) -> (Self, Self) {
        let (input, input_rest) = self.input.split_at(Axis(1), rows);
        let (output, output_rest) = unzip(self.output.map(|output| output.split_at(Axis(1), rows)));
        let (hidden, hidden_rest) = self.hidden.split_rows(rows);
        let (cell, cell_rest) = self.cell.split_rows(rows);
        let (cache, cache_rest) = unzip(self.cache.map(|cache| cache.split_rows(rows)));
        (
            Self { input, output, hidden, cell, cache },
            Self {
                input: input_rest,
                output: output_rest,
                hidden: hidden_rest,
                cell: cell_rest,
                cache: cache_rest,
            },
        )
    }
}

impl States<'_> {
    fn split_rows(self, rows: usize) -> (Self, Self) {
        let is_in_place = self.is_in_place;
        let (initial, initial_rest) =
            unzip(self.initial.map(|initial| initial.split_at(Axis(2), rows)));
        let (last, last_rest) = unzip(self.last.map(|last| last.split_at(Axis(2), rows)));
        (
            Self { initial, is_in_place, last },
            Self { initial: initial_rest, is_in_place, last: last_rest },
        )
    }

    /// The states of one direction of a layer.
    pub(super) fn of_task(&mut self, place: Place) -> TaskStates<'_> {
        TaskStates {
            initial: self.initial.as_ref().map(|all| place.part_of(all.view())),
            is_in_place: self.is_in_place,
            last: self.last.as_mut().map(|all| place.part_of(all.view_mut())),
        }
    }
}

/// The two halves of an optional pair.
pub(super) fn unzip<A, B>(pair: Option<(A, B)>) -> (Option<A>, Option<B>) {
    pair.map_or((None, None), |(a, b)| (Some(a), Some(b)))
}

fn from(name: &'static str) -> impl FnOnce() -> Path {
    move || Path::field("input_descriptor").then(name)
}

fn to(name: &'static str) -> impl FnOnce() -> Path {
    move || Path::field("output_descriptor").then(name)
}

fn slice_mut<'a, D: Dimension>(
    path: impl FnOnce() -> Path,
    planned: Option<&Strided>,
    elements: Option<&'a mut [f32]>,
) -> Result<Option<ndarray::ArrayViewMut<'a, f32, D>>, Error> {
    match (planned, elements) {
        (Some(planned), Some(elements)) => planned.bind_slice_mut(path, elements).map(Some),
        (None, None) => Ok(None),
        (Some(planned), None) => Err(missing(path(), planned)),
        (None, Some(elements)) => Err(surplus(path(), &[elements.len()])),
    }
}

fn bind_initial<'a>(
    path: impl FnOnce() -> Path,
    planned: &InitialState,
    array: Option<ArrayViewD<'a, f32>>,
) -> Result<Option<ArrayView4<'a, f32>>, Error> {
    match (planned, array) {
        (InitialState::Given(planned), Some(array)) => planned.bind(path, array).map(Some),
        (InitialState::Zero | InitialState::InPlace, None) => Ok(None),
        (InitialState::Given(planned), None) => Err(missing(path(), planned)),
        (_, Some(array)) => Err(surplus(path(), array.shape())),
    }
}

fn bind_output<'a, D: Dimension>(
    path: impl FnOnce() -> Path,
    planned: Option<&Strided>,
    array: Option<ArrayViewMutD<'a, f32>>,
) -> Result<Option<ndarray::ArrayViewMut<'a, f32, D>>, Error> {
    match (planned, array) {
        (Some(planned), Some(array)) => planned.bind_mut(path, array).map(Some),
        (None, None) => Ok(None),
        (Some(planned), None) => Err(missing(path(), planned)),
        (None, Some(array)) => Err(surplus(path(), array.shape())),
    }
}

fn missing(path: Path, planned: &Strided) -> Error {
    let expected = format!("{:?}", planned.shape());
    Error::ArrayMismatch { path, expected, actual: "none".to_owned() }
}

fn surplus(path: Path, shape: &[usize]) -> Error {
    let actual = format!("{shape:?}");
    Error::ArrayMismatch { path, expected: "none".to_owned(), actual }
}
