//! A task from its first chunk to its last.
//!
//! In: a task. Out: everything that it computes, where its target and its cache say. Steps are taken in
//! chunks: take the inputs of a chunk, then run the recurrence over it while they are still close.

use super::super::threads::Threads;
use super::task::Task;
use crate::error::Broken;

impl Task<'_> {
    /// Compute everything.
    pub(in crate::run) fn run(mut self, threads: &Threads<'_>) -> Result<(), Broken> {
        let mut done = 0;
        while done < self.span.len() {
            let chunk = self.next_chunk(done);
            done += chunk.steps.len();
            self.checkpoint(&chunk)?;
            self.take_inputs(&chunk)?;
            self.recur(&chunk, &chunk.steps)?;
            self.deliver(&chunk)?;
            if done < self.span.len() {
                threads.look()?;
            }
        }
        Ok(())
    }
}
