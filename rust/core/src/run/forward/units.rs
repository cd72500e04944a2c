//! One direction of one layer by several threads, each with a part of the hidden units.
//!
//! In: a task for each part, over the same steps, and where they exchange. Out: what the tasks give, to the
//! bit what one task gives.
//!
//! Nobody waits for a thread to wake up. The calling thread, the leading one, has part 0; each other part lies
//! in an [`Awaited`], from which either side may take it:
//!
//! ```text
//! another thread     comes before the end of the first step: takes its part, computes it to the end
//!                    comes later: says so (`is_awaited`), waits, and takes its part once it lies there again
//! leading thread     after the first step: takes all parts that still lie there, and computes them as well
//!                    after each step: puts a part back for which a thread has come, at the step reached
//! ```
//!
//! All parts of a thread are at the same step. Before each step every part needs the others' hidden states of
//! the step before ([`SharedStates`]), so that no thread can be more than one step ahead of another. Where full
//! peepholes see the cell states of all units, a step stops at the new ones and they are exchanged as well.

use super::super::chunk::Chunk;
use super::super::threads::{Awaited, End, Threads};
use super::exchange::StepNumber;
use super::shared::SharedStates;
use super::task::Task;
use crate::error::Broken;
use crate::kernel::Half;
use crate::place::Direction;
use std::sync::atomic::AtomicBool;

/// Run the parts of one direction of a layer.
pub(super) fn run_parts(
    threads: &Threads<'_>,
    exchange: &SharedStates,
    mut parts: Vec<Task<'_>>,
) -> Result<(), Broken> {
    let others: Vec<_> =
        parts.split_off(1).into_iter().map(|task| Part::new((task, Position::default()))).collect();
    let is_over = AtomicBool::new(false);
    let lead = || {
        let _end = End(&is_over);
        Member { threads, exchange, tasks: parts, position: Position::default(), others: &others }
            .run()
    };
    threads.lead(others.len(), lead, |number| match others[number].wait(&is_over) {
        Some((task, position)) => {
            Member { threads, exchange, tasks: vec![task], position, others: &[] }.run()
        }
        None => Ok(()),
    })
}

/// A part, and how far it has come, which the leading thread computes until another one comes for it.
type Part<'t> = Awaited<(Task<'t>, Position)>;

/// How far a part has come.
#[derive(Debug, Clone, Default)]
struct Position {
    /// The chunk of steps that was begun; none before the first step.
    chunk: Option<Chunk>,
    /// Steps of it that are done.
    done: usize,
    /// Steps of the whole span that are done.
    number: usize,
}

/// One thread.
struct Member<'m, 't> {
    threads: &'m Threads<'m>,
    exchange: &'m SharedStates,
    /// Its parts, all at the same position.
    tasks: Vec<Task<'t>>,
    position: Position,
    /// Parts that it computes until other threads come for them.
    others: &'m [Part<'t>],
}

/// Should a computation panic, nobody waits for its thread.
impl Drop for Member<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.exchange.abandon();
        }
    }
}

impl Member<'_, '_> {
    /// All steps that are left. Whoever finds something broken tells the others not to wait for it.
    fn run(mut self) -> Result<(), Broken> {
        let done = self.steps();
        if done.is_err() {
            self.exchange.abandon();
        }
        done
    }

    fn steps(&mut self) -> Result<(), Broken> {
        let task = self.tasks.first().ok_or(NO_TASK)?;
        let (span, all) = (task.span.len(), task.plan.config().seq_len);
        while self.position.number < span {
            if self.position.number > 0 {
                self.threads.look()?;
            }
            let chunk = self.chunk()?;
            let step = self.step_of(&chunk)?;
            let half = self.first_half();
            self.tasks.iter_mut().try_for_each(|task| task.recur_one(&chunk, step, half))?;
            // Other threads may come for their parts until the first step, or half of it, is done; what is left
            // then is computed here.
            if self.position.number == 0 {
                self.take_over(&chunk, step)?;
            }
            let at = StepNumber { number: self.position.number, step };
            if half == Half::Cells {
                self.exchange.exchange_cells(at, &mut self.tasks)?;
                let mut tasks = self.tasks.iter_mut();
                tasks.try_for_each(|task| task.recur_one(&chunk, step, Half::Outputs))?;
            }
            // Nobody needs the hidden states after the last step of all.
            if self.position.number + 1 < span || span < all {
                self.exchange.exchange_hidden(at, &mut self.tasks)?;
            }
            self.position.done += 1;
            self.position.number += 1;
            if self.position.done == chunk.steps.len() {
                self.tasks.iter_mut().try_for_each(|task| task.deliver(&chunk))?;
            }
            if self.position.number < span {
                self.hand_over();
            }
        }
        Ok(())
    }

    /// The chunk that the next step belongs to; its inputs have been taken.
    fn chunk(&mut self) -> Result<Chunk, Broken> {
        let Self { tasks, position, .. } = self;
        let begun = position.chunk.as_ref().filter(|chunk| position.done < chunk.steps.len());
        if let Some(chunk) = begun {
            return Ok(chunk.clone());
        }
        let chunk = tasks.first().ok_or(NO_TASK)?.next_chunk(position.number);
        tasks.iter_mut().try_for_each(|task| task.begin_chunk(&chunk))?;
        position.chunk = Some(chunk.clone());
        position.done = 0;
        Ok(chunk)
    }

    /// The next step in reading order.
    fn step_of(&self, chunk: &Chunk) -> Result<usize, Broken> {
        let done = self.position.done;
        Ok(match self.tasks.first().ok_or(NO_TASK)?.reading() {
            Direction::Forward => chunk.steps.start + done,
            Direction::Backward => chunk.steps.end - 1 - done,
        })
    }

    /// What of a step is computed at once.
    fn first_half(&self) -> Half {
        if self.exchange.has_cells() { Half::Cells } else { Half::Whole }
    }

    /// Take the parts that no thread has come for, and bring them to where the own parts are: behind the
    /// first step.
    fn take_over(&mut self, chunk: &Chunk, step: usize) -> Result<(), Broken> {
        for part in self.others {
            if let Some((mut task, _)) = part.take() {
                task.begin_chunk(chunk)?;
                task.recur_one(chunk, step, self.first_half())?;
                self.tasks.push(task);
            }
        }
        Ok(())
    }

    /// Give the parts for which a thread has come to it.
    fn hand_over(&mut self) {
        for (index, part) in self.others.iter().enumerate() {
            if part.is_awaited() {
                // The leading thread has part 0, the others follow.
                let own = self.tasks.iter().position(|task| task.memory.part == index + 1);
                let Some(own) = own else { continue };
                part.give((self.tasks.swap_remove(own), self.position.clone()));
            }
        }
    }
}

const NO_TASK: Broken = Broken("a thread without a part of the units");
