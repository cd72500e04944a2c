//! burn on its backend `flex`: eager, eight products a step; stacked layers are ours.

use burn::module::Param;
use burn::nn::{BiLstm, BiLstmConfig, GateController, Linear, Lstm, LstmConfig, LstmState};
use burn::tensor::{Device, Tensor, TensorData};
use crates_protocol::ndarray::{Array3, ArrayD, ArrayView1, ArrayView2, s};
use crates_protocol::{Call, Failure, Kind, Results, Row, Unsupported, Weights, serve};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Call>, Failure> {
    let device = Device::flex();
    let x = tensor(&row.x, &device);
    match row.kind {
        Kind::Ragged => Err(Unsupported("no samples of different lengths").into()),
        Kind::Step => {
            Ok(Box::new(Step { lstm: lstm(&row.weights[0][0], &device), x, y: None, state: None }))
        }
        Kind::Forward if row.directions() == 2 => {
            let layers: Vec<_> =
                row.weights.iter().map(|directions| both(directions, &device)).collect();
            let in_turn = |x, layer: &BiLstm| layer.forward(x, None).0;
            Ok(forward(x, move |x| layers.iter().fold(x, in_turn)))
        }
        Kind::Forward => {
            let layer = lstm(&row.weights[0][0], &device);
            Ok(forward(x, move |x| layer.forward(x, None).0))
        }
        Kind::Train => {
            let device = device.autodiff();
            let lstm = lstm(&row.weights[0][0], &device);
            let (x, dy) = (tensor(&row.x, &device).require_grad(), tensor(&row.dy, &device));
            Ok(Box::new(Train { lstm, x, dy, last: None }))
        }
    }
}

/// A layer of these weights that takes `[T, B, I]`.
fn lstm(weights: &Weights, device: &Device) -> Lstm {
    let config =
        LstmConfig::new(weights.w.ncols(), weights.r.ncols(), true).with_batch_first(false);
    with_weights(config.init(device), weights, device)
}

fn both(directions: &[Weights], device: &Device) -> BiLstm {
    let (width, hidden) = (directions[0].w.ncols(), directions[0].r.ncols());
    let mut layer = BiLstmConfig::new(width, hidden, true).with_batch_first(false).init(device);
    layer.forward = with_weights(layer.forward, &directions[0], device);
    layer.reverse = with_weights(layer.reverse, &directions[1], device);
    layer
}

fn with_weights(mut lstm: Lstm, weights: &Weights, device: &Device) -> Lstm {
    let hidden = weights.r.ncols();
    let gate = |number| {
        let rows = s![number * hidden..(number + 1) * hidden, ..];
        let bias = weights.b.slice(s![number * hidden..(number + 1) * hidden]);
        GateController {
            input_transform: linear(weights.w.slice(rows), Some(bias), device),
            hidden_transform: linear(weights.r.slice(rows), None, device),
        }
    };
    lstm.input_gate = gate(0);
    lstm.forget_gate = Some(gate(1));
    lstm.cell_gate = gate(2);
    lstm.output_gate = gate(3);
    lstm
}

/// Weights `[outputs, inputs]` and a bias, where the other one of the gate is not 0.
fn linear(w: ArrayView2<'_, f32>, b: Option<ArrayView1<'_, f32>>, device: &Device) -> Linear {
    let weight = TensorData::new(w.t().iter().copied().collect::<Vec<_>>(), [w.ncols(), w.nrows()]);
    let bias = b.map(|b| TensorData::new(b.to_vec(), [b.len()]));
    Linear {
        weight: Param::from_tensor(Tensor::from_data(weight, device)),
        bias: bias.map(|bias| Param::from_tensor(Tensor::from_data(bias, device))),
    }
}

struct Step {
    lstm: Lstm,
    x: Tensor<3>,
    y: Option<Tensor<3>>,
    state: Option<LstmState<2>>,
}

impl Call for Step {
    fn call(&mut self) -> Result<(), Failure> {
        let (y, state) = self.lstm.forward(self.x.clone(), self.state.take());
        (self.y, self.state) = (Some(y), Some(state));
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let y = self.y.clone().ok_or("there was no call")?;
        let state = self.state.clone().ok_or("there was no call")?;
        let (h, c) = (array(state.hidden)?, array(state.cell)?);
        Ok(Results::from([("y", array(y)?), ("h", h), ("c", c)]))
    }
}

struct Forward<F> {
    layers: F,
    x: Tensor<3>,
    y: Option<Tensor<3>>,
}

fn forward(x: Tensor<3>, layers: impl Fn(Tensor<3>) -> Tensor<3> + 'static) -> Box<dyn Call> {
    Box::new(Forward { layers, x, y: None })
}

impl<F: Fn(Tensor<3>) -> Tensor<3>> Call for Forward<F> {
    fn call(&mut self) -> Result<(), Failure> {
        self.y = Some((self.layers)(self.x.clone()));
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let y = self.y.clone().ok_or("there was no call")?;
        Ok(Results::from([("y", array(y)?)]))
    }
}

struct Train {
    lstm: Lstm,
    x: Tensor<3>,
    dy: Tensor<3>,
    last: Option<(Tensor<3>, Tensor<3>, Vec<Tensor<2>>, Vec<Tensor<2>>, Vec<Tensor<1>>)>,
}

impl Call for Train {
    fn call(&mut self) -> Result<(), Failure> {
        let (y, _) = self.lstm.forward(self.x.clone(), None);
        let gradients = (y.clone() * self.dy.clone()).sum().backward();
        let Lstm { input_gate, forget_gate, cell_gate, output_gate, .. } = &self.lstm;
        let forget_gate = forget_gate.as_ref().ok_or("no forget gate")?;
        let (mut w, mut r, mut b) = (Vec::new(), Vec::new(), Vec::new());
        for gate in [input_gate, forget_gate, cell_gate, output_gate] {
            let bias = gate.input_transform.bias.as_ref().ok_or("no bias")?;
            w.push(gate.input_transform.weight.grad(&gradients).ok_or("no gradient")?);
            r.push(gate.hidden_transform.weight.grad(&gradients).ok_or("no gradient")?);
            b.push(bias.grad(&gradients).ok_or("no gradient")?);
        }
        let dx = self.x.grad(&gradients).ok_or("no gradient")?;
        self.last = Some((y, dx, w, r, b));
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let (y, dx, w, r, b) = self.last.clone().ok_or("there was no call")?;
        Ok(Results::from([
            ("y", array(y)?),
            ("dx", array(dx)?),
            ("dw0.0", array(Tensor::cat(w, 1).transpose())?),
            ("dr0.0", array(Tensor::cat(r, 1).transpose())?),
            ("db0.0", array(Tensor::cat(b, 0))?),
        ]))
    }
}

fn tensor(array: &Array3<f32>, device: &Device) -> Tensor<3> {
    let (steps, batch, width) = array.dim();
    let values: Vec<_> = array.iter().copied().collect();
    Tensor::from_data(TensorData::new(values, [steps, batch, width]), device)
}

fn array<const D: usize>(tensor: Tensor<D>) -> Result<ArrayD<f32>, Failure> {
    let shape = tensor.shape().to_vec();
    let values = tensor.into_data().to_vec().map_err(|error| format!("{error:?}"))?;
    Ok(ArrayD::from_shape_vec(shape, values)?)
}
