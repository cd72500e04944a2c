//! Panels of one layer and direction.
//!
//! In: matrices `[hidden, inputs]` of four gates. Out: floats in the order of the kernels' loops: for each
//! block of hidden units, for each input, the four gates' lanes. Lanes beyond `hidden_size` hold zeros.

use super::views::Canonical;
use crate::aligned::Aligned;
use crate::error::Error;
use crate::gate::{Gate, Gates};
use crate::plan::{PanelSizes, Plan, Shape};
use ndarray::{ArrayView1, ArrayView2};

/// The packed weights of one layer and direction.
#[derive(Debug)]
pub(crate) struct LayerPanels {
    floats: Aligned,
    sizes: PanelSizes,
}

/// Borrowed panels, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'w> {
    /// `[block][layer input][gate][lane]`
    pub(crate) input: &'w [f32],
    /// `[block][gate][lane]`
    pub(crate) bias: &'w [f32],
    /// `[block][hidden][gate][lane]`
    pub(crate) hidden: &'w [f32],
    /// `[block][gate][lane]`; empty without diagonal peepholes.
    pub(crate) diagonal: &'w [f32],
    /// `[block][hidden][gate][lane]`; empty without full peepholes of input, forget or candidate gate.
    pub(crate) cell: &'w [f32],
    /// `[block][hidden][lane]`; empty without a full peephole of the output gate.
    pub(crate) cell_output: &'w [f32],
}

impl LayerPanels {
    /// Pack one layer and direction.
    pub(super) fn pack(
        plan: &Plan,
        sizes: &PanelSizes,
        gates: &Gates<Canonical<'_>>,
        layer: usize,
        direction: usize,
    ) -> Result<Self, Error> {
        let mut floats = Aligned::zeros(sizes.total(), "packed weights")?;
        let (input, rest) = floats.split_at_mut(sizes.input);
        let (bias, rest) = rest.split_at_mut(sizes.bias);
        let (hidden, rest) = rest.split_at_mut(sizes.hidden);
        let (diagonal, rest) = rest.split_at_mut(sizes.diagonal);
        let (cell, cell_output) = rest.split_at_mut(sizes.cell);
        for (slot, gate) in Gate::ALL.into_iter().enumerate() {
            let from = gates.get(gate);
            let to = Slot { shape: &plan.shape, slot, gates: 4 };
            to.matrix(input, from.input(layer, direction));
            to.matrix(hidden, from.hidden(layer, direction));
            if let Some(vector) = from.bias(layer, direction) {
                to.vector(bias, vector);
            }
            if let Some(vector) = from.diagonal(layer, direction) {
                to.vector(diagonal, vector);
            }
            if let Some(matrix) = from.full(layer, direction) {
                if gate == Gate::Output {
                    Slot { shape: &plan.shape, slot: 0, gates: 1 }.matrix(cell_output, matrix);
                } else {
                    to.matrix(cell, matrix);
                }
            }
        }
        Ok(Self { floats, sizes: *sizes })
    }

    /// The panels.
    pub(crate) fn panels(&self) -> Panels<'_> {
        let (input, rest) = self.floats.split_at(self.sizes.input);
        let (bias, rest) = rest.split_at(self.sizes.bias);
        let (hidden, rest) = rest.split_at(self.sizes.hidden);
        let (diagonal, rest) = rest.split_at(self.sizes.diagonal);
        let (cell, cell_output) = rest.split_at(self.sizes.cell);
        Panels { input, bias, hidden, diagonal, cell, cell_output }
    }
}

/// The place of one gate among `gates` in a panel.
struct Slot<'s> {
    shape: &'s Shape,
    slot: usize,
    gates: usize,
}

impl Slot<'_> {
    /// `[hidden, inputs]` to `[block][input][gate][lane]`.
    fn matrix(&self, panel: &mut [f32], matrix: ArrayView2<'_, f32>) {
        let lanes = self.shape.lanes;
        let group = self.gates * lanes;
        let block_floats = matrix.ncols() * group;
        for (block, rows) in
            panel.chunks_exact_mut(block_floats).zip(matrix.axis_chunks_iter(ndarray::Axis(0), lanes))
        {
            for (lane, row) in rows.outer_iter().enumerate() {
                let places = block.chunks_exact_mut(group);
                for (place, &weight) in places.zip(row) {
                    place[self.slot * lanes + lane] = weight;
                }
            }
        }
    }

    /// `[hidden]` to `[block][gate][lane]`.
    fn vector(&self, panel: &mut [f32], vector: ArrayView1<'_, f32>) {
        let lanes = self.shape.lanes;
        let blocks = panel.chunks_exact_mut(self.gates * lanes);
        for (block, values) in blocks.zip(vector.axis_chunks_iter(ndarray::Axis(0), lanes)) {
            for (place, &value) in block[self.slot * lanes..].iter_mut().zip(values) {
                *place = value;
            }
        }
    }
}
