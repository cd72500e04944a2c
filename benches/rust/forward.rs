//! Planned forward calls: weights packed before, nothing allocated.

use crate::support::{Layer, Size, options};
use bnns_lstm::Level;
use bnns_lstm::binding::{Workspace, forward};
use criterion::{BenchmarkId, Criterion, Throughput};

/// Steps, samples, hidden units: single steps, sequences of one sample, batches.
const SIZES: [(usize, usize, usize); 9] = [
    (1, 1, 32),
    (1, 1, 128),
    (1, 1, 256),
    (100, 1, 32),
    (100, 1, 128),
    (100, 1, 256),
    (20, 32, 64),
    (20, 32, 256),
    (10, 256, 128),
];

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forward");
    for (steps, batch, hidden) in SIZES {
        let size = Size { steps, batch, hidden };
        let mut layer = Layer::new(size, options(Level::best(), false));
        let weights = layer.weights();
        let mut workspace = Workspace::new(&layer.plan).expect("memory for a moderate layer");
        // Multiply-adds, counted as two operations, of the inputs and of the states.
        group.throughput(Throughput::Elements((16 * steps * batch * hidden * hidden) as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let (plan, inputs, outputs) = layer.arrays();
                forward(plan, &weights, &mut workspace, inputs, outputs).expect("checked arrays");
            });
        });
    }
    group.finish();
}
