//! The states that the parts of a layer see of each other.
//!
//! In: the parts of one direction, each with its new states. Out: every part with the states of all units. A row
//! or two go as single words, which travel fastest; more rows as whole slices, which travel cheapest. It does not
//! know threads.

use super::super::threads::{Exchange, SliceExchange, Units};
use super::task::Task;
use crate::aligned::Aligned;
use crate::error::{Broken, Error};
use crate::plan::GroupSizes;
use std::ops::Range;

/// Where the parts of one direction of a layer exchange their states.
#[derive(Debug)]
pub(in crate::run) struct SharedStates {
    hidden: HiddenExchange,
    /// Where full peepholes see the cell states of all units.
    cells: Option<SliceExchange>,
}

/// How hidden states travel.
#[derive(Debug)]
enum HiddenExchange {
    Words(Exchange),
    Slices(SliceExchange),
}

impl SharedStates {
    pub(super) fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        let parts = sizes.parts.len();
        let slices = || SliceExchange::new(parts, sizes.slice);
        let hidden = if sizes.exchanges_slices {
            HiddenExchange::Slices(slices()?)
        } else {
            HiddenExchange::Words(Exchange::new(sizes.rows, sizes.output_pitch)?)
        };
        let cells = sizes.exchanges_cells.then(slices).transpose()?;
        Ok(Self { hidden, cells })
    }

    /// Begin a sequence of `steps` steps.
    pub(super) fn begin(&mut self, steps: usize) {
        match &mut self.hidden {
            HiddenExchange::Words(exchange) => exchange.begin(steps),
            HiddenExchange::Slices(exchange) => exchange.begin(),
        }
        self.cells.iter_mut().for_each(SliceExchange::begin);
    }

    /// Nobody waits for a part that has left.
    pub(super) fn abandon(&self) {
        match &self.hidden {
            HiddenExchange::Words(exchange) => exchange.abandon(),
            HiddenExchange::Slices(exchange) => exchange.abandon(),
        }
        self.cells.iter().for_each(SliceExchange::abandon);
    }

    /// Whether steps stop at the new cell states, so that all parts see them.
    pub(super) fn has_cells(&self) -> bool {
        self.cells.is_some()
    }

    /// Let all parts know each other's new hidden states, of the step `step`, number `number` of the span.
    pub(super) fn exchange_hidden(
        &self,
        (number, step): (usize, usize),
        tasks: &mut [Task<'_>],
    ) -> Result<(), Broken> {
        let pitch = match tasks.first() {
            Some(task) => task.plan.layer.shape.geometry.output_pitch,
            None => return Ok(()),
        };
        match &self.hidden {
            HiddenExchange::Words(exchange) => exchange_words(exchange, (number, step), tasks),
            HiddenExchange::Slices(exchange) => {
                exchange_slices(exchange, (number, step), tasks, pitch, |task| {
                    &mut task.state.hidden
                })
            }
        }
    }

    /// Let all parts know each other's new cell states.
    pub(super) fn exchange_cells(
        &self,
        (number, step): (usize, usize),
        tasks: &mut [Task<'_>],
    ) -> Result<(), Broken> {
        match (&self.cells, tasks.first()) {
            (Some(exchange), Some(task)) => {
                let pitch = task.plan.layer.shape.geometry.cell_pitch;
                exchange_slices(exchange, (number, step), tasks, pitch, |task| &mut task.state.cell)
            }
            (None, _) | (_, None) => Ok(()),
        }
    }
}

fn exchange_words(
    exchange: &Exchange,
    (number, step): (usize, usize),
    tasks: &mut [Task<'_>],
) -> Result<(), Broken> {
    let units_of = |task: &Task<'_>, blocks: &Range<usize>| Units {
        rows: task.group.active_at(step),
        range: task.plan.layer.units_of(blocks),
    };
    for task in tasks.iter() {
        exchange.publish(number, &units_of(task, &task.memory.blocks), &task.state.hidden);
    }
    for task in tasks.iter_mut() {
        for part in 0..task.plan.parts {
            let blocks = task.plan.part_blocks(part);
            if blocks != task.memory.blocks {
                let units = units_of(task, &blocks);
                exchange.receive(number, &units, &mut task.state.hidden)?;
            }
        }
    }
    Ok(())
}

/// A slice holds the units of a part of all active rows, `[row][unit]`.
fn exchange_slices(
    exchange: &SliceExchange,
    (number, step): (usize, usize),
    tasks: &mut [Task<'_>],
    pitch: usize,
    states: impl for<'s> Fn(&'s mut Task<'_>) -> &'s mut Aligned,
) -> Result<(), Broken> {
    for task in tasks.iter_mut() {
        let (rows, units) =
            (task.group.active_at(step), task.plan.layer.units_of(&task.memory.blocks));
        let mut slice = std::mem::take(&mut task.memory.slice);
        let from = states(task).chunks(pitch).take(rows);
        for (from, to) in from.zip(slice.chunks_exact_mut(units.len())) {
            to.copy_from_slice(&from[units.clone()]);
        }
        let published = exchange.publish(task.memory.part, number, &slice[..rows * units.len()]);
        task.memory.slice = slice;
        published?;
    }
    for task in tasks.iter_mut() {
        let (parts, own, rows) = (task.plan.parts, task.memory.part, task.group.active_at(step));
        // Each part begins with the one behind it, so that not all read the same one.
        for part in (own + 1..parts).chain(0..own) {
            let units = task.plan.layer.units_of(&task.plan.part_blocks(part));
            let to = states(task).chunks_mut(pitch).take(rows);
            exchange.read(part, number, |slice| {
                for (to, from) in to.zip(slice.chunks_exact(units.len())) {
                    to[units.clone()].copy_from_slice(from);
                }
            })?;
        }
    }
    Ok(())
}
