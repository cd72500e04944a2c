//! Copies between the caller's strided arrays and rows of the workspace.
//!
//! In: views and rows at a pitch. Out: the same numbers on the other side. It computes nothing.

use super::super::rows::{read_row, write_row};
use super::arrays::TaskStates;
use crate::error::Broken;
use crate::plan::Group;
use ndarray::{ArrayView3, ArrayViewMut3, Axis, Slice};
use std::ops::Range;

/// The inputs of the active rows of some steps, `[seq_len, rows, inputs]` to `[row][input]`.
pub(super) fn gather_input(
    input: &ArrayView3<'_, f32>,
    group: &Group,
    steps: Range<usize>,
    to: &mut [f32],
) -> Result<(), Broken> {
    let width = input.len_of(Axis(2));
    let mut rows = to.chunks_exact_mut(width);
    if rows.len() < group.rows_of(&steps) {
        return Err(Broken("fewer rows for inputs than a chunk has"));
    }
    if let Some(elements) = input.as_slice() {
        let of_step = width * input.len_of(Axis(1));
        for step in steps {
            let from = elements[step * of_step..][..of_step].chunks_exact(width);
            let active = rows.by_ref().take(group.active_at(step));
            from.zip(active).for_each(|(from, to)| to.copy_from_slice(from));
        }
        return Ok(());
    }
    for step in steps {
        let at_step = input.index_axis(Axis(0), step);
        let active = rows.by_ref().take(group.active_at(step));
        at_step.outer_iter().zip(active).for_each(|(row, to)| read_row(row, to));
    }
    Ok(())
}

/// The outputs of some steps, `[row][unit]` to `[seq_len, rows, hidden]`; zero for inactive rows.
pub(super) fn scatter_output(
    output: &mut ArrayViewMut3<'_, f32>,
    group: &Group,
    steps: Range<usize>,
    from: &[f32],
    pitch: usize,
) -> Result<(), Broken> {
    let mut rows = from.chunks(pitch);
    if rows.len() < group.rows_of(&steps) {
        return Err(Broken("fewer rows of outputs than a chunk has"));
    }
    let (width, of_step) =
        (output.len_of(Axis(2)), output.len_of(Axis(1)) * output.len_of(Axis(2)));
    if let Some(elements) = output.as_slice_mut() {
        for step in steps {
            let active = group.active_at(step) * width;
            let (to, inactive) = elements[step * of_step..][..of_step].split_at_mut(active);
            let rows = rows.by_ref().take(group.active_at(step));
            to.chunks_exact_mut(width).zip(rows).for_each(|(to, row)| {
                to.copy_from_slice(&row[..width]);
            });
            inactive.fill(0.0);
        }
        return Ok(());
    }
    for step in steps {
        let (at_step, active) = (output.index_axis_mut(Axis(0), step), group.active_at(step));
        let (mut active_rows, mut inactive) = at_step.split_at(Axis(0), active);
        let rows = rows.by_ref().take(active);
        active_rows.outer_iter_mut().zip(rows).for_each(|(to, row)| write_row(row, to));
        inactive.fill(0.0);
    }
    Ok(())
}

/// The initial state of each row, `[rows, hidden]` to rows `pitch` floats apart; zeros where there is none.
pub(super) fn load_state(states: &TaskStates<'_>, to: &mut [f32], pitch: usize) {
    let in_place = states.last.as_ref().filter(|_| states.is_in_place).map(|last| last.view());
    let Some(initial) = states.initial.or(in_place) else {
        return to.fill(0.0);
    };
    for (row, to) in initial.outer_iter().zip(to.chunks_exact_mut(pitch)) {
        let (real, padding) = to.split_at_mut(row.len());
        read_row(row, real);
        padding.fill(0.0);
    }
}

/// Some units of the final state of each row, from rows `pitch` floats apart to `[rows, hidden]`.
pub(super) fn store_state(
    states: &mut TaskStates<'_>,
    from: &[f32],
    pitch: usize,
    units: &Range<usize>,
) {
    if let Some(last) = &mut states.last {
        let mut last = last.slice_axis_mut(Axis(1), Slice::from(units.clone()));
        for (to, row) in last.outer_iter_mut().zip(from.chunks_exact(pitch)) {
            write_row(&row[units.start..], to);
        }
    }
}
