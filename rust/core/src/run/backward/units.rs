//! The recurrence of a group of rows backwards by several threads, each with a part of the units.
//!
//! In: a chunk of the group, and memory for each part. Out: in the group's own buffers what one thread leaves there, to
//! the bit.
//!
//! Every thread goes through the steps of all units, in buffers of its own. Of the products with transposed weights,
//! which are nearly all of the work where rows are few, it computes the outputs of its own parts (`exchange`). They are
//! gradients of states, which the parts let each other know: gate gradients would be four times as many.
//!
//! Nobody waits for a thread to wake up, as in the forward pass: the leading thread computes the parts that no other
//! one has come for before its first product, and hands a part over behind the step at which somebody asks for it.

use super::super::threads::{Awaited, Done, End};
use super::buffers::{GroupChunk, PartMemory, PartsExchange, PartsMemory, RowBuffers, States};
use super::exchange::{PartProduct, PartStep};
use super::load::load_steps;
use super::pass::LayerPass;
use crate::kernel::{BackwardHalf, BackwardPanels};
use crate::place::Direction;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

impl LayerPass<'_, '_> {
    /// The steps of a chunk of one group.
    pub(super) fn recur_parts(
        &self,
        (chunk, steps): (GroupChunk<'_>, &Range<usize>),
        memory: &mut PartsMemory,
        buffers: &mut RowBuffers<'_>,
    ) -> Done {
        let PartsMemory { others, slice, exchange } = memory;
        exchange.begin();
        let group = GroupSteps { pass: self, chunk, steps, exchange };
        let others = others.iter_mut().map(|memory| {
            memory.begin(&buffers.states);
            Awaited::new((memory, 0))
        });
        let others: Vec<Part<'_>> = others.collect();
        let is_over = AtomicBool::new(false);
        let lead = || {
            let _end = End(&is_over);
            let member = Member { group, own: vec![0], kept: Vec::new(), others: &others, done: 0 };
            member.run(buffers, slice)
        };
        self.threads.lead(others.len(), lead, |index| match others[index].wait(&is_over) {
            Some((memory, done)) => {
                let own = vec![index + 1];
                let member = Member { group, own, kept: Vec::new(), others: &[], done };
                let (mut buffers, slice) = memory.rows();
                member.run(&mut buffers, slice)
            }
            None => Ok(()),
        })
    }
}

/// What the threads of a group have in common.
#[derive(Clone, Copy)]
struct GroupSteps<'g, 'a, 'b> {
    pass: &'g LayerPass<'a, 'b>,
    chunk: GroupChunk<'g>,
    steps: &'g Range<usize>,
    exchange: &'g PartsExchange,
}

/// A part that another thread may come for: its memory, and how many steps are done.
type Part<'m> = Awaited<(&'m mut PartMemory, usize)>;

/// One thread.
struct Member<'g, 'm, 'a, 'b> {
    group: GroupSteps<'g, 'a, 'b>,
    /// The parts that it computes.
    own: Vec<usize>,
    /// Memory of those that it computes until other threads come for them.
    kept: Vec<(usize, &'m mut PartMemory)>,
    /// All but the first one, which the leading thread has.
    others: &'g [Part<'m>],
    /// Steps of the chunk that are done.
    done: usize,
}

/// Should a computation panic, nobody waits for its thread.
impl Drop for Member<'_, '_, '_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.group.exchange.abandon();
        }
    }
}

impl Member<'_, '_, '_, '_> {
    /// All steps that are left. Whoever finds something broken tells the others not to wait for it.
    fn run(mut self, buffers: &mut RowBuffers<'_>, slice: &mut [f32]) -> Done {
        let done = self.steps(buffers, slice);
        if done.is_err() {
            self.group.exchange.abandon();
        }
        done
    }

    fn steps(&mut self, buffers: &mut RowBuffers<'_>, slice: &mut [f32]) -> Done {
        let GroupSteps { pass, steps, .. } = self.group;
        while self.done < steps.len() {
            if self.done > 0 {
                pass.threads.look()?;
            }
            let step = match pass.reading() {
                Direction::Forward => steps.end - 1 - self.done,
                Direction::Backward => steps.start + self.done,
            };
            self.step(step, buffers, slice)?;
            self.done += 1;
            if self.done < steps.len() {
                self.hand_over(&buffers.states);
            }
        }
        Ok(())
    }

    fn step(&mut self, step: usize, buffers: &mut RowBuffers<'_>, slice: &mut [f32]) -> Done {
        let GroupSteps { pass, chunk, exchange, .. } = self.group;
        let only = step..step + 1;
        load_steps(pass, chunk, &only, &mut buffers.chunk)?;
        // Full peepholes are left to the parts, like hidden weights.
        let panels = BackwardPanels { diagonal: &pass.weights.diagonal, ..Default::default() };
        let has_halves = exchange.within.is_some();
        let half = if has_halves { BackwardHalf::Output } else { BackwardHalf::Whole };
        pass.steps(chunk, &only, buffers, (half, panels));
        if self.done == 0 {
            self.take_over();
        }
        let number = self.done;
        let at = |own| PartStep { pass, chunk, step, number, own };
        if let Some(within) = &exchange.within {
            at(&self.own).compute(PartProduct::Within, within, buffers, slice)?;
            pass.steps(chunk, &only, buffers, (BackwardHalf::Others, panels));
        }
        at(&self.own).compute(PartProduct::Hidden, &exchange.hidden, buffers, slice)?;
        if let Some(cells) = &exchange.cells {
            at(&self.own).compute(PartProduct::Cells, cells, buffers, slice)?;
        }
        Ok(())
    }

    /// Take the parts that no thread has come for.
    fn take_over(&mut self) {
        for (index, part) in self.others.iter().enumerate() {
            if let Some((memory, _)) = part.take() {
                self.own.push(index + 1);
                self.kept.push((index + 1, memory));
            }
        }
    }

    /// Give the parts for which a thread has come to it, with the gradients of the states that were reached.
    fn hand_over(&mut self, states: &States<'_>) {
        for (index, part) in self.others.iter().enumerate() {
            let number = index + 1;
            if part.is_awaited() {
                let kept = self.kept.iter().position(|(kept, _)| *kept == number);
                let Some(kept) = kept else { continue };
                let (_, memory) = self.kept.swap_remove(kept);
                self.own.retain(|&own| own != number);
                memory.begin(states);
                part.give((memory, self.done));
            }
        }
    }
}
