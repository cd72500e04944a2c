//! How the tasks of a layer's parts exchange their states.
//!
//! In: the tasks of one thread, each with the new states of its units. Out: the states of all units in every task. It
//! does not know which threads have the others.

use super::super::threads::{Done, Exchange, SliceExchange, Units};
use super::shared::{HiddenExchange, SharedStates};
use super::task::Task;
use std::ops::Range;

/// A step of a span.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepNumber {
    /// How many steps of the span were computed before it.
    pub(super) number: usize,
    pub(super) step: usize,
}

impl SharedStates {
    /// Let all parts know each other's new hidden states.
    pub(super) fn exchange_hidden(&self, at: StepNumber, tasks: &mut [Task<'_>]) -> Done {
        match &self.hidden {
            HiddenExchange::Words(exchange) => exchange_words(exchange, at, tasks),
            HiddenExchange::Slices(exchange) => exchange_slices(exchange, at, tasks, |task| {
                (&mut task.state.hidden, task.plan.layer.shape.geometry.output_pitch)
            }),
        }
    }

    /// Let all parts know each other's new cell states, where peepholes see them.
    pub(super) fn exchange_cells(&self, at: StepNumber, tasks: &mut [Task<'_>]) -> Done {
        self.cells.iter().try_for_each(|exchange| {
            exchange_slices(exchange, at, tasks, |task| {
                (&mut task.state.cell, task.plan.layer.shape.geometry.cell_pitch)
            })
        })
    }
}

fn exchange_words(exchange: &Exchange, at: StepNumber, tasks: &mut [Task<'_>]) -> Done {
    let units_of = |task: &Task<'_>, blocks: &Range<usize>| Units {
        rows: task.group.active_at(at.step),
        range: task.plan.layer.units_of(blocks),
    };
    for task in tasks.iter() {
        exchange.publish(at.number, &units_of(task, &task.memory.blocks), &task.state.hidden);
    }
    for task in tasks.iter_mut() {
        for part in (0..task.plan.parts).filter(|&part| part != task.memory.part) {
            let units = units_of(task, &task.plan.part_blocks(part));
            exchange.receive(at.number, &units, &mut task.state.hidden)?;
        }
    }
    Ok(())
}

/// A slice holds the units of a part of all active rows, `[row][unit]`; `states` says which states, and their pitch.
fn exchange_slices(
    exchange: &SliceExchange,
    at: StepNumber,
    tasks: &mut [Task<'_>],
    states: impl for<'s> Fn(&'s mut Task<'_>) -> (&'s mut [f32], usize),
) -> Done {
    for task in tasks.iter_mut() {
        let units = task.plan.layer.units_of(&task.memory.blocks);
        let (part, rows) = (task.memory.part, task.group.active_at(at.step));
        let mut slice = std::mem::take(&mut task.memory.slice);
        let (from, pitch) = states(task);
        let from = (&*from, pitch);
        let published = exchange.publish_columns((part, at.number), &units, rows, from, &mut slice);
        task.memory.slice = slice;
        published?;
    }
    for task in tasks.iter_mut() {
        let (plan, own) = (task.plan, task.memory.part);
        // Each part begins with the one behind it, so that not all read the same one.
        for part in (own + 1..plan.parts).chain(0..own) {
            let units = plan.layer.units_of(&plan.part_blocks(part));
            exchange.read_columns((part, at.number), &units, states(task))?;
        }
    }
    Ok(())
}
