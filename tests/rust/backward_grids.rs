//! Groups of rows times parts of the units in the backward pass: the same bits whatever the grid and the number of
//! threads.

use crate::support::training::Way;
use crate::support::{CallWay, Case};
use bnns_lstm::binding::{LayerPlan, Plan, Tuning};
use bnns_lstm::{Checkpoints, Level, Route};
use bnns_lstm_testkit::compare::assert_close;
use bnns_lstm_testkit::random::{Activations, Case as RandomCase, Limits, Rng, random_case};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads, groups of rows, parts of the units.
const GRIDS: [(usize, [u32; 2]); 7] =
    [(2, [1, 2]), (2, [1, 5]), (3, [1, 3]), (5, [2, 2]), (8, [2, 4]), (8, [3, 2]), (16, [4, 4])];

/// Some layers of up to 260 units, the last block of whose outputs may be smaller than the others, but no projected
/// ones, whose units are not divided: every other one of several samples of different lengths, not all of which have
/// rows at each step.
fn cases(activations: Activations, count: usize) -> Vec<(u64, RandomCase)> {
    let limits = Limits {
        input_size: 70,
        hidden_size: 260,
        batch_size: 5,
        num_layers: 2,
        seq_len: 9,
        activations,
        ..Limits::default()
    };
    let mut found = Vec::new();
    for seed in 0.. {
        let case = random_case(seed, &limits);
        let layer = &case.layer;
        let is_divisible = layer.projection.is_none() && layer.hidden_size > 64;
        let is_long = layer.batch_size > 2 && layer.seq_len > 3;
        let is_ragged = layer.batch_sizes.as_ref().is_some_and(|sizes| sizes.contains(&0));
        let has_its_turn = found.len().is_multiple_of(2) || is_long && is_ragged;
        if is_divisible && layer.seq_len > 1 && has_its_turn {
            found.push((seed, case));
        }
        if found.len() == count {
            break;
        }
    }
    found
}

fn forced(way: &Way, grid: [u32; 2]) -> Way {
    Way { tuning: Tuning { backward_grid: Some(grid), ..way.tuning }, ..*way }
}

fn bits(case: &Case, random: &RandomCase, way: &Way) -> Vec<u32> {
    let found = case.gradients(&random.incoming, *way).unwrap();
    found.values().flatten().map(|value| value.to_bits()).collect()
}

/// The grid that is planned.
fn grid(case: &Case, way: &Way) -> [usize; 2] {
    let mut y = vec![0.0; case.layer.y_len()];
    let (checked, options) = (case.checked(*way, &mut y).unwrap(), way.options());
    Plan::new(&LayerPlan::new(&checked, options), &checked, options).unwrap().backward_grid()
}

fn assert_grids(activations: Activations, count: usize, of: impl Fn(u64, Level) -> Way) {
    let levels = Level::available();
    for (index, (seed, random)) in cases(activations, count).into_iter().enumerate() {
        let case = Case::new(&random.layer, &random.inputs);
        let one = of(seed, levels[index % levels.len()]);
        let wanted = bits(&case, &random, &forced(&one, [1, 1]));
        for (n_threads, divided) in GRIDS {
            let way = forced(&Way { n_threads, ..one }, divided);
            let [groups, parts] = grid(&case, &way);
            assert!(parts > 1 && groups <= divided[0] as usize, "seed {seed}, {divided:?}");
            assert!(wanted == bits(&case, &random, &way), "seed {seed}, {way:?}");
        }
    }
}

#[test]
fn every_grid_gives_the_same_gradients() {
    assert_grids(Activations::Default, 8, |_, level| Way::new(level, 1));
}

/// Other activations, variants and full peepholes: parts exchange gradients of cell states as well.
#[test]
fn every_grid_of_a_generic_layer_gives_the_same_gradients() {
    assert_grids(Activations::Any, 14, |_, level| Way::new(level, 1));
}

#[test]
fn segments_dropout_and_sums_to_add_to_are_divided_as_well() {
    for activations in [Activations::Default, Activations::Any] {
        assert_grids(activations, 6, |seed, level| {
            let all = seed % 3 == 0;
            let checkpoints = if all { Checkpoints::EveryStep } else { Checkpoints::Every(4) };
            let (dropout, accumulate) = (0.3, seed % 2 == 1);
            Way { checkpoints, accumulate, dropout, seed: 7, ..Way::new(level, 1) }
        });
    }
}

/// Chunks of one step and more: states go from one division to the next.
#[test]
fn many_chunks_of_a_divided_group_follow_each_other() {
    for training_rows in [1, 6, 17] {
        assert_grids(Activations::Any, 4, |_, level| {
            let way = Way::new(level, 1);
            Way { tuning: Tuning { training_rows, ..way.tuning }, ..way }
        });
    }
}

#[test]
fn a_library_gives_the_same_numbers_in_every_grid() {
    let level = Level::best();
    for (seed, random) in cases(Activations::Default, 6) {
        let case = Case::new(&random.layer, &random.inputs);
        let way = |n_threads| Way::of_call(CallWay { route: Route::Gemm, level, n_threads });
        let one = case.gradients(&random.incoming, forced(&way(1), [1, 1])).unwrap();
        for (n_threads, grid) in GRIDS {
            let found = case.gradients(&random.incoming, forced(&way(n_threads), grid)).unwrap();
            for (name, wanted) in &one {
                let wanted: Vec<f64> = wanted.iter().map(|&value| f64::from(value)).collect();
                let what = format!("{name}, seed {seed}, {grid:?}");
                assert_close(&what, &found[name], &wanted, 1e-5);
            }
        }
    }
}

/// More callers than cores, each with more threads than cores: parts are handed over late, or never.
#[test]
fn more_threads_than_cores_come_to_an_end() {
    let (_, random) = cases(Activations::Any, 2).pop().unwrap();
    let case = Case::new(&random.layer, &random.inputs);
    let one = bits(&case, &random, &forced(&Way::new(Level::best(), 1), [1, 1]));
    let calls = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for caller in 0..3 {
            let (case, random, one, calls) = (&case, &random, &one, &calls);
            scope.spawn(move || {
                let mut rng = Rng::new(caller);
                for _ in 0..12 {
                    let grid = [rng.between(1, 3), rng.between(1, 5)].map(|number| number as u32);
                    let way = forced(&Way::new(Level::best(), 16), grid);
                    assert!(&bits(case, random, &way) == one, "{grid:?}");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(calls.into_inner(), 36);
}
