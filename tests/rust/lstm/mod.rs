//! `Lstm`: what only it does. Its numbers are those of the Python package (`tests/rust/files`).

mod arguments;
mod calls;
mod streams;
mod training;
mod weights;

use bnns_lstm::ndarray::{Array3, ArrayView, Dimension};
use bnns_lstm::{Batch, Error, Lstm, LstmState};

/// Numbers between -1 and 1 that do not repeat.
pub fn drawn(shape: (usize, usize, usize), start: f32) -> Array3<f32> {
    let mut at = start;
    Array3::from_shape_simple_fn(shape, || {
        at += 0.37;
        (at * at).sin()
    })
}

/// States of some samples.
pub fn state(stack: usize, rows: usize, units: usize, start: f32) -> LstmState {
    let (h, c) = (drawn((stack, rows, units), start), drawn((stack, rows, units), start + 0.1));
    LstmState { h, c }
}

/// The bits of an array.
pub fn bits<D: Dimension>(array: ArrayView<'_, f32, D>) -> Vec<u32> {
    array.iter().map(|number| number.to_bits()).collect()
}

/// A call of one sample by itself.
pub fn alone(lstm: &mut Lstm, x: &Array3<f32>, begin: &LstmState) -> (Array3<f32>, LstmState) {
    lstm.forward(Batch::new(x.view()).state(begin)).unwrap()
}

/// Path and code of each finding.
pub fn findings<T>(result: Result<T, Error>) -> Vec<(String, &'static str)> {
    match result {
        Err(Error::Descriptor(error)) => {
            error.issues().iter().map(|i| (i.path.to_string(), i.code.name())).collect()
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => Vec::new(),
    }
}
