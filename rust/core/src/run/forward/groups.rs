//! Groups of batch rows side by side.
//!
//! In: the memory of each group, and what belongs to all rows. Out: each group with its rows, on some thread. It
//! does not know what is computed for them.

use super::super::threads::{Divide, Done, Threads};
use super::workspace::GroupMemory;
use crate::error::Broken;
use crate::plan::Group;

/// Something that belongs to batch rows.
pub(in crate::run) trait SplitRows: Sized + Send {
    /// Of the first `rows` batch rows, and of the others.
    fn split_rows(self, rows: usize) -> (Self, Self);
}

/// Groups, their memory and what belongs to their rows.
struct ForwardGroups<'g, T> {
    groups: &'g [Group],
    memory: &'g mut [GroupMemory],
    of_rows: T,
}

impl<T: SplitRows> Divide for ForwardGroups<'_, T> {
    fn is_whole(&self) -> bool {
        self.groups.len() < 2
    }

    fn halve(self) -> (Self, Self) {
        let Self { groups, memory, of_rows } = self;
        let half = groups.len() / 2;
        let (groups, other_groups) = groups.split_at(half);
        let (memory, other_memory) = memory.split_at_mut(half.min(memory.len()));
        let rows = groups.iter().map(|group| group.rows).sum();
        let (of_rows, of_others) = of_rows.split_rows(rows);
        (
            Self { groups, memory, of_rows },
            Self { groups: other_groups, memory: other_memory, of_rows: of_others },
        )
    }
}

/// Do something for each group.
pub(in crate::run) fn each_group<T: SplitRows>(
    threads: &Threads<'_>,
    groups: &[Group],
    memory: &mut [GroupMemory],
    of_rows: T,
    run: &(impl Fn(&Group, &mut GroupMemory, T) -> Done + Sync),
) -> Done {
    let groups = ForwardGroups { groups, memory, of_rows };
    threads.divide(groups, &|one: ForwardGroups<'_, T>| match one {
        ForwardGroups { groups: [group], memory: [memory], of_rows } => run(group, memory, of_rows),
        _ => Err(Broken("memory for other groups than the plan has")),
    })
}
