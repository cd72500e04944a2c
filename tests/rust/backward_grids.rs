//! Groups of rows times parts of the units in the backward pass: the same bits whatever the grid and the number of
//! threads.

use crate::support::training::Way;
use crate::support::{CallWay, Case};
use bnns_lstm::binding::Tuning;
use bnns_lstm::{Checkpoints, Level, Route};
use bnns_lstm_testkit::compare::assert_close;
use bnns_lstm_testkit::random::{Activations, Case as RandomCase, Limits, Rng, random_case};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads, groups of rows, parts of the units.
const GRIDS: [(usize, [u32; 2]); 8] = [
    (2, [1, 2]),
    (2, [1, 5]),
    (3, [1, 3]),
    (5, [2, 2]),
    (8, [2, 4]),
    (8, [3, 2]),
    (16, [4, 4]),
    (16, [1, 9]),
];

/// Layers with enough rows and units for every grid, and one or two whose last block of outputs is smaller.
fn limits(activations: Activations) -> Limits {
    Limits {
        input_size: 70,
        hidden_size: 260,
        batch_size: 5,
        num_layers: 2,
        seq_len: 9,
        activations,
        ..Limits::default()
    }
}

fn forced(way: Way, grid: [u32; 2]) -> Way {
    Way { tuning: Tuning { backward_grid: Some(grid), ..way.tuning }, ..way }
}

fn bits(case: &Case, random: &RandomCase, way: Way) -> Vec<u32> {
    let found = case.gradients(&random.incoming, way).unwrap();
    found.values().flatten().map(|value| value.to_bits()).collect()
}

fn assert_grids(seed: u64, limits: &Limits, of: impl Fn(Level) -> Way) {
    let random = random_case(seed, limits);
    let case = Case::new(&random.layer, &random.inputs);
    let levels = Level::available();
    let level = levels[seed as usize % levels.len()];
    let one = bits(&case, &random, forced(of(level), [1, 1]));
    for (n_threads, grid) in GRIDS {
        let way = forced(Way { n_threads, ..of(level) }, grid);
        assert!(one == bits(&case, &random, way), "seed {seed}, {way:?}");
    }
}

#[test]
fn every_grid_gives_the_same_gradients() {
    for seed in 0..12 {
        assert_grids(seed, &limits(Activations::Default), |level| Way::new(level, 1));
    }
}

/// Other activations, variants and full peepholes: parts exchange gradients of cell states as well.
#[test]
fn every_grid_of_a_generic_layer_gives_the_same_gradients() {
    for seed in 0..18 {
        assert_grids(seed, &limits(Activations::Any), |level| Way::new(level, 1));
    }
}

#[test]
fn segments_dropout_and_sums_to_add_to_are_divided_as_well() {
    for seed in 0..12 {
        let activations = if seed % 2 == 0 { Activations::Default } else { Activations::Any };
        let checkpoints =
            if seed % 3 == 0 { Checkpoints::EveryStep } else { Checkpoints::Every(4) };
        let accumulate = seed % 4 == 1;
        assert_grids(seed, &limits(activations), |level| {
            let way = Way::new(level, 1);
            Way { checkpoints, accumulate, dropout: 0.3, seed: 7, ..way }
        });
    }
}

/// Chunks of one step and more, and segments of any length: states go from one division to the next.
#[test]
fn many_chunks_of_a_divided_group_follow_each_other() {
    let of_few = Limits { batch_size: 2, seq_len: 40, ..limits(Activations::Any) };
    for (seed, training_rows) in [(1, 1), (2, 6), (3, 17)] {
        assert_grids(seed, &of_few, |level| {
            let way = Way::new(level, 1);
            Way { tuning: Tuning { training_rows, ..way.tuning }, ..way }
        });
    }
}

#[test]
fn a_library_gives_the_same_numbers_in_every_grid() {
    let level = Level::best();
    for seed in 0..6 {
        let random = random_case(seed, &limits(Activations::Default));
        let case = Case::new(&random.layer, &random.inputs);
        let way = |n_threads| Way::of_call(CallWay { route: Route::Gemm, level, n_threads });
        let one = case.gradients(&random.incoming, forced(way(1), [1, 1])).unwrap();
        for (n_threads, grid) in GRIDS {
            let found = case.gradients(&random.incoming, forced(way(n_threads), grid)).unwrap();
            for (name, wanted) in &one {
                let wanted: Vec<f64> = wanted.iter().map(|&value| f64::from(value)).collect();
                assert_close(
                    &format!("{name}, seed {seed}, {grid:?}"),
                    &found[name],
                    &wanted,
                    1e-5,
                );
            }
        }
    }
}

/// More callers than cores, each with more threads than cores: parts are handed over late, or never.
#[test]
fn more_threads_than_cores_come_to_an_end() {
    let random = random_case(4, &Limits { seq_len: 30, ..limits(Activations::Any) });
    let case = Case::new(&random.layer, &random.inputs);
    let one = bits(&case, &random, forced(Way::new(Level::best(), 1), [1, 1]));
    let calls = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for caller in 0..3 {
            let (case, random, one, calls) = (&case, &random, &one, &calls);
            scope.spawn(move || {
                let mut rng = Rng::new(caller);
                for _ in 0..5 {
                    let grid = [rng.between(1, 3), rng.between(1, 5)].map(|number| number as u32);
                    let way = forced(Way::new(Level::best(), 16), grid);
                    assert!(&bits(case, random, way) == one, "{grid:?}");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(calls.into_inner(), 15);
}
