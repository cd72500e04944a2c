//! The caller's arrays, with the axes that running expects.
//!
//! In: the arrays that were checked. Out: [`Bound`] views, which split by rows, layers and directions so
//! that each task owns what it writes. It copies nothing.

use super::super::cache::Regions;
use super::groups::SplitRows;
use crate::check::{Arrays, InputArray, Lent, LentMut, bind, bind_mut, bind_required};
use crate::error::{Error, Path};
use crate::fields::{DataField, DataFields, Side};
use crate::place::Place;
use crate::plan::Plan;
use ndarray::{
    ArrayView2, ArrayView3, ArrayView4, ArrayViewMut2, ArrayViewMut3, ArrayViewMut4, ArrayViewMut5,
    Axis,
};

/// The arrays that a call reads, as they were checked. States are `None` for zeros and where they stand in the
/// final state's memory.
pub type Inputs<'a> = DataFields<Option<Lent<'a>>>;

/// The arrays that a call writes, as they were checked; `None` for what is not wanted.
pub type Outputs<'a> = DataFields<Option<LentMut<'a>>>;

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
        let Arrays { input, output, .. } = plan.checked.arrays();
        let data = DataField::Data;
        Ok(Self {
            input: bind_required(from(data), input.data.given(), inputs.data)?,
            output: bind_mut(to(data), output.data.as_ref(), outputs.data)?,
            hidden: States {
                initial: bind(from(DataField::Hidden), input.hidden.given(), inputs.hidden)?,
                is_in_place: input.hidden == InputArray::InPlace,
                last: bind_mut(to(DataField::Hidden), output.hidden.as_ref(), outputs.hidden)?,
            },
            cell: States {
                initial: bind(from(DataField::Cell), input.cell.given(), inputs.cell)?,
                is_in_place: input.cell == InputArray::InPlace,
                last: bind_mut(to(DataField::Cell), output.cell.as_ref(), outputs.cell)?,
            },
            cache: None,
        })
    }
}

impl SplitRows for Bound<'_> {
    fn split_rows(self, rows: usize) -> (Self, Self) {
        let (input, input_rest) = self.input.split_at(Axis(1), rows);
        let (output, output_rest) =
            self.output.map(|output| output.split_at(Axis(1), rows)).unzip();
        let (hidden, hidden_rest) = self.hidden.split_rows(rows);
        let (cell, cell_rest) = self.cell.split_rows(rows);
        let (cache, cache_rest) = self.cache.map(|cache| cache.split_rows(rows)).unzip();
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
            self.initial.map(|initial| initial.split_at(Axis(2), rows)).unzip();
        let (last, last_rest) = self.last.map(|last| last.split_at(Axis(2), rows)).unzip();
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

fn from(field: DataField) -> impl Fn() -> Path {
    move || field.path(&Path::default(), Side::Input)
}

fn to(field: DataField) -> impl Fn() -> Path {
    move || field.path(&Path::default(), Side::Output)
}
