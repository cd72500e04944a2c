//! One direction of one layer by several threads, each with a part of the hidden units.
//!
//! In: a task for each part, over the same steps, and where they exchange. Out: what the tasks give, to the
//! bit what one task gives. Nobody waits for a thread to wake up: the leading thread computes the parts
//! that no other has come for, and hands them over, between two steps, once one has.

use super::exchange::Exchange;
use super::pool::{Crew, End, NAP, Seat, spin_until};
use super::task::Task;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Run the parts of one direction of a layer.
pub(super) fn run_parts(crew: Crew, exchange: &Exchange, mut parts: Vec<Task<'_>>) {
    let others: Vec<_> = parts.split_off(1).into_iter().map(Part::new).collect();
    let is_over = AtomicBool::new(false);
    let lead = || {
        let _end = End(&is_over);
        let position = Position::default();
        Member { exchange, tasks: parts, position, others: &others }.run();
    };
    crew.lead(others.len(), lead, |number| {
        let part = &others[number];
        if let Some((task, position)) = part.come(&is_over) {
            Member { exchange, tasks: vec![task], position, others: &[] }.run();
        }
    });
}

/// A part that waits for a thread.
struct Part<'t> {
    seat: Seat<(Task<'t>, Position)>,
    /// A thread has come while the leading one had the part.
    is_awaited: AtomicBool,
}

impl<'t> Part<'t> {
    fn new(task: Task<'t>) -> Self {
        let is_awaited = AtomicBool::new(false);
        Self { seat: Seat::new((task, Position::default())), is_awaited }
    }

    /// Take the part, or wait until the leading thread hands it over or has done everything.
    fn come(&self, is_over: &AtomicBool) -> Option<(Task<'t>, Position)> {
        let taken = self.seat.take();
        if taken.is_some() {
            return taken;
        }
        self.is_awaited.store(true, Ordering::Release);
        let has_news =
            || is_over.load(Ordering::Acquire) || !self.is_awaited.load(Ordering::Acquire);
        while !spin_until(has_news) {
            std::thread::sleep(NAP);
        }
        self.seat.take()
    }
}

/// How far a part has come.
#[derive(Debug, Clone, Default)]
struct Position {
    /// The chunk of steps that was begun.
    chunk: Range<usize>,
    /// Steps of it that are done.
    done: usize,
    /// Steps of the whole span that are done.
    number: usize,
}

/// One thread.
struct Member<'m, 't> {
    exchange: &'m Exchange,
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
            self.exchange.leave();
        }
    }
}

impl Member<'_, '_> {
    fn run(mut self) {
        let span = self.tasks.first().map_or(0, |task| task.span.len());
        while self.position.number < span {
            if self.position.done == self.position.chunk.len() {
                let Some(task) = self.tasks.first() else { return };
                self.position.chunk = task.next_chunk(self.position.number);
                self.position.done = 0;
                self.tasks.iter_mut().for_each(|task| task.take_inputs(&self.position.chunk));
            }
            let (chunk, step) = (self.position.chunk.clone(), self.step());
            self.tasks.iter_mut().for_each(|task| task.step(&chunk, step));
            if self.position.number == 0 {
                self.take_over(&chunk, step);
            }
            if self.position.number + 1 < span {
                self.share(step);
            }
            self.position.done += 1;
            self.position.number += 1;
            if self.position.done == chunk.len() {
                self.tasks.iter_mut().for_each(|task| task.deliver(chunk.clone()));
            }
            if self.position.number < span {
                self.hand_over();
            }
        }
    }

    /// The next step in reading order.
    fn step(&self) -> usize {
        let Position { chunk, done, .. } = &self.position;
        let is_reverse = self.tasks.first().is_some_and(|task| task.reverse);
        if is_reverse { chunk.end - 1 - done } else { chunk.start + done }
    }

    /// Take the parts that no thread has come for, and bring them to where the own parts are.
    fn take_over(&mut self, chunk: &Range<usize>, step: usize) {
        for part in self.others {
            if let Some((mut task, _)) = part.seat.take() {
                task.take_inputs(chunk);
                task.step(chunk, step);
                self.tasks.push(task);
            }
        }
    }

    /// Give the parts for which a thread has come to it.
    fn hand_over(&mut self) {
        for (index, part) in self.others.iter().enumerate() {
            if part.is_awaited.load(Ordering::Acquire) {
                let own = self.tasks.iter().position(|task| task.memory.part == index + 1);
                let Some(own) = own else { continue };
                part.seat.put((self.tasks.swap_remove(own), self.position.clone()));
                part.is_awaited.store(false, Ordering::Release);
            }
        }
    }

    /// Let all parts know each other's new hidden states.
    fn share(&mut self, step: usize) {
        let Self { exchange, tasks, position, .. } = self;
        for task in tasks.iter() {
            let units = task.units_of(task.memory.part, step);
            exchange.publish(position.number, &units, &task.state.hidden);
        }
        for task in tasks.iter_mut() {
            for part in 0..task.plan.parts {
                if part != task.memory.part {
                    let units = task.units_of(part, step);
                    exchange.receive(position.number, &units, &mut task.state.hidden);
                }
            }
        }
    }
}
