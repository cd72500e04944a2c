//! The layer's results: golden cases, the f64 oracle, properties, exact arithmetic; and the project's rules.

#![allow(missing_docs, unreachable_pub)]

use bnns_lstm_testkit::alloc::CountingAllocator;

/// Counts what training allocates.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

mod architecture;
mod backward_grids;
mod batches;
mod bits;
mod changed_weights;
mod division;
mod docs;
mod exact;
mod golden;
mod gradients;
mod grids;
mod lstm;
mod oracle;
mod packing;
mod pipeline;
mod plans;
mod projection;
mod properties;
mod routes;
mod saturated;
mod shared_units;
mod support;
mod training;
mod variant_caches;
mod variants;
mod wasi_example;
