//! Chunks: the steps that are computed together.
//!
//! In: which steps are left, in which direction they are read, and what a chunk may hold. Out: the next
//! range of steps ([`next_steps`]), and what is known of it ([`Chunk`], made once by the task and handed on). It does
//! not know what is done with it.

use crate::place::Direction;
use crate::products::Route;
use std::ops::Range;

/// Some steps in a row, and where their rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// In the order in which the sequence lies, whatever the direction.
    pub(super) steps: Range<usize>,
    /// Their rows in a buffer of all active (step, row) pairs of the group.
    pub(super) rows: Range<usize>,
    /// How its inputs are projected.
    pub(super) input: Route,
    /// The first steps, those with most rows: their hidden states take the gemm route. None or all where no
    /// batch row ends.
    pub(super) gemm_steps: Range<usize>,
    /// Whether each step projects its own rows, instead of all of them before the first step.
    pub(super) projects_with_steps: bool,
}

/// The steps at the start of `steps` that have at least `least` rows, which later steps never have more of.
pub(super) fn steps_of_rows(steps: &Range<usize>, offsets: &[usize], least: usize) -> Range<usize> {
    let rows = |step: usize| offsets[step + 1] - offsets[step];
    // Nearly always all of them, or none.
    let end = match least {
        usize::MAX => steps.start,
        _ => steps.clone().find(|&step| rows(step) < least).unwrap_or(steps.end),
    };
    steps.start..end
}

/// What a chunk holds at most.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit<'a> {
    /// So many active rows, but at least one step; `offsets` says where the rows of each step begin.
    Rows { offsets: &'a [usize], most: usize },
    /// So many steps.
    Steps(usize),
}

impl Limit<'_> {
    /// The end of the longest chunk that begins with `start`, which may lie beyond the sequence.
    fn end_from(self, start: usize) -> usize {
        match self {
            Self::Steps(most) => start + most,
            Self::Rows { offsets, most } => {
                // `offsets` never falls, so the steps that fit are a prefix of it and are found by bisection.
                let fits = |&offset: &usize| offset <= offsets[start] + most;
                // The last step whose rows end within the limit; `offsets` has one entry more than steps.
                offsets.partition_point(fits) - 1
            }
        }
    }

    /// The start of the longest chunk that ends before `end`.
    fn start_to(self, end: usize) -> usize {
        match self {
            Self::Steps(most) => end.saturating_sub(most),
            Self::Rows { offsets, most } => {
                let least = offsets[end].saturating_sub(most);
                offsets[..end].partition_point(|&offset| offset < least)
            }
        }
    }
}

/// The chunk that comes next when `done` steps of `span` have been read in a direction: as many steps as the
/// limit allows, and none beyond a multiple of `boundary_every` steps, where a checkpoint or a sum ends.
pub(super) fn next_steps(
    span: &Range<usize>,
    done: usize,
    direction: Direction,
    limit: Limit<'_>,
    boundary_every: usize,
) -> Range<usize> {
    match direction {
        Direction::Forward => {
            // The chunk begins where reading has come to, and grows towards later steps.
            let start = span.start + done;
            let boundary = (start / boundary_every + 1).saturating_mul(boundary_every);
            start..limit.end_from(start).min(boundary).min(span.end)
        }
        Direction::Backward => {
            // The mirror image: the chunk ends where reading has come to, and grows towards earlier steps. A
            // step that lies just before a boundary belongs to the segment before it, therefore `end - 1`.
            let end = span.end - done;
            let boundary = (end - 1) / boundary_every * boundary_every;
            limit.start_to(end).max(boundary).max(span.start)..end
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, next_steps, steps_of_rows};
    use crate::place::Direction;
    use std::ops::Range;

    /// All chunks of a span, in reading order.
    fn all(
        span: Range<usize>,
        direction: Direction,
        limit: Limit<'_>,
        segment: usize,
    ) -> Vec<Range<usize>> {
        let (mut done, mut chunks) = (0, Vec::new());
        while done < span.len() {
            let steps = next_steps(&span, done, direction, limit, segment);
            done += steps.len();
            chunks.push(steps);
        }
        chunks
    }

    #[test]
    fn chunks_cover_the_span_and_end_at_segments() {
        use Direction::{Backward, Forward};
        assert_eq!(all(0..7, Forward, Limit::Steps(3), 100), [0..3, 3..6, 6..7]);
        assert_eq!(all(0..7, Backward, Limit::Steps(3), 100), [4..7, 1..4, 0..1]);
        assert_eq!(all(2..9, Forward, Limit::Steps(3), 4), [2..4, 4..7, 7..8, 8..9]);
        assert_eq!(all(2..9, Backward, Limit::Steps(3), 4), [8..9, 5..8, 4..5, 2..4]);
        assert_eq!(all(3..3, Forward, Limit::Steps(3), 4), []);
        assert_eq!(
            all(0..5, Backward, Limit::Steps(1), usize::MAX),
            [4..5, 3..4, 2..3, 1..2, 0..1]
        );
    }

    #[test]
    fn chunks_hold_as_many_rows_as_fit() {
        use Direction::{Backward, Forward};
        // Steps of 3, 3, 2, 1, 0 and 0 rows.
        let offsets = [0, 3, 6, 8, 9, 9, 9];
        let limit = |most| Limit::Rows { offsets: &offsets, most };
        assert_eq!(all(0..6, Forward, limit(3), 100), [0..1, 1..2, 2..6]);
        assert_eq!(all(0..6, Forward, limit(5), 100), [0..1, 1..3, 3..6]);
        assert_eq!(all(0..6, Forward, limit(8), 100), [0..3, 3..6]);
        assert_eq!(all(0..6, Backward, limit(3), 100), [2..6, 1..2, 0..1]);
        assert_eq!(all(0..6, Backward, limit(6), 100), [1..6, 0..1]);
        assert_eq!(all(0..6, Backward, limit(6), 2), [4..6, 2..4, 0..2]);
    }

    #[test]
    fn steps_with_many_rows_come_first() {
        // Steps of 3, 3, 2, 1, 0 and 0 rows.
        let offsets = [0, 3, 6, 8, 9, 9, 9];
        let steps = |steps, least| steps_of_rows(&steps, &offsets, least);
        assert_eq!(steps(0..6, 0), 0..6);
        assert_eq!(steps(0..6, 1), 0..4);
        assert_eq!(steps(1..5, 2), 1..3);
        assert_eq!(steps(2..6, 3), 2..2);
        assert_eq!(steps(1..6, usize::MAX), 1..1);
    }
}
