//! The temporary memory of a forward call.
//!
//! In: a plan. Out: [`Workspace`], allocated once and used by any number of calls. It holds no
//! result between calls.

use super::super::ping_pong::PingPong;
use super::shared::SharedStates;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::kernel::BlockOrder;
use crate::place::PerDirection;
use crate::plan::{GroupSizes, Plan};
use std::ops::Range;
use std::sync::Mutex;

/// Buffers of all groups and directions of a plan.
#[derive(Debug)]
pub struct Workspace {
    pub(super) groups: Vec<GroupMemory>,
    pub(super) plan_id: u64,
}

/// Buffers of one group of batch rows.
#[derive(Debug)]
pub(in crate::run) struct GroupMemory {
    pub(in crate::run) directions: PerDirection<DirectionMemory>,
    /// The outputs of layers for the one above, `[row][output]`, for each direction.
    pub(in crate::run) outputs: PingPong<PerDirection<Aligned>>,
    /// Where layers run at the same time.
    pub(super) pipeline: Option<PipelineMemory>,
}

/// What the layers of a group need beside the first one's buffers to run at the same time.
#[derive(Debug)]
pub(super) struct PipelineMemory {
    /// Of each layer but the first one.
    pub(super) tasks: Vec<TaskMemory>,
    /// Outputs of each layer but the last one, for pieces in turn.
    pub(super) between: Vec<[Mutex<PerDirection<Aligned>>; 2]>,
}

/// Buffers of one direction of a group, for one layer after the other.
#[derive(Debug)]
pub(in crate::run) enum DirectionMemory {
    /// One thread computes all units.
    Whole(Box<PartMemory>),
    /// Each thread computes a part of them, and they exchange states.
    Parts(Vec<PartMemory>, SharedStates),
}

/// Buffers of a part of the units, or of all.
#[derive(Debug)]
pub(in crate::run) struct PartMemory {
    /// Of each layer.
    pub(in crate::run) states: Vec<StateMemory>,
    pub(in crate::run) task: TaskMemory,
}

/// The states of a layer and direction.
#[derive(Debug)]
pub(in crate::run) struct StateMemory {
    /// `[row][output]`
    pub(in crate::run) hidden: Aligned,
    /// `[row][unit]`
    pub(in crate::run) cell: Aligned,
}

/// Buffers of a task.
#[derive(Debug)]
pub(in crate::run) struct TaskMemory {
    /// Which part of the units it computes.
    pub(super) part: usize,
    /// The blocks of the part: all, where units are not divided.
    pub(super) blocks: Range<usize>,
    pub(super) chunk_rows: usize,
    /// How the next chunk's inputs are projected, to and fro also from call to call.
    pub(super) projection: BlockOrder,
    /// How the next step runs.
    pub(super) recurrence: BlockOrder,
    pub(super) input: Aligned,
    pub(super) pre: Aligned,
    pub(super) out: Aligned,
    pub(super) gates: Aligned,
    pub(super) unprojected: Aligned,
    pub(super) saved_gates: Aligned,
    pub(super) saved_cells: Aligned,
    /// The part's states of a step on the way to the others, `[row][unit]`.
    pub(super) slice: Aligned,
}

impl Workspace {
    /// Allocate the workspace of a plan.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &Plan) -> Result<Self, Error> {
        let groups = plan.groups.iter();
        let groups = groups.map(|group| GroupMemory::new(&GroupSizes::forward(plan, group)));
        Ok(Self { groups: groups.collect::<Result<_, _>>()?, plan_id: plan.id })
    }
}

impl GroupMemory {
    pub(in crate::run) fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        let directions = sizes.directions;
        let outputs = |floats| PerDirection::try_from_fn(directions, |_| uninit(floats));
        Ok(Self {
            directions: PerDirection::try_from_fn(directions, |_| DirectionMemory::new(sizes))?,
            outputs: PingPong { even: outputs(sizes.even)?, odd: outputs(sizes.odd)? },
            pipeline: (sizes.piece > 0).then(|| PipelineMemory::new(sizes)).transpose()?,
        })
    }
}

