//! The temporary memory of a call.
//!
//! In: a plan. Out: [`Workspace`], allocated once and used by any number of calls. It holds nothing between
//! calls.

use crate::aligned::Aligned;
use crate::error::Error;
use crate::plan::{GroupSizes, Plan, TaskSizes};

/// Buffers of all groups and directions of a plan.
#[derive(Debug)]
pub struct Workspace {
    pub(super) groups: Vec<GroupMemory>,
    pub(super) plan_id: u64,
}

/// Buffers of one group of batch rows.
#[derive(Debug)]
pub(super) struct GroupMemory {
    /// For each direction.
    pub(super) tasks: Vec<TaskMemory>,
    /// For each layer and direction.
    pub(super) states: Vec<StateMemory>,
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
    pub(super) chunk_rows: usize,
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
        let sizes = |group| GroupSizes::forward(plan.config(), &plan.shape, group, plan.training);
        let groups = plan.groups.iter().map(|group| GroupMemory::new(&sizes(group)));
        Ok(Self { groups: groups.collect::<Result<_, _>>()?, plan_id: plan.id })
    }
}

impl GroupMemory {
    pub(super) fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        let sequence = |number: usize| -> Result<Vec<Aligned>, Error> {
            let floats = if sizes.sequences >= number { sizes.sequence } else { 0 };
            (0..sizes.directions).map(|_| zeros(floats)).collect()
        };
        let tasks = (0..sizes.directions).map(|_| TaskMemory::new(&sizes.task));
        let states = (0..sizes.states).map(|_| StateMemory::new(sizes.state));
        Ok(Self {
            tasks: tasks.collect::<Result<_, _>>()?,
            states: states.collect::<Result<_, _>>()?,
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
    fn new(sizes: &TaskSizes) -> Result<Self, Error> {
        Ok(Self {
            chunk_rows: sizes.chunk_rows,
            input: zeros(sizes.input)?,
            pre: zeros(sizes.pre)?,
            out: zeros(sizes.out)?,
            gates: zeros(sizes.gates)?,
            saved_gates: zeros(sizes.saved_gates)?,
            saved_cells: zeros(sizes.saved_cells)?,
        })
    }
}

fn zeros(floats: usize) -> Result<Aligned, Error> {
    Aligned::zeros(floats, "the workspace")
}
