//! One direction of one layer backwards, from the last chunk of the forward pass to the first.
//!
//! In: a [`LayerPass`] and the direction's buffers. Out: gradients of the states before the sequence, of the
//! layer's inputs, and of its weights, all in the workspace. A chunk is the recurrence of all groups of rows,
//! then the sums of weight gradients over all of them.

use super::super::chunk::{Limit, next_steps};
use super::pass::{DirectionBuffers, LayerPass};
use crate::error::Broken;
use crate::place::Direction;

/// Rows whose gate gradients are summed one by one before the sum joins the others. Two short chains of
/// additions lose less than one long one: an error of about sqrt(2048) roundings instead of sqrt(rows).
/// Sums depend on this number, so that no machine chooses it.
const ROWS_OF_A_SUM: usize = 2048;

impl LayerPass<'_, '_> {
    /// All steps of the span, the last one of the forward pass first.
    pub(super) fn run(&self, mut buffers: DirectionBuffers<'_>) -> Result<(), Broken> {
        let direction = self.reading().opposite();
        let limit = Limit::Steps(self.plan.training_chunk_steps);
        let sum = (ROWS_OF_A_SUM / self.plan.config().batch_size).max(1);
        let mut done = 0;
        while done < self.span.len() {
            if done > 0 {
                self.threads.look()?;
            }
            let steps = next_steps(&self.span, done, direction, limit, sum);
            done += steps.len();
            self.recur(&steps, buffers.rows())?;
            self.sum_weights(&steps, buffers.reborrow())?;
            let at = match direction {
                Direction::Forward => steps.end,
                Direction::Backward => steps.start,
            };
            if at.is_multiple_of(sum) {
                buffers.gradients.weights.join();
            }
        }
        Ok(())
    }
}
