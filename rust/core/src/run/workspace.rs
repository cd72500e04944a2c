//! The temporary memory of a call.
//!
//! In: a plan. Out: [`Workspace`], allocated once and used by any number of calls. It holds no
//! result between calls.

use super::exchange::Exchange;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::kernel::BlockOrder;
use crate::plan::{GroupSizes, Plan, TaskSizes};
use std::ops::Range;

/// Buffers of all groups and directions of a plan.
#[derive(Debug)]
pub struct Workspace {
    pub(super) groups: Vec<GroupMemory>,
    pub(super) plan_id: u64,
}

/// Buffers of one group of batch rows.
#[derive(Debug)]
pub(super) struct GroupMemory {
    /// For each direction and part of the units.
    pub(super) tasks: Vec<TaskMemory>,
    /// For each layer, direction and part of the units.
    pub(super) states: Vec<StateMemory>,
    /// For each direction, where there are parts.
    pub(super) exchanges: Vec<Exchange>,
    /// Outputs of even layers below the last, for each direction.
    pub(super) even: Vec<Aligned>,
    /// Outputs of odd layers below the last, for each direction.
    pub(super) odd: Vec<Aligned>,
}

/// The states of a layer and direction, `[row][unit]`.
#[derive(Debug)]
pub(super) struct StateMemory {
    pub(super) hidden: Aligned,
    pub(super) cell: Aligned,
}

/// Buffers of one direction of a group.
#[derive(Debug)]
pub(super) struct TaskMemory {
    /// Which part of the units it computes.
    pub(super) part: usize,
    pub(super) chunk_rows: usize,
    /// How the next chunk's inputs are projected, to and fro also from call to call.
    pub(super) projection: BlockOrder,
    /// How the next step runs.
    pub(super) recurrence: BlockOrder,
    pub(super) input: Aligned,
    pub(super) pre: Aligned,
    pub(super) out: Aligned,
    pub(super) gates: Aligned,
    pub(super) saved_gates: Aligned,
    pub(super) saved_cells: Aligned,
}

impl Workspace {
    /// Allocate the workspace of a plan.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &Plan) -> Result<Self, Error> {
        let groups = plan.groups.iter().map(|group| GroupMemory::new(&plan.group_sizes(group)));
        Ok(Self { groups: groups.collect::<Result<_, _>>()?, plan_id: plan.id })
    }
}

impl GroupMemory {
    pub(super) fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        let sequence = |number: usize| -> Result<Vec<Aligned>, Error> {
            let floats = if sizes.sequences >= number { sizes.sequence } else { 0 };
            (0..sizes.directions).map(|_| room(floats)).collect()
        };
        let parts = || sizes.parts.iter().enumerate();
        let tasks = (0..sizes.directions)
            .flat_map(|_| parts().map(|(part, blocks)| TaskMemory::new(&sizes.task, part, blocks)));
        let exchanges = if sizes.parts.len() > 1 { sizes.directions } else { 0 };
        let exchange = |_| Exchange::new(sizes.state / sizes.pitch, sizes.pitch);
        let states = (0..sizes.states).map(|_| StateMemory::new(sizes.state));
        Ok(Self {
            tasks: tasks.collect::<Result<_, _>>()?,
            states: states.collect::<Result<_, _>>()?,
            exchanges: (0..exchanges).map(exchange).collect::<Result<_, _>>()?,
            even: sequence(1)?,
            odd: sequence(2)?,
        })
    }
}

impl StateMemory {
    fn new(floats: usize) -> Result<Self, Error> {
        Ok(Self { hidden: zeros(floats)?, cell: zeros(floats)? })
    }
}

impl TaskMemory {
    fn new(sizes: &TaskSizes, part: usize, blocks: &Range<usize>) -> Result<Self, Error> {
        let order = BlockOrder { first: blocks.start, ..BlockOrder::ascending(blocks.len()) };
        Ok(Self {
            part,
            chunk_rows: sizes.chunk_rows,
            projection: order,
            recurrence: order,
            input: room(sizes.input)?,
            pre: room(sizes.pre)?,
            out: room(sizes.out)?,
            gates: room(sizes.gates)?,
            saved_gates: room(sizes.saved_gates)?,
            saved_cells: room(sizes.saved_cells)?,
        })
    }
}

fn zeros(floats: usize) -> Result<Aligned, Error> {
    Aligned::zeros(floats, "the workspace")
}

/// What a call writes before it reads it.
fn room(floats: usize) -> Result<Aligned, Error> {
    Aligned::room(floats, "the workspace")
}