impl PipelineMemory {
    fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        let blocks = sizes.parts.first().cloned().unwrap_or_default();
        let buffer = || -> Result<_, Error> {
            let forward = uninit(sizes.piece)?;
            Ok(Mutex::new(PerDirection { forward, backward: None }))
        };
        let others = 1..sizes.layers;
        let tasks = others.clone().map(|_| TaskMemory::new(sizes, 0, &blocks));
        let between = others.map(|_| Ok([buffer()?, buffer()?]));
        Ok(Self {
            tasks: tasks.collect::<Result<_, _>>()?,
            between: between.collect::<Result<_, Error>>()?,
        })
    }
}

impl DirectionMemory {
    fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        let part = |(part, blocks)| PartMemory::new(sizes, part, blocks);
        if let [all] = sizes.parts.as_slice() {
            return part((0, all)).map(Box::new).map(Self::Whole);
        }
        let parts = sizes.parts.iter().enumerate().map(part).collect::<Result<_, Error>>()?;
        Ok(Self::Parts(parts, SharedStates::new(sizes)?))
    }

    /// The parts of the units, in ascending order.
    pub(super) fn parts(&mut self) -> &mut [PartMemory] {
        match self {
            Self::Whole(all) => std::slice::from_mut(all),
            Self::Parts(parts, _) => parts,
        }
    }
}

impl PartMemory {
    fn new(sizes: &GroupSizes, part: usize, blocks: &Range<usize>) -> Result<Self, Error> {
        let states = (0..sizes.layers).map(|_| StateMemory::new(sizes));
        Ok(Self {
            states: states.collect::<Result<_, _>>()?,
            task: TaskMemory::new(sizes, part, blocks)?,
        })
    }
}

impl StateMemory {
    fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        Ok(Self { hidden: zeros(sizes.hidden())?, cell: zeros(sizes.cell())? })
    }
}

impl TaskMemory {
    fn new(sizes: &GroupSizes, part: usize, blocks: &Range<usize>) -> Result<Self, Error> {
        let slice = if sizes.parts.len() > 1 { sizes.slice } else { 0 };
        let sizes = &sizes.task;
        let order = BlockOrder { first: blocks.start, ..BlockOrder::ascending(blocks.len()) };
        Ok(Self {
            part,
            blocks: blocks.clone(),
            chunk_rows: sizes.chunk_rows,
            projection: order,
            recurrence: order,
            input: uninit(sizes.input)?,
            pre: uninit(sizes.pre)?,
            out: uninit(sizes.out)?,
            gates: uninit(sizes.gates)?,
            unprojected: uninit(sizes.unprojected)?,
            saved_gates: uninit(sizes.saved_gates)?,
            saved_cells: uninit(sizes.saved_cells)?,
            slice: uninit(slice)?,
        })
    }
}

fn zeros(floats: usize) -> Result<Aligned, Error> {
    Aligned::zeros(floats, "the workspace")
}

/// What a call writes before it reads it.
fn uninit(floats: usize) -> Result<Aligned, Error> {
    Aligned::uninit(floats, "the workspace")
}

/// Ways to break the workspace, for tests of what happens then.
#[cfg(test)]
impl Workspace {
    pub(in crate::run) fn drop_groups(&mut self) {
        self.groups.clear();
    }

    pub(in crate::run) fn drop_last_group(&mut self) {
        self.groups.pop();
    }

    pub(in crate::run) fn toggle_backward_direction(&mut self) {
        for group in &mut self.groups {
            let second = &mut group.outputs.even.backward;
            *second = if second.is_some() { None } else { Some(Aligned::default()) };
        }
    }

    pub(in crate::run) fn drop_states(&mut self) {
        for group in &mut self.groups {
            group.directions.forward.parts().iter_mut().for_each(|part| part.states.clear());
        }
    }
}
