//! Room for all gradients of a layer.
//!
//! In: its sizes. Out: the arrays of a backward call.

use crate::support::Size;
use bnns_lstm::{BackwardArrays, GateOutgoing, Gates, Outgoing};
use ndarray::{ArrayView, ArrayViewMut, Dimension, IntoDimension};

/// Room for the gradients of one gate.
#[derive(Default)]
struct GateRoom {
    iw: Vec<f32>,
    hw: Vec<f32>,
    b: Vec<f32>,
}

/// Room for all gradients.
pub struct Room {
    x: Vec<f32>,
    gates: Gates<GateRoom>,
}

impl Room {
    pub fn new(size: Size) -> Self {
        let Size { steps, batch, hidden } = size;
        let zeros = |count| vec![0.0; count];
        let square = hidden * hidden;
        let gate = |_| GateRoom { iw: zeros(square), hw: zeros(square), b: zeros(hidden) };
        Self { x: zeros(steps * batch * hidden), gates: Gates::from_fn(gate) }
    }

    /// All arrays of a backward call; the output's gradients are the inputs, which are as many.
    pub fn arrays<'a>(&'a mut self, size: Size, x: &'a [f32]) -> BackwardArrays<'a> {
        let Size { steps, batch, hidden } = size;
        let sequence = [steps, batch, hidden];
        let matrix = [1, 1, hidden, hidden];
        let gate = |room: &'a mut GateRoom| GateOutgoing {
            iw: Some(to_fill(&mut room.iw, matrix)),
            iw_upper: None,
            hw: Some(to_fill(&mut room.hw, matrix)),
            cw: None,
            b: Some(to_fill(&mut room.b, [1, 1, hidden])),
        };
        let Gates { input, forget, candidate, output } = &mut self.gates;
        let view = ArrayView::from_shape(sequence, x).expect("as many as planned");
        BackwardArrays {
            input: view,
            initial_hidden: None,
            initial_cell: None,
            output: Some(view),
            final_hidden: None,
            final_cell: None,
            d_input: Some(to_fill(&mut self.x, sequence)),
            d_hidden: None,
            d_cell: None,
            gates: Gates {
                input: gate(input),
                forget: gate(forget),
                candidate: gate(candidate),
                output: gate(output),
            },
        }
    }
}

fn to_fill<D: Dimension>(
    values: &mut [f32],
    shape: impl IntoDimension<Dim = D>,
) -> Outgoing<ArrayViewMut<'_, f32, D>> {
    let view = ArrayViewMut::from_shape(shape.into_dimension(), values).expect("room as planned");
    Outgoing { view, accumulate: false }
}
