//! Where the parts of a layer see each other's states.
//!
//! In: how many parts, of how many rows. Out: [`SharedStates`], memory and counters; `exchange` beside it is what
//! tasks do with them. Few floats travel as single words, which is fastest; more of them as whole slices, which is
//! cheapest.

use super::super::threads::{Exchange, SliceExchange};
use crate::error::Error;
use crate::plan::GroupSizes;

/// Where the parts of one direction of a layer exchange their states.
#[derive(Debug)]
pub(in crate::run) struct SharedStates {
    pub(super) hidden: HiddenExchange,
    /// Where full peepholes see the cell states of all units.
    pub(super) cells: Option<SliceExchange>,
}

/// How hidden states travel.
#[derive(Debug)]
pub(super) enum HiddenExchange {
    Words(Exchange),
    Slices(SliceExchange),
}

impl SharedStates {
    pub(super) fn new(sizes: &GroupSizes) -> Result<Self, Error> {
        let parts = sizes.parts.len();
        let slices = || SliceExchange::new(parts, sizes.slice);
        let hidden = if sizes.exchanges_slices {
            HiddenExchange::Slices(slices()?)
        } else {
            HiddenExchange::Words(Exchange::new(sizes.rows, sizes.output_pitch)?)
        };
        let cells = sizes.exchanges_cells.then(slices).transpose()?;
        Ok(Self { hidden, cells })
    }

    /// Begin a sequence of `steps` steps.
    pub(super) fn begin(&mut self, steps: usize) {
        match &mut self.hidden {
            HiddenExchange::Words(exchange) => exchange.begin(steps),
            HiddenExchange::Slices(exchange) => exchange.begin(),
        }
        self.cells.iter_mut().for_each(SliceExchange::begin);
    }

    /// Nobody waits for a part that has left.
    pub(super) fn abandon(&self) {
        match &self.hidden {
            HiddenExchange::Words(exchange) => exchange.abandon(),
            HiddenExchange::Slices(exchange) => exchange.abandon(),
        }
        self.cells.iter().for_each(SliceExchange::abandon);
    }

    /// Whether steps stop at the new cell states, so that all parts see them.
    pub(super) fn has_cells(&self) -> bool {
        self.cells.is_some()
    }
}
