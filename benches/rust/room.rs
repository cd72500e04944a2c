//! Room for all gradients of a layer.
//!
//! In: its sizes. Out: the arrays of a backward call.

use crate::support::{Size, gate, params};
use bnns_lstm::binding::{
    BackwardArrays, CheckedBackward, DataFields, GateFields, Gates, GradientViews, WeightFields,
    check_backward,
};
use bnns_lstm::{Data, FilterParameters};

/// The gradients of one gate, `[hidden, inputs]`, `[hidden, hidden]` and `[hidden]`.
struct GateRoom {
    iw: Vec<f32>,
    hw: Vec<f32>,
    b: Vec<f32>,
}

/// Memory for the gradients of a layer of [`Size`].
pub struct Room {
    checked: CheckedBackward,
    x: Vec<f32>,
    gates: Gates<GateRoom>,
}

impl Room {
    pub fn new(size: Size) -> Self {
        let Size { steps, batch, hidden } = size;
        let zeros = |count| vec![0.0; count];
        let square = hidden * hidden;
        let of_gate = |_| GateRoom { iw: zeros(square), hw: zeros(square), b: zeros(hidden) };
        let (mut x, mut gates) = (zeros(steps * batch * hidden), Gates::from_fn(of_gate));
        // Arrays as large as the layer's: what is checked are sizes.
        let (sequence, w, b) = (zeros(x.len()), zeros(square), zeros(hidden));
        let weights = Gates::from_fn(|_| gate([&w[..], &w, &b].map(Data::from)));
        let forward = params(size, &sequence[..], Data::Null, weights);
        let to = gates
            .as_mut()
            .map(|_, GateRoom { iw, hw, b }| gate([&mut iw[..], hw, b].map(Data::from)));
        let delta = params(size, &mut x[..], &sequence[..], to);
        let checked = check_backward(&forward, &delta, &FilterParameters::default())
            .expect("a layer as it should be");
        drop(delta);
        Self { checked, x, gates }
    }

    /// All arrays of a backward call; the output's gradients are the inputs, which are as many.
    pub fn arrays<'a>(&'a mut self, x: &'a [f32]) -> BackwardArrays<'a> {
        let Self { checked, x: d_x, gates } = self;
        let sequence = || DataFields { data: Some(x.into()), ..DataFields::default() };
        let gates = gates.as_mut().map(|_, GateRoom { iw, hw, b }| GateFields {
            iw: Some(iw.as_mut_slice().into()),
            hw: Some(hw.as_mut_slice().into()),
            b: Some(b.as_mut_slice().into()),
            ..GateFields::default()
        });
        let gradients = GradientViews {
            incoming: sequence(),
            input: DataFields { data: Some(d_x.as_mut_slice().into()), ..DataFields::default() },
            weights: WeightFields { gates, projection: None },
        };
        BackwardArrays::bind(checked, sequence(), gradients).expect("room as checked")
    }
}
