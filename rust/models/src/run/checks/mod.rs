//! What a few threads do for a few steps, in each of the ways in which they use `run/threads`.
//!
//! Each check is a function that loom runs again and again. It fails where a value is not the one that was sent, where
//! work is done twice or not at all, and, by loom, where all threads that are left wait.

mod hand_over;
mod slices;
mod stages;
mod team;
mod words;

pub use hand_over::{hand_over, hand_over_and_exchange};
pub use slices::{a_part_leaves_slices, a_part_that_reads_too_late, slices};
pub use stages::{a_stage_breaks_off, stages};
pub use team::{awake, both, interrupted, leave_by_panic, nested};
pub use words::{a_part_leaves_words, words};

use loom::thread::{JoinHandle, spawn};
use std::sync::Arc;

/// Run `part` for each of so many parts, each on a thread, number 0 on this one.
fn side_by_side<S: Send + Sync + 'static>(
    parts: usize,
    shared: &Arc<S>,
    part: impl Fn(&S, usize) + Send + Copy + 'static,
) {
    let start = |number| {
        let shared = Arc::clone(shared);
        spawn(move || part(&shared, number))
    };
    let others: Vec<JoinHandle<()>> = (1..parts).map(start).collect();
    part(shared, 0);
    for other in others {
        other.join().expect("a part");
    }
}
