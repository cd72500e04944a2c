//! Layers of a stack at the same time, as a pipeline: the same bits as one after the other, whatever the number of
//! threads and the steps of a piece.

use crate::support::training::Way;
use crate::support::{CallWay, Case};
use bnns_lstm::binding::{LayerPlan, Plan, Tuning};
use bnns_lstm::{Checkpoints, Error, Level, Options, Route};
use bnns_lstm_testkit::Incoming;
use bnns_lstm_testkit::random::{Activations, Limits, Rng, random_case};

/// Threads of the call; groups of rows; threads of each, and steps of a piece.
const WAYS: [(usize, u32, [u32; 2]); 9] = [
    (1, 1, [4, 3]),
    (1, 2, [2, 1]),
    (2, 1, [2, 5]),
    (3, 1, [3, 1]),
    (5, 1, [5, 2]),
    (8, 1, [5, 4]),
    (8, 3, [2, 7]),
    (16, 1, [16, 1]),
    (16, 3, [5, 100]),
];

/// Stacks of few units: every kind of step, lengths and variant.
fn cases(seeds: u64, batch_size: usize) -> Vec<Case> {
    let limits = Limits {
        hidden_size: 14,
        batch_size,
        num_layers: 5,
        seq_len: 23,
        bidirectional: false,
        activations: Activations::Any,
        ..Limits::default()
    };
    let cases = (0..seeds).map(|seed| random_case(seed, &limits));
    cases.map(|case| Case::new(&case.layer, &case.inputs)).collect()
}

/// Numbers by which layers that can be a pipeline are this one.
fn tuning(groups: u32, pipeline: [u32; 2]) -> Tuning {
    Tuning { grid: Some([groups, 1]), pipeline: Some(pipeline), ..Tuning::of_machine() }
}

fn options(level: Level, n_threads: usize, tuning: Tuning) -> Options {
    Options { tuning, ..CallWay { route: Route::Panels, level, n_threads }.options() }
}

/// The plan of a case.
fn plan(case: &Case, options: Options) -> Result<Plan, Error> {
    let mut y = vec![0.0; case.layer.y_len()];
    let checked = case.checked(Way::new(options.level, options.n_threads), &mut y)?;
    Plan::new(&LayerPlan::new(&checked, options), &checked, options)
}

/// Whether layers can be at the same time.
fn is_stack(case: &Case) -> bool {
    case.layer.num_layers > 1 && case.layer.seq_len > 1
}

/// One thread, layers one after the other.
fn in_turn() -> Tuning {
    Tuning { grid: Some([1, 1]), ..Tuning::of_machine() }
}

#[test]
fn layers_at_the_same_time_give_the_same_bits() -> Result<(), Error> {
    let (mut pipelines, mut projected) = (0, 0);
    for case in cases(40, 4) {
        projected += usize::from(is_stack(&case) && case.layer.projection.is_some());
        for level in [Level::best(), Level::available()[0]] {
            let one = case.run_with(options(level, 1, in_turn()))?;
            for (n_threads, groups, pipeline) in WAYS {
                let options = options(level, n_threads, tuning(groups, pipeline));
                let found = case.run_with(options)?;
                assert_eq!(one.bits(), found.bits(), "{level:?} {n_threads} {pipeline:?}");
                let planned = plan(&case, options)?.pipeline();
                assert_eq!(planned.is_some(), is_stack(&case), "{planned:?}");
                pipelines += usize::from(planned.is_some());
            }
        }
    }
    assert!(pipelines >= 200, "only {pipelines} calls were pipelines");
    assert!(projected >= 5, "only {projected} stacks were projected");
    Ok(())
}

/// The default numbers, with as many threads as there can be.
#[test]
fn forced_threads_give_the_same_bits() -> Result<(), Error> {
    let mut pipelines = 0;
    for case in cases(40, 3) {
        let one = case.run(Level::best(), 1)?;
        for n_threads in [2, 3, 5, 8, 16] {
            assert_eq!(one.bits(), case.run(Level::best(), n_threads)?.bits(), "{n_threads}");
            let way = CallWay { route: Route::Panels, level: Level::best(), n_threads };
            pipelines += usize::from(plan(&case, way.options())?.pipeline().is_some());
        }
    }
    assert!(pipelines > 0, "no call was a pipeline");
    Ok(())
}

#[test]
fn a_pipeline_fills_the_cache_with_the_same_bits() -> Result<(), Error> {
    let mut pipelines = 0;
    for case in cases(16, 3) {
        let rng = &mut Rng::new(7);
        let dy = Some(rng.reals(case.layer.y_len(), 1.0));
        let incoming = Incoming { dy, ..Incoming::default() };
        for checkpoints in [Checkpoints::EveryStep, Checkpoints::Every(4)] {
            for dropout in [0.0, 0.4] {
                let way = |n_threads, tuning| {
                    let way = Way::new(Level::best(), n_threads);
                    Way { checkpoints, dropout, seed: 5, tuning, ..way }
                };
                let one = case.gradients(&incoming, way(1, in_turn()))?;
                for (n_threads, groups, pipeline) in WAYS {
                    let found =
                        case.gradients(&incoming, way(n_threads, tuning(groups, pipeline)))?;
                    assert_eq!(one, found, "{n_threads} {pipeline:?}");
                    let options = Options {
                        training: true,
                        ..options(Level::best(), n_threads, tuning(groups, pipeline))
                    };
                    pipelines += usize::from(plan(&case, options)?.pipeline().is_some());
                }
            }
        }
    }
    assert!(pipelines >= 200, "only {pipelines} calls were pipelines");
    Ok(())
}

#[test]
fn callers_do_not_wait_for_each_others_layers() -> Result<(), Error> {
    let mut pipelines = 0;
    for case in cases(6, 3) {
        let one = case.run(Level::best(), 1)?;
        let many = options(Level::best(), 8, tuning(1, [5, 2]));
        pipelines += usize::from(plan(&case, many)?.pipeline().is_some());
        std::thread::scope(|scope| {
            let call = || case.run_with(many);
            let callers: Vec<_> = (0..5).map(|_| scope.spawn(call)).collect();
            for caller in callers {
                assert_eq!(one.bits(), caller.join().unwrap().unwrap().bits());
            }
        });
    }
    assert!(pipelines > 0, "no call was a pipeline");
    Ok(())
}
