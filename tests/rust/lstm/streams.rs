//! Streams: the same bits as the whole sequence, states that are carried, weights that are taken anew.

use super::{bits, drawn, findings, state};
use bnns_lstm::ndarray::{Array3, Axis, Slice, s};
use bnns_lstm::{Batch, Lstm, LstmState, Peephole};

#[test]
fn steps_and_chunks_give_the_bits_of_the_whole_sequence() {
    let builder = Lstm::builder(3, 6).num_layers(2).peephole(Peephole::Full).seed(1);
    let mut lstm = builder.cell_clip(0.8).build().unwrap();
    let (x, begin) = (drawn((7, 2, 3), 0.0), state(2, 2, 6, 1.0));
    let (y, last) = lstm.forward(Batch::new(x.view()).state(&begin)).unwrap();
    let mut stream = lstm.stream(2).unwrap();
    stream.set_state(&begin).unwrap();
    for (step, expected) in y.outer_iter().enumerate().take(3) {
        let found = stream.step(x.index_axis(Axis(0), step)).unwrap();
        assert_eq!(bits(found), bits(expected), "{step}");
    }
    for part in [3..5, 5..5, 5..7] {
        let slice = Slice::from(part.clone());
        let found = stream.process(x.slice_axis(Axis(0), slice)).unwrap();
        assert_eq!(bits(found.view()), bits(y.slice_axis(Axis(0), slice)), "{part:?}");
    }
    assert_eq!(stream.state().unwrap(), last);
    stream.reset();
    let found = stream.process(x.slice(s![..;-1, .., ..])).unwrap();
    let turned = x.slice(s![..;-1, .., ..]);
    assert_eq!(bits(found.view()), bits(lstm.forward(turned).unwrap().0.view()));
    let column = x.slice(s![0, .., ..;-1]);
    stream.reset();
    let found = stream.step(column).unwrap().to_owned();
    let (expected, _) = lstm.forward(&column.insert_axis(Axis(0)).to_owned()).unwrap();
    assert_eq!(bits(found.view()), bits(expected.view()));
}

#[test]
fn one_sample_begins_again_by_itself() {
    let mut lstm = Lstm::builder(3, 4).num_layers(2).seed(2).build().unwrap();
    let mut stream = lstm.stream(3).unwrap();
    let begin = state(2, 3, 4, 1.0);
    stream.set_state(&begin).unwrap();
    stream.reset_sample(1).unwrap();
    let mut expected = begin;
    let zero = |array: &mut Array3<f32>| array.index_axis_mut(Axis(1), 1).fill(0.0);
    zero(&mut expected.h);
    zero(&mut expected.c);
    assert_eq!(stream.state().unwrap(), expected);
    assert_eq!(findings(stream.reset_sample(3)), [("sample".to_owned(), "invalid_number")]);
}

#[test]
fn a_stream_keeps_its_weights_until_it_takes_others() {
    let mut lstm = Lstm::builder(3, 4).seed(3).build().unwrap();
    let x = drawn((1, 1, 3), 0.0);
    let step = x.index_axis(Axis(0), 0);
    let mut stream = lstm.stream(1).unwrap();
    let before = lstm.forward(&x).unwrap().0;
    lstm.parameters_mut().get_mut("weight_ih_l0").unwrap().mapv_inplace(|weight| -weight);
    let after = lstm.forward(&x).unwrap().0;
    assert_ne!(before, after);
    assert_eq!(bits(stream.step(step).unwrap()), bits(before.view()));
    stream.reset();
    stream.update(&mut lstm).unwrap();
    assert_eq!(bits(stream.step(step).unwrap()), bits(after.view()));
    let mut other = Lstm::builder(3, 5).build().unwrap();
    assert_eq!(findings(stream.update(&mut other)), [("lstm".to_owned(), "other_layer")]);
}

#[test]
fn streams_that_cannot_be_are_refused() {
    let both = Lstm::builder(3, 4).bidirectional(true).build();
    let backwards = Lstm::builder(3, 4).reverse(true).build();
    for lstm in [both, backwards] {
        let found = findings(lstm.unwrap().stream(1));
        assert_eq!(found, [("stream".to_owned(), "unsupported_here")]);
    }
    let mut lstm = Lstm::builder(3, 4).build().unwrap();
    assert_eq!(findings(lstm.stream(0)), [("batch_size".to_owned(), "zero_size")]);
    let mut stream = lstm.stream(2).unwrap();
    let x = drawn((1, 2, 4), 0.0);
    let found = findings(stream.step(x.index_axis(Axis(0), 0)));
    assert_eq!(found, [("x".to_owned(), "size_mismatch")]);
    assert_eq!(findings(stream.process(x.view())), [("chunk".to_owned(), "size_mismatch")]);
    let wrong = LstmState { h: Array3::zeros((1, 1, 4)), c: Array3::zeros((1, 2, 3)) };
    let found = findings(stream.set_state(&wrong));
    assert_eq!(
        found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["state.h", "state.c"]
    );
}
