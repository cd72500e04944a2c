//! Backward calls for all gradients, from a cache that was filled before.

use crate::room::Room;
use crate::support::{Layer, Size, options};
use bnns_lstm::Level;
use bnns_lstm::binding::{BackwardWorkspace, Workspace, backward, cache_capacity, forward_caching};
use criterion::{BenchmarkId, Criterion, Throughput};

const SIZES: [(usize, usize, usize); 5] =
    [(1, 1, 128), (100, 1, 128), (20, 32, 64), (20, 32, 128), (20, 32, 256)];

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("backward");
    for (steps, batch, hidden) in SIZES {
        let size = Size { steps, batch, hidden };
        let mut layer = Layer::new(size, options(Level::best(), true));
        let weights = layer.weights();
        let backward_weights = layer.backward_weights();
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
                let arrays = room.arrays(&layer.x);
                let plan = &layer.plan;
                backward(plan, &backward_weights, None, &mut workspace, &cache, arrays)
                    .expect("checked arrays");
            });
        });
    }
    group.finish();
}
