//! A task from its first chunk to its last.
//!
//! In: a task. Out: everything that it computes, where its target and its cache say. Steps are taken in
//! chunks: take the inputs of a chunk, then run the recurrence over it while they are still close.

use super::super::chunk::Chunk;
use super::super::threads::Threads;
use super::task::Task;
use crate::error::Broken;
use crate::kernel::Half;

impl Task<'_> {
    /// What comes before the steps of a chunk.
    pub(super) fn begin_chunk(&mut self, chunk: &Chunk) -> Result<(), Broken> {
        self.checkpoint(chunk)?;
        self.take_inputs(chunk)
    }

    /// One step of a chunk, or half of it.
    pub(super) fn recur_one(
        &mut self,
        chunk: &Chunk,
        step: usize,
        half: Half,
    ) -> Result<(), Broken> {
        self.recur_half(chunk, &(step..step + 1), half)
    }

    /// Compute everything.
    pub(in crate::run) fn run(mut self, threads: &Threads<'_>) -> Result<(), Broken> {
        let mut done = 0;
        while done < self.span.len() {
            let chunk = self.next_chunk(done);
            done += chunk.steps.len();
            self.begin_chunk(&chunk)?;
            self.recur(&chunk, &chunk.steps)?;
            self.deliver(&chunk)?;
            if done < self.span.len() {
                threads.look()?;
            }
        }
        Ok(())
    }
}
