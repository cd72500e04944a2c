//! Threads that pack weights side by side: the same bits, forward and backward, as with one of them.

use crate::support::training::Way;
use crate::support::{CallWay, Case};
use bnns_lstm::binding::Tuning;
use bnns_lstm::{Checkpoints, Error, Level, Options, Route};
use bnns_lstm_testkit::Incoming;
use bnns_lstm_testkit::random::{Activations, Limits, random_case};

const THREADS: [usize; 5] = [2, 3, 5, 8, 16];

/// Layers of every kind, with blocks of units enough for some threads at every level.
fn case(seed: u64) -> (Case, Incoming) {
    let limits = Limits {
        input_size: 90,
        hidden_size: 90,
        batch_size: 17,
        num_layers: 2,
        seq_len: 4,
        activations: Activations::Any,
        ..Limits::default()
    };
    let random = random_case(seed, &limits);
    (Case::new(&random.layer, &random.inputs), random.incoming)
}

/// One byte is enough for a thread.
fn tuning() -> Tuning {
    Tuning { packed_bytes_of_thread: 1, ..Tuning::of_machine() }
}

#[test]
fn layers_whose_weights_several_threads_pack_give_the_same_bits() -> Result<(), Error> {
    for seed in 0..12 {
        let (case, _) = case(seed);
        for level in Level::available() {
            let run = |n_threads| {
                let options = CallWay { route: Route::Panels, level, n_threads }.options();
                case.run_with(Options { tuning: tuning(), ..options })
            };
            let one = run(1)?;
            for n_threads in THREADS {
                assert_eq!(run(n_threads)?, one, "seed {seed}, {level:?}, {n_threads} threads");
            }
        }
    }
    Ok(())
}

#[test]
fn training_with_weights_that_several_threads_pack_gives_the_same_bits() -> Result<(), Error> {
    for seed in 0..12 {
        let (case, incoming) = case(seed);
        // With checkpoints, the backward pass packs for both passes.
        let checkpoints =
            if seed % 2 == 0 { Checkpoints::EveryStep } else { Checkpoints::Every(2) };
        let gradients = |n_threads| {
            let way = Way::new(Level::best(), n_threads);
            let found = case.gradients(&incoming, Way { checkpoints, tuning: tuning(), ..way })?;
            Ok::<_, Error>(
                found.values().flatten().map(|value| value.to_bits()).collect::<Vec<_>>(),
            )
        };
        let one = gradients(1)?;
        for n_threads in THREADS {
            assert!(gradients(n_threads)? == one, "seed {seed}, {n_threads} threads");
        }
    }
    Ok(())
}
