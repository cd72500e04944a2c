//! Batches that are computed in other ways than few rows: inputs projected with each step, weights read
//! ahead. The bits are those of each row alone.

use crate::support::Case;
use bnns_lstm::{Error, Level};
use bnns_lstm_testkit::random::{Activations, Limits, random_case};

/// Layers of at most this size, drawn.
struct Sizes {
    rows: usize,
    hidden: usize,
    steps: usize,
    layers: usize,
}

fn cases(sizes: &Sizes, seeds: u64) -> impl Iterator<Item = Case> + '_ {
    let draw = |(seed, bidirectional, lengths)| {
        let limits = Limits {
            input_size: 5,
            hidden_size: sizes.hidden,
            batch_size: sizes.rows,
            num_layers: sizes.layers,
            seq_len: sizes.steps,
            bidirectional,
            lengths,
            peepholes: true,
            activations: Activations::Default,
        };
        let case = random_case(seed, &limits);
        Case::new(&case.layer, &case.inputs)
    };
    (0..seeds).flat_map(move |seed| {
        [(false, false), (false, true), (true, true)].map(|(two, ragged)| draw((seed, two, ragged)))
    })
}

/// With a thread for each row, no row has a neighbour.
fn assert_rows_are_alone(case: &Case) -> Result<(), Error> {
    let rows = case.layer.batch_size;
    for level in Level::available() {
        let together = case.run(level, 1)?;
        for threads in [2, rows] {
            let apart = case.run(level, threads)?;
            assert_eq!(together.bits(), apart.bits(), "{level:?}, {rows} rows, {threads} threads");
        }
    }
    Ok(())
}

#[test]
fn steps_of_many_rows_give_the_bits_of_single_rows() -> Result<(), Error> {
    let sizes = Sizes { rows: 70, hidden: 37, steps: 9, layers: 3 };
    cases(&sizes, 6).try_for_each(|case| assert_rows_are_alone(&case))
}

#[test]
fn weights_that_are_read_ahead_give_the_bits_of_single_rows() -> Result<(), Error> {
    let sizes = Sizes { rows: 23, hidden: 420, steps: 3, layers: 2 };
    let is_large = |case: &Case| case.layer.hidden_size > 300 && case.layer.batch_size > 16;
    let cases: Vec<Case> = cases(&sizes, 100).filter(is_large).take(4).collect();
    assert_eq!(cases.len(), 4, "weights beyond 1 MiB");
    cases.iter().try_for_each(assert_rows_are_alone)
}
