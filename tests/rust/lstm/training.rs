//! Training calls: gradients against differences, tapes, dropout.

use super::{drawn, findings, state};
use bnns_lstm::ndarray::{Array3, s};
use bnns_lstm::{Batch, Error, Lstm, LstmState, Merge, Peephole};

const LENGTHS: [usize; 3] = [1, 4, 3];

/// A loss whose gradients are `dy` and those of `d_state`.
fn loss(
    lstm: &mut Lstm,
    x: &Array3<f32>,
    begin: &LstmState,
    dy: &Array3<f32>,
    d: &LstmState,
) -> f64 {
    let (y, last) = lstm.forward(Batch::new(x.view()).state(begin).lengths(&LENGTHS)).unwrap();
    let sum = |one: &Array3<f32>, other: &Array3<f32>| -> f64 {
        one.iter().zip(other).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    sum(&y, dy) + sum(&last.h, &d.h) + sum(&last.c, &d.c)
}

fn assert_near(what: &str, found: f32, before: f64, after: f64) {
    // Central differences of float32: steps of 0.02 leave an error of about 1e-3 of a gradient of 1.
    let expected = (after - before) / 0.02;
    assert!(
        (f64::from(found) - expected).abs() < 4e-3 * (1.0 + expected.abs()),
        "{what}: {found} {expected}"
    );
}

#[test]
fn gradients_are_those_of_the_loss() {
    for merge in [Merge::Concat, Merge::Average, Merge::Product] {
        let builder = Lstm::builder(2, 3).bidirectional(true).num_layers(2).merge(merge).seed(5);
        let mut lstm = builder.peephole(Peephole::Diagonal).build().unwrap();
        let width = lstm.config().output_size();
        let (x, dy) = (drawn((4, 3, 2), 0.3), drawn((4, 3, width), 0.7));
        let (begin, d_state) = (state(4, 3, 3, 0.1), state(4, 3, 3, 0.9));
        let batch = Batch::new(x.view()).state(&begin).lengths(&LENGTHS);
        let (_, _, tape) = lstm.forward_training(batch, 0).unwrap();
        let found = lstm.backward(&tape, Some(dy.view()), Some(&d_state)).unwrap();
        for place in [[0, 0, 1], [2, 1, 0], [3, 1, 1], [2, 2, 1]] {
            let mut at = |change: f32| {
                let mut x = x.clone();
                x[place] += change;
                loss(&mut lstm, &x, &begin, &dy, &d_state)
            };
            let (before, after) = (at(-0.01), at(0.01));
            assert_near("input", found.input[place], before, after);
            let place = [place[0], place[1], place[2]];
            let mut at = |change: f32| {
                let mut begin = begin.clone();
                begin.c[place] += change;
                loss(&mut lstm, &x, &begin, &dy, &d_state)
            };
            let (before, after) = (at(-0.01), at(0.01));
            assert_near("state.c", found.state.c[place], before, after);
        }
        // Beyond the end of a sample nothing is read.
        assert!(found.input.slice(s![1.., 0, ..]).iter().all(|&value| value == 0.0));
        let names: Vec<_> = lstm.parameters().names().map(str::to_owned).collect();
        for name in names {
            let gradient = found.parameters.get(&name).unwrap();
            let index = gradient.len() / 2;
            let mut at = |change: f32| {
                let mut array = lstm.parameters_mut().get_mut(&name).unwrap();
                *array.iter_mut().nth(index).unwrap() += change;
                loss(&mut lstm, &x, &begin, &dy, &d_state)
            };
            let (before, after) = (at(-0.01), at(0.02));
            at(-0.01);
            assert_near(&name, *gradient.iter().nth(index).unwrap(), before, after);
        }
    }
}

#[test]
fn a_tape_belongs_to_the_weights_of_its_call() {
    let mut lstm = Lstm::builder(3, 4).seed(1).build().unwrap();
    let x = drawn((4, 2, 3), 0.0);
    let (y, last, tape) = lstm.forward_training(&x, 0).unwrap();
    assert_eq!((y.clone(), last), lstm.forward(&x).unwrap());
    let once = lstm.backward(&tape, Some(y.view()), None).unwrap();
    let before = lstm.parameters().clone();
    lstm.parameters_mut().scaled_add(-0.1, &once.parameters).unwrap();
    let refused = lstm.backward(&tape, Some(y.view()), None);
    assert!(matches!(&refused, Err(Error::Cache(issue)) if issue.code.name() == "changed_weights"));
    *lstm.parameters_mut() = before;
    assert_eq!(lstm.backward(&tape, Some(y.view()), None).unwrap(), once);
    let other = Lstm::builder(3, 4).cell_clip(1.0).build().unwrap();
    let found = findings(other.backward(&tape, Some(y.view()), None));
    assert_eq!(found, [("tape".to_owned(), "other_layer")]);
}

#[test]
fn training_learns() {
    let mut lstm = Lstm::builder(2, 8).seed(3).build().unwrap();
    let (x, target) = (drawn((6, 4, 2), 0.0), drawn((6, 4, 8), 2.0) * 0.3);
    let mut losses = Vec::new();
    for _ in 0..60 {
        let (y, _, tape) = lstm.forward_training(&x, 0).unwrap();
        let dy = (&y - &target) / y.len() as f32;
        losses.push((&y - &target).mapv(|error| error * error).sum());
        let gradients = lstm.backward(&tape, Some(dy.view()), None).unwrap();
        lstm.parameters_mut().scaled_add(-20.0, &gradients.parameters).unwrap();
    }
    assert!(losses[59] < 0.7 * losses[0], "{} {}", losses[0], losses[59]);
}

#[test]
fn dropout_acts_in_training_and_depends_on_the_seed() {
    let mut lstm = Lstm::builder(3, 6).num_layers(2).dropout(0.5).seed(2).build().unwrap();
    let x = drawn((4, 2, 3), 0.0);
    let train = |seed| lstm.forward_training(&x, seed).unwrap().0;
    let (one, again, two) = (train(1), train(1), train(2));
    assert_eq!(one, again);
    assert_ne!(one, two);
    assert_ne!(lstm.forward(&x).unwrap().0, one);
}

#[test]
fn a_tape_of_nothing_hands_the_gradients_of_states_on() {
    let lstm = Lstm::builder(3, 4).seed(1).build().unwrap();
    let x = drawn((4, 2, 3), 0.0);
    let batch = Batch::new(x.view()).lengths(&[0, 0]);
    let (_, _, tape) = lstm.forward_training(batch, 0).unwrap();
    let d_state = state(1, 2, 4, 0.4);
    let found = lstm.backward(&tape, None, Some(&d_state)).unwrap();
    assert_eq!((found.state, found.input), (d_state, Array3::zeros((4, 2, 3))));
    assert!(found.parameters.iter().all(|(_, array)| array.iter().all(|&value| value == 0.0)));
}
