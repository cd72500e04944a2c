//! Packing the weights: once a layer in inference, once a step in training.

use crate::support::{Layer, Size, options};
use bnns_lstm::Level;
use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packing");
    for hidden in [32, 128, 256, 512] {
        let size = Size { steps: 1, batch: 1, hidden };
        let layer = Layer::new(size, options(Level::best(), true));
        // Input and hidden weights of four gates.
        let bytes = 2 * 4 * hidden * hidden * size_of::<f32>();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("forward", hidden), |bencher| {
            bencher.iter(|| black_box(layer.weights()));
        });
        group.bench_function(BenchmarkId::new("backward", hidden), |bencher| {
            bencher.iter(|| black_box(layer.backward_weights()));
        });
    }
    group.finish();
}
