//! Calls that are computed in other ways than most: batches whose steps project their own inputs, weights
//! that are read ahead, sequences of one step. The bits are those of each row alone, and of longer sequences.

use crate::support::{Case, ways};
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
            variants: true,
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

/// The layer for the first step alone.
fn first_step(case: &Case) -> Case {
    let mut first = case.clone();
    first.layer.seq_len = 1;
    first.x.truncate(case.layer.batch_size * case.layer.input_size);
    first
}

#[test]
fn a_sequence_of_one_step_gives_the_bits_of_a_longer_ones_first() -> Result<(), Error> {
    for (rows, hidden) in [(1, 70), (3, 70), (40, 37)] {
        let sizes = Sizes { rows, hidden, steps: 4, layers: 3 };
        let is_longer = |case: &Case| {
            let layer = &case.layer;
            let reads_back = layer.bidirectional || layer.variant.reverse;
            layer.seq_len > 1 && !reads_back && layer.batch_sizes.is_none()
        };
        let cases: Vec<Case> = cases(&sizes, 20).filter(is_longer).collect();
        assert!(cases.len() > 5);
        for case in cases {
            let first = first_step(&case);
            for (level, threads) in ways() {
                let expected = case.run(level, threads)?;
                let found = first.run(level, threads)?;
                let bits = |y: &[f32]| y.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                let of_first = &expected.y[..first.layer.y_len()];
                assert_eq!(bits(&found.y), bits(of_first), "{level:?}, {threads} threads");
            }
        }
    }
    Ok(())
}
