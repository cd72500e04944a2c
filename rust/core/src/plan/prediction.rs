//! What the models say of a machine that may be another one.
//!
//! In: a checked structure and options, which name cores and caches. Out: [`Prediction`], how calls would be divided
//! with vectors of 16 floats, and how long they would take: what `docs/cores.md` says, and tests of the models on every
//! machine. Nothing can be computed with it.

use super::call::Plan;
use super::layer::LayerPlan;
use super::options::Options;
use crate::check::Checked;
use crate::error::Error;
use crate::level::Tile;

/// Calls on a machine with vectors of 16 floats, whatever this one has.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Threads of a forward call.
    pub threads: usize,
    /// Groups of batch rows and parts of the units of a forward call.
    pub grid: [usize; 2],
    /// Threads of each group and steps of a piece, where layers run at the same time.
    pub pipeline: Option<[usize; 2]>,
    /// Microseconds of a forward call.
    pub micros: f64,
    /// Threads of a backward call.
    pub backward_threads: usize,
    /// Groups of batch rows and parts of the units of a backward call.
    pub backward_grid: [usize; 2],
    /// Microseconds of a backward call.
    pub backward_micros: f64,
    /// The plan in words.
    pub explanation: String,
}

impl Prediction {
    /// Plan the calls of a structure.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] for more steps than the memory can count.
    pub fn new(checked: &Checked, options: Options) -> Result<Self, Error> {
        let plan = Plan::new(&LayerPlan::of_tile(checked, options, Tile::WIDE), checked, options)?;
        Ok(Self {
            threads: plan.threads(),
            grid: plan.grid(),
            pipeline: plan.pipeline(),
            micros: plan.predicted_micros(),
            backward_threads: plan.backward_threads(),
            backward_grid: plan.backward_grid(),
            backward_micros: plan.predicted_backward_micros(),
            explanation: plan.explain(),
        })
    }
}
