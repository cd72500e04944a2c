//! Groups of rows times parts of the units: the same bits whatever the grid and the number of threads, forward and
//! backward.

use crate::support::training::Way;
use crate::support::{CallWay, Case, Results};
use bnns_lstm::binding::Tuning;
use bnns_lstm::{Checkpoints, Error, Level, Options, Route};
use bnns_lstm_testkit::Inputs;
use bnns_lstm_testkit::random::{Activations, Limits, Rng, random_case, random_layer};

/// Threads, groups of rows, parts of the units.
const GRIDS: [(usize, [u32; 2]); 8] = [
    (2, [1, 2]),
    (2, [2, 1]),
    (3, [1, 3]),
    (5, [2, 2]),
    (8, [2, 4]),
    (8, [3, 2]),
    (16, [4, 4]),
    (16, [1, 9]),
];

/// Layers with enough rows and units for every grid.
fn limits(activations: Activations) -> Limits {
    Limits {
        input_size: 7,
        hidden_size: 150,
        batch_size: 13,
        num_layers: 3,
        seq_len: 12,
        activations,
        ..Limits::default()
    }
}

fn forced(route: Route, level: Level, n_threads: usize, grid: Option<[u32; 2]>) -> Options {
    let options = CallWay { route, level, n_threads }.options();
    Options { tuning: Tuning { grid, ..options.tuning }, ..options }
}

fn assert_grids(seed: u64, limits: &Limits, route: Route) -> Result<(), Error> {
    let random = random_case(seed, limits);
    let case = Case::new(&random.layer, &random.inputs);
    let level = Level::best();
    let one = case.run_with(forced(route, level, 1, Some([1, 1])))?;
    for (n_threads, grid) in GRIDS {
        let found = case.run_with(forced(route, level, n_threads, Some(grid)))?;
        let way = CallWay { route, level, n_threads };
        let assert_same = |what: &str, of: fn(&Results) -> &Vec<f32>| {
            way.assert_same(&format!("{what} of seed {seed}, {grid:?}"), of(&found), of(&one));
        };
        assert_same("y", |results| &results.y);
        assert_same("hn", |results| &results.hn);
        assert_same("cn", |results| &results.cn);
    }
    Ok(())
}

#[test]
fn every_grid_gives_the_same_bits() -> Result<(), Error> {
    for seed in 0..8 {
        assert_grids(seed, &limits(Activations::Default), Route::Panels)?;
    }
    Ok(())
}

/// Other activations and full peepholes: parts exchange cell states as well.
#[test]
fn every_grid_of_a_generic_layer_gives_the_same_bits() -> Result<(), Error> {
    for seed in 0..12 {
        assert_grids(seed, &limits(Activations::Any), Route::Panels)?;
    }
    Ok(())
}

#[test]
fn every_grid_gives_the_same_numbers_by_a_library() -> Result<(), Error> {
    for seed in 0..4 {
        assert_grids(seed, &limits(Activations::Default), Route::Gemm)?;
    }
    Ok(())
}

/// Chunks of one step, and tagged words for a few rows.
#[test]
fn no_tuned_number_changes_a_bit_of_a_grid() -> Result<(), Error> {
    let random = random_case(5, &limits(Activations::Default));
    let case = Case::new(&random.layer, &random.inputs);
    let options = forced(Route::Panels, Level::best(), 6, Some([2, 3]));
    let wanted = case.run(Level::best(), 1)?;
    for (chunk_bytes, word_floats) in [(1, 0), (1 << 30, 0), (1, 1 << 20)] {
        let tuning = Tuning { chunk_bytes, word_floats, ..options.tuning };
        assert_eq!(case.run_with(Options { tuning, ..options })?, wanted);
    }
    Ok(())
}

/// The cache that parts of the units fill together is the one that a single thread fills, as are the gradients.
#[test]
fn gradients_after_a_divided_forward_pass_are_the_same() {
    for seed in 0..12 {
        let activations = if seed % 2 == 0 { Activations::Default } else { Activations::Any };
        let random = random_case(seed, &Limits { hidden_size: 70, ..limits(activations) });
        let case = Case::new(&random.layer, &random.inputs);
        let checkpoints = match seed % 3 {
            0 => Checkpoints::Every(5),
            _ => Checkpoints::EveryStep,
        };
        let gradients = |n_threads: usize, grid: [u32; 2]| {
            let way = Way::new(Level::best(), n_threads);
            let tuning = Tuning { grid: Some(grid), ..way.tuning };
            let dropout = if seed % 5 == 0 { 0.3 } else { 0.0 };
            let way = Way { checkpoints, dropout, tuning, ..way };
            let found = case.gradients(&random.incoming, way).unwrap();
            found.values().flatten().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        let one = gradients(1, [1, 1]);
        for (n_threads, grid) in GRIDS {
            assert!(
                one == gradients(n_threads, grid),
                "seed {seed}, {n_threads} threads, {grid:?}"
            );
        }
    }
}

/// Groups whose samples have no step have no buffers.
#[test]
fn groups_of_empty_samples_give_nothing() -> Result<(), Error> {
    for level in Level::available() {
        for seed in 0..6 {
            let limits = Limits { hidden_size: 60, ..limits(Activations::Default) };
            let mut layer = random_layer(seed, &limits);
            (layer.seq_len, layer.batch_size) = (3, 4);
            layer.batch_sizes = Some(vec![2, 1, 1]);
            let x = Rng::new(seed).reals(layer.x_len(), 1.0);
            let case = Case::new(&layer, &Inputs { x, h0: None, c0: None });
            let one = case.run(level, 1)?;
            for (n_threads, grid) in [(1, [4, 2]), (4, [4, 2]), (6, [2, 3])] {
                let found = case.run_with(forced(Route::Panels, level, n_threads, Some(grid)))?;
                assert_eq!(found, one, "{level:?}, seed {seed}, {grid:?}");
            }
        }
    }
    Ok(())
}

/// More callers than cores, each with more threads than cores, which wait for each other at every step.
#[test]
fn more_threads_than_cores_come_to_an_end() {
    let random = random_case(3, &limits(Activations::Default));
    let case = Case::new(&random.layer, &random.inputs);
    let one = case.run(Level::best(), 1).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..3 {
            let (case, one) = (&case, &one);
            scope.spawn(move || {
                let mut rng = Rng::new(caller);
                for _ in 0..5 {
                    let grid = [rng.between(1, 4), rng.between(1, 8)].map(|number| number as u32);
                    let options = forced(Route::Panels, Level::best(), 16, Some(grid));
                    assert_eq!(&case.run_with(options).unwrap(), one, "{grid:?}");
                }
            });
        }
    });
}
