//! Backward calls for all gradients, from a cache that was filled before.

use crate::support::{Layer, Size};
use bnns_lstm::{
    BackwardArrays, BackwardWorkspace, GateOutgoing, Gates, Outgoing, TransposedWeights, Workspace,
    backward, cache_capacity, forward_caching,
};
use criterion::{BenchmarkId, Criterion, Throughput};
use ndarray::{ArrayView, ArrayViewMut, Dimension, IntoDimension};

const SIZES: [(usize, usize, usize); 5] =
    [(1, 1, 128), (100, 1, 128), (20, 32, 64), (20, 32, 128), (20, 32, 256)];

/// Room for the gradients of one gate.
#[derive(Default)]
struct GateRoom {
    iw: Vec<f32>,
    hw: Vec<f32>,
    b: Vec<f32>,
}

/// Room for all gradients.
struct Room {
    x: Vec<f32>,
    gates: Gates<GateRoom>,
}

impl Room {
    fn new(size: Size) -> Self {
        let Size { steps, batch, hidden } = size;
        let zeros = |count| vec![0.0; count];
        let square = hidden * hidden;
        let gate = |_| GateRoom { iw: zeros(square), hw: zeros(square), b: zeros(hidden) };
        Self { x: zeros(steps * batch * hidden), gates: Gates::from_fn(gate) }
    }

    /// All arrays of a backward call; the output's gradients are the inputs, which are as many.
    fn arrays<'a>(&'a mut self, size: Size, x: &'a [f32]) -> BackwardArrays<'a> {
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

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("backward");
    for (steps, batch, hidden) in SIZES {
        let size = Size { steps, batch, hidden };
        let mut layer = Layer::new(size, true);
        let weights = layer.weights();
        let transposed = TransposedWeights::pack(&layer.plan, &layer.views())
            .expect("the views are those that were checked");
        let capacity = cache_capacity(layer.plan.config()).expect("a moderate layer");
        let mut cache = vec![0; capacity];
        let mut workspace = Workspace::new(&layer.plan).expect("memory for a moderate layer");
        let (plan, inputs, outputs) = layer.arrays();
        forward_caching(plan, &weights, &mut workspace, inputs, outputs, &mut cache)
            .expect("checked arrays");
        let mut workspace =
            BackwardWorkspace::new(&layer.plan).expect("memory for a moderate layer");
        let mut room = Room::new(size);
        // Twice the forward pass: gradients of what was multiplied, and of the weights.
        group.throughput(Throughput::Elements((32 * steps * batch * hidden * hidden) as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let arrays = room.arrays(size, &layer.x);
                backward(&layer.plan, &weights, &transposed, &mut workspace, &cache, arrays)
                    .expect("checked arrays");
            });
        });
    }
    group.finish();
}
