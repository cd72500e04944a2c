//! rust-lstm: everything in f64, `[values, batch]` for each step. It saves what training needs in every call.

use crates_protocol::ndarray::{self as theirs, Array3, ArrayD};
use crates_protocol::{Engine, Failure, Kind, Results, Row, Weights, engine, serve};
use ndarray::{Array2, Axis};
use rust_lstm::{BiLSTMNetwork, LSTMCell, LSTMNetwork};

type Steps = Vec<Array2<f64>>;

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Engine>, Failure> {
    let (_, batch, width) = row.sizes();
    let x = steps(&row.x);
    if row.directions() == 2 {
        let mut network = BiLSTMNetwork::new_concat(width, row.hidden, row.weights.len());
        let cells = network.get_forward_cells_mut().iter_mut();
        cells.zip(&row.weights).for_each(|(cell, weights)| fill(cell, &weights[0]));
        let cells = network.get_backward_cells_mut().iter_mut();
        cells.zip(&row.weights).for_each(|(cell, weights)| fill(cell, &weights[1]));
        network.eval();
        return forward(move || network.forward_sequence(&x));
    }
    let mut network = LSTMNetwork::new(width, row.hidden, row.weights.len());
    let cells = network.get_cells_mut().iter_mut();
    cells.zip(&row.weights).for_each(|(cell, weights)| fill(cell, &weights[0]));
    if row.kind == Kind::Train {
        return train(network, x, steps(&row.dy));
    }
    network.eval();
    match row.kind {
        Kind::Step => engine(
            (x[0].clone(), network.zero_state(batch)),
            move |(y, state)| {
                (*y, *state) = network.forward(&x[0], state);
                Ok(())
            },
            |(y, state)| {
                let plain = |steps| joined(steps).remove_axis(theirs::Axis(0)).into_dyn();
                let y = joined(std::slice::from_ref(y)).into_dyn();
                Ok(Results::from([("y", y), ("h", plain(&state.h)), ("c", plain(&state.c))]))
            },
        ),
        Kind::Ragged => ragged(network, &x, &row.lengths),
        _ => forward(move || network.forward_sequence(&x)),
    }
}

fn forward(mut sequence: impl FnMut() -> Steps + 'static) -> Result<Box<dyn Engine>, Failure> {
    engine(
        Steps::new(),
        move |y| {
            *y = sequence();
            Ok(())
        },
        |y| Ok(Results::from([("y", joined(y).into_dyn())])),
    )
}

/// Samples of different lengths, each step `[values, 1]`; what is computed are hidden and cell states.
fn ragged(
    mut network: LSTMNetwork,
    x: &[Array2<f64>],
    lengths: &[usize],
) -> Result<Box<dyn Engine>, Failure> {
    let column = |step: &Array2<f64>, n| step.column(n).to_owned().insert_axis(Axis(1));
    let sample = |(n, &length)| x[..length].iter().map(|step| column(step, n)).collect();
    let samples: Vec<Steps> = lengths.iter().enumerate().map(sample).collect();
    engine(
        Vec::new(),
        move |y| {
            *y = network.forward_batch_sequences(&samples);
            Ok(())
        },
        |y| {
            let (longest, hidden) = (y[0].len(), y[0][0].0.nrows());
            let y = Array3::from_shape_fn((longest, y.len(), hidden), |(t, n, i)| {
                y[n].get(t).map_or(0.0, |(h, _)| h[[i, 0]] as f32)
            });
            Ok(Results::from([("y", y.into_dyn())]))
        },
    )
}

fn train(mut network: LSTMNetwork, x: Steps, dy: Steps) -> Result<Box<dyn Engine>, Failure> {
    engine(
        None,
        move |last| {
            let (y, caches) = network.forward_sequence_with_cache(&x);
            *last = Some((y, network.backward_sequence(&dy, &caches)));
            Ok(())
        },
        |last| {
            let (y, (layers, dx)) = last.as_ref().ok_or("there was no call")?;
            let y: Steps = y.iter().map(|(h, _)| h.clone()).collect();
            let db = layers[0].b_ih.iter().map(|&value| value as f32).collect();
            Ok(Results::from([
                ("y", joined(&y).into_dyn()),
                ("dx", joined(dx).into_dyn()),
                ("dw0.0", narrow(&layers[0].w_ih)),
                ("dr0.0", narrow(&layers[0].w_hh)),
                ("db0.0", ArrayD::from_shape_vec(vec![layers[0].b_ih.len()], db)?),
            ]))
        },
    )
}

fn fill(cell: &mut LSTMCell, weights: &Weights) {
    cell.w_ih = Array2::from_shape_fn(weights.w.dim(), |place| f64::from(weights.w[place]));
    cell.w_hh = Array2::from_shape_fn(weights.r.dim(), |place| f64::from(weights.r[place]));
    cell.b_ih = Array2::from_shape_fn((weights.b.len(), 1), |(i, _)| f64::from(weights.b[i]));
}

/// `[T, B, values]` as `[values, B]` for each step.
fn steps(array: &Array3<f32>) -> Steps {
    let (count, batch, values) = array.dim();
    let at = |t| Array2::from_shape_fn((values, batch), |(i, n)| f64::from(array[[t, n, i]]));
    (0..count).map(at).collect()
}

/// The other way.
fn joined(steps: &[Array2<f64>]) -> Array3<f32> {
    let (values, batch) = steps.first().map_or((0, 0), Array2::dim);
    Array3::from_shape_fn((steps.len(), batch, values), |(t, n, i)| steps[t][[i, n]] as f32)
}

fn narrow(array: &Array2<f64>) -> ArrayD<f32> {
    theirs::Array2::from_shape_fn(array.dim(), |place| array[place] as f32).into_dyn()
}
