//! The temporary memory of a call.
//!
//! In: a plan. Out: [`Workspace`], allocated once and used by any number of calls. It holds nothing between
//! calls.

use crate::aligned::Aligned;
use crate::error::Error;
use crate::plan::{Plan, TaskSizes};

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
    /// Outputs of even layers below the last, for each direction.
    pub(super) even: Vec<Aligned>,
    /// Outputs of odd layers below the last, for each direction.
    pub(super) odd: Vec<Aligned>,
}

/// Buffers of one direction of a group.
#[derive(Debug)]
pub(super) struct TaskMemory {
    pub(super) chunk_rows: usize,
    pub(super) hidden: Aligned,
    pub(super) cell: Aligned,
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
        let directions = plan.config().directions;
        let mut groups = Vec::with_capacity(plan.groups.len());
        for group in &plan.groups {
            let sizes = TaskSizes::new(plan.config(), &plan.shape, group, plan.training);
            let sequence = |number: usize| -> Result<Vec<Aligned>, Error> {
                let floats = if sizes.sequences >= number { sizes.sequence } else { 0 };
                (0..directions).map(|_| zeros(floats)).collect()
            };
            groups.push(GroupMemory {
                tasks: (0..directions)
                    .map(|_| TaskMemory::new(&sizes))
                    .collect::<Result<_, _>>()?,
                even: sequence(1)?,
                odd: sequence(2)?,
            });
        }
        Ok(Self { groups, plan_id: plan.id })
    }
}

impl TaskMemory {
    fn new(sizes: &TaskSizes) -> Result<Self, Error> {
        Ok(Self {
            chunk_rows: sizes.chunk_rows,
            hidden: zeros(sizes.state)?,
            cell: zeros(sizes.state)?,
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
