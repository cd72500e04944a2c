//! burn on its backend `flex`: eager, eight products a step; stacked layers are ours.

use burn::module::Param;
use burn::nn::{BiLstm, BiLstmConfig, GateController, Linear, Lstm, LstmConfig};
use burn::tensor::{Device, Tensor, TensorData};
use crates_protocol::ndarray::{Array3, ArrayD, ArrayView1, ArrayView2, s};
use crates_protocol::{Engine, Failure, Kind, Results, Row, Unsupported, Weights, engine, serve};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Engine>, Failure> {
    let device = Device::flex();
    let x = tensor(&row.x, &device);
    match row.kind {
        Kind::Ragged => Err(Unsupported("no samples of different lengths").into()),
        Kind::Train => train(row, &device.autodiff()),
        Kind::Forward if row.directions() == 2 => {
            let layers = row.weights.iter().map(|directions| both(directions, &device));
            let layers: Vec<_> = layers.collect();
            let in_turn = |x, layer: &BiLstm| layer.forward(x, None).0;
            forward(move || layers.iter().fold(x.clone(), in_turn))
        }
        Kind::Forward => {
            let layer = lstm(&row.weights[0][0], &device);
            forward(move || layer.forward(x.clone(), None).0)
        }
        Kind::Step => {
            let layer = lstm(&row.weights[0][0], &device);
            engine(
                None,
                move |last| {
                    let state = last.take().map(|(_, state)| state);
                    *last = Some(layer.forward(x.clone(), state));
                    Ok(())
                },
                |last| {
                    let (y, state) = last.clone().ok_or("there was no call")?;
                    let (h, c) = (array(state.hidden)?, array(state.cell)?);
                    Ok(Results::from([("y", array(y)?), ("h", h), ("c", c)]))
                },
            )
        }
    }
}

fn forward(layers: impl Fn() -> Tensor<3> + 'static) -> Result<Box<dyn Engine>, Failure> {
    engine(
        None,
        move |y| {
            *y = Some(layers());
            Ok(())
        },
        |y| Ok(Results::from([("y", array(y.clone().ok_or("there was no call")?)?)])),
    )
}

fn train(row: &Row, device: &Device) -> Result<Box<dyn Engine>, Failure> {
    let lstm = lstm(&row.weights[0][0], device);
    let (x, dy) = (tensor(&row.x, device).require_grad(), tensor(&row.dy, device));
    engine(
        None,
        move |last| {
            let (y, _) = lstm.forward(x.clone(), None);
            let gradients = (y.clone() * dy.clone()).sum().backward();
            let forget = lstm.forget_gate.as_ref().ok_or("no forget gate")?;
            let gates = [&lstm.input_gate, forget, &lstm.cell_gate, &lstm.output_gate];
            let (mut w, mut r, mut b) = (Vec::new(), Vec::new(), Vec::new());
            for GateController { input_transform, hidden_transform } in gates {
                let bias = input_transform.bias.as_ref().ok_or("no bias")?;
                w.push(input_transform.weight.grad(&gradients).ok_or("no gradient")?);
                r.push(hidden_transform.weight.grad(&gradients).ok_or("no gradient")?);
                b.push(bias.grad(&gradients).ok_or("no gradient")?);
            }
            *last = Some((y, x.grad(&gradients).ok_or("no gradient")?, w, r, b));
            Ok(())
        },
        |last| {
            let (y, dx, w, r, b) = last.clone().ok_or("there was no call")?;
            Ok(Results::from([
                ("y", array(y)?),
                ("dx", array(dx)?),
                ("dw0.0", array(Tensor::cat(w, 1).transpose())?),
                ("dr0.0", array(Tensor::cat(r, 1).transpose())?),
                ("db0.0", array(Tensor::cat(b, 0))?),
            ]))
        },
    )
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

fn tensor(array: &Array3<f32>, device: &Device) -> Tensor<3> {
    let (steps, batch, width) = array.dim();
    let values: Vec<_> = array.iter().copied().collect();
    Tensor::from_data(TensorData::new(values, [steps, batch, width]), device)
}

fn array<const D: usize>(tensor: Tensor<D>) -> Result<ArrayD<f32>, Failure> {
    let shape = tensor.shape().to_vec();
    let values = tensor.into_data().try_to_vec()?;
    Ok(ArrayD::from_shape_vec(shape, values)?)
}
