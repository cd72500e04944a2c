//! Threads that share the units of each step: the same bits, whoever comes when.

use crate::support::Case;
use bnns_lstm::{Error, Level};
use bnns_lstm_testkit::random::{Activations, Limits, random_case};

/// Layers of few rows and many units, as threads share them.
fn cases() -> Vec<Case> {
    let sizes = |hidden_size, batch_size, seq_len, num_layers, bidirectional, lengths| Limits {
        input_size: 3,
        hidden_size,
        batch_size,
        num_layers,
        seq_len,
        bidirectional,
        lengths,
        peepholes: true,
        activations: Activations::Default,
        variants: true,
    };
    let all = [
        sizes(70, 1, 400, 1, false, false),
        sizes(131, 3, 60, 3, false, true),
        sizes(50, 4, 80, 2, true, true),
        sizes(40, 2, 1, 2, true, false),
    ];
    let cases = all.iter().flat_map(|limits| (0..4).map(move |seed| random_case(seed, limits)));
    cases.map(|case| Case::new(&case.layer, &case.inputs)).collect()
}

#[test]
fn threads_that_share_units_give_the_same_bits() -> Result<(), Error> {
    for case in cases() {
        for level in Level::available() {
            let one = case.run(level, 1)?;
            for n_threads in [2, 3, 5] {
                assert_eq!(one, case.run(level, n_threads)?, "{level:?}, {n_threads} threads");
            }
        }
    }
    Ok(())
}

/// More callers than the machine has cores, all with threads that wait for each other.
#[test]
fn callers_do_not_wait_for_each_other_for_ever() -> Result<(), Error> {
    let level = Level::best();
    for case in cases() {
        let one = case.run(level, 1)?;
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..6).map(|_| scope.spawn(|| case.run(level, 3))).collect();
            for caller in callers {
                assert_eq!(one, caller.join().unwrap().unwrap());
            }
        });
    }
    Ok(())
}
