//! What the gates of a chunk read, in the order in which weight gradients are summed.
//!
//! In: a chunk of one direction of a layer, and which sums there are. Out: [`Arranged`], `[input][row]` each, in
//! memory of the thread that sums. Each thread brings inputs and hidden states from the training cache itself, of the
//! lowest layer from the caller's input: what another thread has just written would have to travel from that one's caches,
//! which takes several times as long. Cell states and gradients of outputs, which few layers sum with, do travel. It does
//! not know gate gradients.

use super::super::threads::Done;
use super::buffers::ChunkMemory;
use super::load::RowLoad;
use super::pass::{LayerPass, SumMemory};
use crate::error::Broken;
use crate::kernel::{ArrangeInputs, ChunkRows, Geometry, Rows, RowsToPanel, TRANSPOSED_ROWS};
use crate::level::vectorize;
use crate::plan::PanelsMut;
use crate::products::Route;

/// What the gates read, `[input][row]`; empty where no gate reads it, or a library sums.
#[derive(Debug, Default)]
pub(super) struct Arranged<'m> {
    pub(super) input: &'m [f32],
    pub(super) hidden: &'m [f32],
    /// 1, which the biases are multiplied by.
    pub(super) one: &'m [f32],
    /// Cell states before each step, for full peepholes.
    pub(super) cell: &'m [f32],
    /// New cell states, for the full peephole of the output gate.
    pub(super) cell_output: &'m [f32],
    /// Gradients of the outputs, for the projection.
    pub(super) outputs: &'m [f32],
}

impl LayerPass<'_, '_> {
    /// Arrange all that is read by gates which have `sums`, of `count` rows.
    pub(super) fn arrange<'m>(
        &self,
        (rows, count): (ChunkRows<'_>, usize),
        memory: &ChunkMemory,
        sums: &PanelsMut<'_>,
        to: &'m mut SumMemory,
    ) -> Result<Arranged<'m>, Broken> {
        let layer = &self.plan.layer;
        let config = &layer.config;
        let Geometry { cell_pitch, output_pitch, .. } = layer.shape.geometry;
        let SumMemory { arranged, rows: scratch } = to;
        let mut unused = &mut arranged[..];
        let mut take = |width: usize| {
            let (own, rest) = std::mem::take(&mut unused).split_at_mut(count * width);
            unused = rest;
            own
        };
        let mut found = Arranged::default();
        if self.plan.gradients == Route::Panels {
            let input = take(config.layer_inputs(self.place.layer));
            let hidden = take(config.outputs);
            let one = take(1);
            self.arrange_cached((rows, count), scratch, (&mut *input, &mut *hidden))?;
            one.fill(1.0);
            (found.input, found.hidden, found.one) = (input, hidden, one);
        }
        let mut arrange = |sums: &[f32], floats, pitch, width| {
            let width = if sums.is_empty() { 0 } else { width };
            let own = take(width);
            let from = Rows { floats, pitch, width };
            vectorize(layer.level, ArrangeInputs { rows, from, to: &mut *own });
            &*own
        };
        found.cell = arrange(sums.cell, &memory.previous_cells, cell_pitch, config.units);
        found.cell_output = arrange(sums.cell_output, &memory.cells, cell_pitch, config.units);
        found.outputs = arrange(sums.projection, &memory.incoming, output_pitch, config.outputs);
        Ok(found)
    }

    /// What is read of inputs and hidden states, from the cache: some rows at a time, which stay in L1.
    fn arrange_cached(
        &self,
        (rows, count): (ChunkRows<'_>, usize),
        scratch: &mut [f32],
        (input, hidden): (&mut [f32], &mut [f32]),
    ) -> Done {
        let (inputs, outputs) = (input.len() / count, hidden.len() / count);
        let mut first = 0;
        let mut filled = 0;
        let (of_inputs, of_hidden) = scratch.split_at_mut(TRANSPOSED_ROWS * inputs);
        let of_step = |step| (0..self.plan.config().active_at(step)).map(move |row| (row, step));
        for (row, step) in rows.steps().flat_map(of_step) {
            let load = RowLoad { pass: self, row, step };
            load.load_inputs(&mut of_inputs[filled * inputs..][..inputs])?;
            load.load_previous_hidden(&mut of_hidden[filled * outputs..][..outputs])?;
            filled += 1;
            if filled == TRANSPOSED_ROWS || first + filled == count {
                self.transpose((of_inputs, inputs), filled, (&mut input[first..], count));
                self.transpose((of_hidden, outputs), filled, (&mut hidden[first..], count));
                first += filled;
                filled = 0;
            }
        }
        Ok(())
    }

    /// The first rows of `from`, to columns that are `pitch` floats apart.
    fn transpose(
        &self,
        (from, width): (&[f32], usize),
        rows: usize,
        (to, pitch): (&mut [f32], usize),
    ) {
        let mut of_rows: [&[f32]; TRANSPOSED_ROWS] = [&[]; TRANSPOSED_ROWS];
        for (to, from) in of_rows.iter_mut().zip(from.chunks_exact(width)).take(rows) {
            *to = from;
        }
        vectorize(self.plan.layer.level, RowsToPanel { rows: &of_rows[..rows], to, pitch });
    }
}
