//! Calls: lengths in any order, the caller's axes and memory, directions merged, calls with nothing to do.

use super::{alone, bits, drawn, state};
use bnns_lstm::ndarray::{Array3, Array4, Axis, Slice, s};
use bnns_lstm::{Batch, Lstm, LstmState, Merge};

/// The part of a state that belongs to one sample.
fn of_sample(state: &LstmState, sample: usize) -> LstmState {
    let part = |array: &Array3<f32>| array.slice(s![.., sample..=sample, ..]).to_owned();
    LstmState { h: part(&state.h), c: part(&state.c) }
}

#[test]
fn a_sample_in_a_ragged_batch_is_as_it_is_by_itself() {
    let mut lstm = Lstm::builder(3, 6).num_layers(2).bidirectional(true).seed(1).build().unwrap();
    let (x, begin) = (drawn((5, 4, 3), 0.0), state(4, 4, 6, 1.0));
    let lengths = [2, 5, 0, 4];
    let batch = Batch::new(x.view()).state(&begin).lengths(&lengths);
    let (y, last) = lstm.forward(batch).unwrap();
    for (sample, length) in lengths.into_iter().enumerate() {
        let own = x.slice(s![..length, sample..=sample, ..]).to_owned();
        let (own_y, own_last) = alone(&mut lstm, &own, &of_sample(&begin, sample));
        let here = y.index_axis(Axis(1), sample);
        assert_eq!(bits(here.slice(s![..length, ..])), bits(own_y.view()), "{sample}");
        assert!(here.slice(s![length.., ..]).iter().all(|&value| value == 0.0));
        assert_eq!(of_sample(&last, sample), own_last, "{sample}");
    }
    // The other way around in memory, the same.
    let builder = Lstm::builder(3, 6).num_layers(2).bidirectional(true).batch_first(true);
    let mut lstm = builder.seed(1).build().unwrap();
    let turned = x.view().permuted_axes([1, 0, 2]);
    let (turned_y, turned_last) =
        lstm.forward(Batch::new(turned).state(&begin).lengths(&lengths)).unwrap();
    assert_eq!(bits(turned_y.permuted_axes([1, 0, 2]).view()), bits(y.view()));
    assert_eq!(turned_last, last);
}

#[test]
fn an_output_goes_where_the_caller_wants_it() {
    let lengths = [3, 4];
    for is_batch_first in [false, true] {
        let builder = Lstm::builder(3, 5).bidirectional(true).batch_first(is_batch_first).seed(2);
        for merge in [Merge::Concat, Merge::Sum] {
            let mut lstm = builder.clone().merge(merge).build().unwrap();
            let x = if is_batch_first { drawn((2, 4, 3), 0.0) } else { drawn((4, 2, 3), 0.0) };
            for batch in [Batch::new(x.view()), Batch::new(x.view()).lengths(&lengths)] {
                let (y, last) = lstm.forward(batch).unwrap();
                let mut own = Array3::from_elem(y.raw_dim(), f32::NAN);
                assert_eq!(lstm.forward_into(batch, own.view_mut()).unwrap(), last);
                assert_eq!(own, y);
                // Every second value of an array that is twice as wide.
                let (a, b, c) = y.dim();
                let mut wide = Array4::from_elem((a, b, c, 2), 7.0);
                let last_again = lstm.forward_into(batch, wide.index_axis_mut(Axis(3), 0)).unwrap();
                assert_eq!(last_again, last);
                assert_eq!(wide.index_axis(Axis(3), 0), y);
                assert_eq!(wide.index_axis(Axis(3), 1), Array3::from_elem((a, b, c), 7.0));
            }
        }
    }
}

#[test]
fn directions_are_merged_as_they_say() {
    let builder = Lstm::builder(3, 5).bidirectional(true).seed(3);
    let x = drawn((4, 2, 3), 0.0);
    let (both, _) = builder.clone().build().unwrap().forward(&x).unwrap();
    let (forward, backward) = both.view().split_at(Axis(2), 5);
    for (merge, expected) in [
        (Merge::Sum, &forward + &backward),
        (Merge::Average, (&forward + &backward) / 2.0),
        (Merge::Product, &forward * &backward),
    ] {
        let (y, _) = builder.clone().merge(merge).build().unwrap().forward(&x).unwrap();
        assert_eq!(y, expected, "{merge:?}");
    }
}

#[test]
fn a_view_with_strides_of_its_own_is_read_as_it_is() {
    let mut lstm = Lstm::builder(3, 5).seed(4).build().unwrap();
    let wide = drawn((6, 4, 6), 0.0);
    let view = wide.slice(s![..;-2, 1..3, ..;2]);
    let (y, last) = lstm.forward(view).unwrap();
    let (own_y, own_last) = lstm.forward(&view.to_owned()).unwrap();
    assert_eq!((y, last), (own_y, own_last));
}

#[test]
fn a_call_with_nothing_to_do_gives_its_initial_states() {
    let mut lstm = Lstm::builder(3, 5).seed(5).build().unwrap();
    let begin = state(1, 2, 5, 0.5);
    let x = drawn((4, 2, 3), 0.0);
    let no_steps = x.slice_axis(Axis(0), Slice::from(0..0));
    let without = lstm.forward(Batch::new(no_steps).state(&begin)).unwrap();
    assert_eq!(without, (Array3::zeros((0, 2, 5)), begin.clone()));
    let batch = Batch::new(x.view()).state(&begin).lengths(&[0, 0]);
    assert_eq!(lstm.forward(batch).unwrap(), (Array3::zeros((4, 2, 5)), begin));
    let no_samples = x.slice_axis(Axis(1), Slice::from(0..0));
    let (y, last) = lstm.forward(no_samples).unwrap();
    assert_eq!((y.dim(), last.h.dim()), ((4, 0, 5), (1, 0, 5)));
}

#[test]
fn shapes_that_come_and_go_change_nothing() {
    let mut lstm = Lstm::builder(3, 5).seed(6).build().unwrap();
    let inputs: Vec<_> = (1..8).map(|steps| drawn((steps, 2, 3), 0.0)).collect();
    let first: Vec<_> = inputs.iter().map(|x| lstm.forward(x).unwrap()).collect();
    for round in 0..2 {
        for (x, expected) in inputs.iter().zip(&first) {
            assert_eq!(lstm.forward(x).unwrap(), *expected, "{round}");
        }
    }
}

#[test]
fn a_clone_computes_in_another_thread() {
    let mut lstm = Lstm::builder(3, 5).seed(7).build().unwrap();
    let x = drawn((4, 2, 3), 0.0);
    let expected = lstm.forward(&x).unwrap();
    let mut other = lstm.clone();
    let there = std::thread::spawn(move || (other.forward(&x).unwrap(), other, x));
    let (found, mut other, x) = there.join().unwrap();
    assert_eq!(found, expected);
    // Weights of its own.
    other.parameters_mut().get_mut("weight_hh_l0").unwrap().fill(0.0);
    assert_ne!(other.forward(&x).unwrap(), expected);
    assert_eq!(lstm.forward(&x).unwrap(), expected);
}
