//! rust-lstm: everything in f64, `[values, batch]` for each step. It saves what training needs in every call.

use crates_protocol::ndarray::{self as theirs, Array3, ArrayD};
use crates_protocol::{Call, Failure, Kind, Results, Row, Weights, serve};
use ndarray::{Array2, Axis};
use rust_lstm::{BiLSTMNetwork, LSTMCell, LSTMCellGradients, LSTMNetwork, LSTMState};

type Steps = Vec<Array2<f64>>;

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Call>, Failure> {
    let (_, batch, width) = row.sizes();
    let x = steps(&row.x);
    if row.directions() == 2 {
        let mut network = BiLSTMNetwork::new_concat(width, row.hidden, row.weights.len());
        let cells = network.get_forward_cells_mut().iter_mut();
        cells.zip(&row.weights).for_each(|(cell, weights)| fill(cell, &weights[0]));
        let cells = network.get_backward_cells_mut().iter_mut();
        cells.zip(&row.weights).for_each(|(cell, weights)| fill(cell, &weights[1]));
        network.eval();
        return Ok(forward(move || network.forward_sequence(&x)));
    }
    let mut network = LSTMNetwork::new(width, row.hidden, row.weights.len());
    let cells = network.get_cells_mut().iter_mut();
    cells.zip(&row.weights).for_each(|(cell, weights)| fill(cell, &weights[0]));
    if row.kind == Kind::Train {
        return Ok(Box::new(Train { network, x, dy: steps(&row.dy), last: None }));
    }
    network.eval();
    Ok(match row.kind {
        Kind::Step => {
            let (x, state) = (x[0].clone(), network.zero_state(batch));
            Box::new(Step { network, y: x.clone(), x, state })
        }
        Kind::Ragged => {
            let column = |step: &Array2<f64>, n| step.column(n).to_owned().insert_axis(Axis(1));
            let sample = |(n, &length)| x[..length].iter().map(|step| column(step, n)).collect();
            let samples = row.lengths.iter().enumerate().map(sample).collect();
            Box::new(Ragged { network, samples, steps: x.len(), hidden: row.hidden, y: Vec::new() })
        }
        _ => forward(move || network.forward_sequence(&x)),
    })
}

fn fill(cell: &mut LSTMCell, weights: &Weights) {
    cell.w_ih = Array2::from_shape_fn(weights.w.dim(), |place| f64::from(weights.w[place]));
    cell.w_hh = Array2::from_shape_fn(weights.r.dim(), |place| f64::from(weights.r[place]));
    cell.b_ih = Array2::from_shape_fn((weights.b.len(), 1), |(i, _)| f64::from(weights.b[i]));
}

struct Step {
    network: LSTMNetwork,
    x: Array2<f64>,
    y: Array2<f64>,
    state: LSTMState,
}

impl Call for Step {
    fn call(&mut self) -> Result<(), Failure> {
        (self.y, self.state) = self.network.forward(&self.x, &self.state);
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let state = |states: &[Array2<f64>]| joined(states).remove_axis(theirs::Axis(0)).into_dyn();
        Ok(Results::from([
            ("y", joined(std::slice::from_ref(&self.y)).into_dyn()),
            ("h", state(&self.state.h)),
            ("c", state(&self.state.c)),
        ]))
    }
}

struct Forward<F> {
    sequence: F,
    y: Steps,
}

fn forward(sequence: impl FnMut() -> Steps + 'static) -> Box<dyn Call> {
    Box::new(Forward { sequence, y: Steps::new() })
}

impl<F: FnMut() -> Steps> Call for Forward<F> {
    fn call(&mut self) -> Result<(), Failure> {
        self.y = (self.sequence)();
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        Ok(Results::from([("y", joined(&self.y).into_dyn())]))
    }
}

/// Samples of different lengths, each step `[values, 1]`; outputs are hidden and cell states.
struct Ragged {
    network: LSTMNetwork,
    samples: Vec<Steps>,
    steps: usize,
    hidden: usize,
    y: Vec<Vec<(Array2<f64>, Array2<f64>)>>,
}

impl Call for Ragged {
    fn call(&mut self) -> Result<(), Failure> {
        self.y = self.network.forward_batch_sequences(&self.samples);
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let shape = (self.steps, self.samples.len(), self.hidden);
        let y = Array3::from_shape_fn(shape, |(t, n, i)| {
            self.y[n].get(t).map_or(0.0, |(h, _)| h[[i, 0]] as f32)
        });
        Ok(Results::from([("y", y.into_dyn())]))
    }
}

struct Train {
    network: LSTMNetwork,
    x: Steps,
    dy: Steps,
    last: Option<(Steps, Vec<LSTMCellGradients>, Steps)>,
}

impl Call for Train {
    fn call(&mut self) -> Result<(), Failure> {
        let (outputs, caches) = self.network.forward_sequence_with_cache(&self.x);
        let (gradients, dx) = self.network.backward_sequence(&self.dy, &caches);
        self.last = Some((outputs.into_iter().map(|(h, _)| h).collect(), gradients, dx));
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let (y, gradients, dx) = self.last.as_ref().ok_or("there was no call")?;
        let [gradients] = gradients.as_slice() else { return Err("more than a layer".into()) };
        let db = gradients.b_ih.iter().map(|&value| value as f32).collect();
        Ok(Results::from([
            ("y", joined(y).into_dyn()),
            ("dx", joined(dx).into_dyn()),
            ("dw0.0", narrow(&gradients.w_ih)),
            ("dr0.0", narrow(&gradients.w_hh)),
            ("db0.0", ArrayD::from_shape_vec(vec![gradients.b_ih.len()], db)?),
        ]))
    }
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
