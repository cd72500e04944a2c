//! candle: a layer is a step of tensor operations; the loop over layers, and what turns sequences round, is ours.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::rnn::{Direction, LSTMState};
use candle_nn::{LSTM, LSTMConfig, RNN, VarBuilder, VarMap, lstm};
use crates_protocol::ndarray::{Array3, ArrayD};
use crates_protocol::{Engine, Failure, Kind, Results, Row, Unsupported, engine, serve};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Engine>, Failure> {
    if row.kind == Kind::Ragged {
        return Err(Unsupported("no samples of different lengths").into());
    }
    let x = by_sample(&row.x)?;
    if row.kind == Kind::Train {
        return train(row, x);
    }
    let file = std::fs::read(row.weights_file())?;
    let builder = VarBuilder::from_buffered_safetensors(file, DType::F32, &Device::Cpu)?;
    if row.kind == Kind::Step {
        let (layer, x) = (layer(row, 0, 0, builder)?, x.squeeze(1)?);
        let step = move |state: &mut _| {
            *state = layer.step(&x, state)?;
            Ok(())
        };
        let zeros = Tensor::zeros((row.sizes().1, row.hidden), DType::F32, &Device::Cpu)?;
        return engine(LSTMState::new(zeros.clone(), zeros), step, |state| {
            named([("y", state.h.unsqueeze(0)?), ("h", state.h.clone()), ("c", state.c.clone())])
        });
    }
    let mut layers = Vec::new();
    for number in 0..row.weights.len() {
        let both = (0..row.directions()).map(|way| layer(row, number, way, builder.clone()));
        layers.push(both.collect::<Result<Vec<_>, _>>()?);
    }
    engine(
        None,
        move |last| {
            let mut y = x.clone();
            for directions in &layers {
                let mut both = vec![sequence(&directions[0], &y)?];
                if let Some(backward) = directions.get(1) {
                    // `Direction::Backward` names weights and does not turn the sequence round.
                    both.push(sequence(backward, &y.flip(&[1])?)?.flip(&[1])?);
                }
                y = if both.len() == 1 { both.remove(0) } else { Tensor::cat(&both, 2)? };
            }
            *last = Some(y);
            Ok(())
        },
        |last| named([("y", last.as_ref().ok_or("there was no call")?.transpose(0, 1)?)]),
    )
}

fn train(row: &Row, x: Tensor) -> Result<Box<dyn Engine>, Failure> {
    let mut map = VarMap::new();
    let layer = layer(row, 0, 0, VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu))?;
    map.load(row.weights_file())?;
    let (x, dy) = (Var::from_tensor(&x)?, by_sample(&row.dy)?);
    engine(
        None,
        move |last| {
            let y = sequence(&layer, &x)?;
            let gradients = (&y * &dy)?.sum_all()?.backward()?;
            let gradient = |var: &Tensor| gradients.get(var).cloned().ok_or("no gradient");
            let vars = map.data().lock().map_err(|error| error.to_string())?;
            let [w, r, b] = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"].map(|name| &vars[name]);
            *last = Some([y, gradient(&x)?, gradient(w)?, gradient(r)?, gradient(b)?]);
            Ok(())
        },
        |last| {
            let [y, x, w, r, b] = last.clone().ok_or("there was no call")?;
            let (y, x) = (y.transpose(0, 1)?, x.transpose(0, 1)?);
            named([("y", y), ("dx", x), ("dw0.0", w), ("dr0.0", r), ("db0.0", b)])
        },
    )
}

/// A layer with one of the two biases, as the other one is 0.
fn layer(row: &Row, number: usize, direction: usize, builder: VarBuilder) -> Result<LSTM, Failure> {
    let width = row.weights[number][direction].w.ncols();
    let direction = [Direction::Forward, Direction::Backward][direction];
    let config = LSTMConfig { b_hh_init: None, layer_idx: number, direction, ..Default::default() };
    Ok(lstm(width, row.hidden, config, builder)?)
}

fn sequence(layer: &LSTM, x: &Tensor) -> Result<Tensor, Failure> {
    Ok(layer.states_to_tensor(&layer.seq(x)?)?)
}

/// An array `[T, B, ...]` as `[B, T, ...]`, which the layer takes.
fn by_sample(array: &Array3<f32>) -> Result<Tensor, Failure> {
    let plain = Tensor::from_iter(array.iter().copied(), &Device::Cpu)?.reshape(array.shape())?;
    Ok(plain.transpose(0, 1)?.contiguous()?)
}

fn named<const N: usize>(tensors: [(&'static str, Tensor); N]) -> Result<Results, Failure> {
    let mut found = Results::new();
    for (name, tensor) in tensors {
        let values = tensor.flatten_all()?.to_vec1()?;
        found.insert(name, ArrayD::from_shape_vec(tensor.dims(), values)?);
    }
    Ok(found)
}
