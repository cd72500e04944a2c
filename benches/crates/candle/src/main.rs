//! candle: a layer is a step of tensor operations; the loop over layers, and what turns sequences round, is ours.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::rnn::{Direction, LSTMState};
use candle_nn::{LSTM, LSTMConfig, RNN, VarBuilder, VarMap, lstm};
use crates_protocol::ndarray::{Array3, ArrayD};
use crates_protocol::{Call, Failure, Kind, Results, Row, Unsupported, serve};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Call>, Failure> {
    let x = by_sample(&row.x)?;
    match row.kind {
        Kind::Ragged => Err(Unsupported("no samples of different lengths").into()),
        Kind::Train => {
            let mut map = VarMap::new();
            let layer = layer(row, 0, 0, VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu))?;
            map.load(row.weights_file())?;
            let x = Var::from_tensor(&x)?;
            Ok(Box::new(Train { layer, map, x, dy: by_sample(&row.dy)?, last: None }))
        }
        Kind::Step | Kind::Forward => {
            let file = std::fs::read(row.weights_file())?;
            let builder = VarBuilder::from_buffered_safetensors(file, DType::F32, &Device::Cpu)?;
            let mut layers = Vec::new();
            for number in 0..row.weights.len() {
                let directions = 0..row.directions();
                let both =
                    directions.map(|direction| layer(row, number, direction, builder.clone()));
                layers.push(both.collect::<Result<Vec<_>, _>>()?);
            }
            if row.kind == Kind::Forward {
                return Ok(Box::new(Forward { layers, x, y: None }));
            }
            let layer = layers.remove(0).remove(0);
            let state = layer.zero_state(x.dim(0)?)?;
            Ok(Box::new(Step { layer, x: x.squeeze(1)?, state }))
        }
    }
}

/// An array `[T, B, ...]` as `[B, T, ...]`, which the layer takes.
fn by_sample(array: &Array3<f32>) -> Result<Tensor, Failure> {
    let plain = Tensor::from_iter(array.iter().copied(), &Device::Cpu)?.reshape(array.shape())?;
    Ok(plain.transpose(0, 1)?.contiguous()?)
}

/// A layer with one of the two biases, as the other one is 0.
fn layer(row: &Row, number: usize, direction: usize, builder: VarBuilder) -> Result<LSTM, Failure> {
    let width = row.weights[number][direction].w.ncols();
    let direction = [Direction::Forward, Direction::Backward][direction];
    let config = LSTMConfig { b_hh_init: None, layer_idx: number, direction, ..Default::default() };
    Ok(lstm(width, row.hidden, config, builder)?)
}

struct Step {
    layer: LSTM,
    x: Tensor,
    state: LSTMState,
}

impl Call for Step {
    fn call(&mut self) -> Result<(), Failure> {
        self.state = self.layer.step(&self.x, &self.state)?;
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let (h, c) = (self.state.h(), self.state.c());
        named([("y", h.unsqueeze(0)?), ("h", h.clone()), ("c", c.clone())])
    }
}

struct Forward {
    layers: Vec<Vec<LSTM>>,
    x: Tensor,
    y: Option<Tensor>,
}

impl Call for Forward {
    fn call(&mut self) -> Result<(), Failure> {
        let mut y = self.x.clone();
        for directions in &self.layers {
            let mut both = vec![sequence(&directions[0], &y)?];
            if let Some(backward) = directions.get(1) {
                // `Direction::Backward` names weights and does not turn the sequence round.
                both.push(sequence(backward, &y.flip(&[1])?)?.flip(&[1])?);
            }
            y = if both.len() == 1 { both.remove(0) } else { Tensor::cat(&both, 2)? };
        }
        self.y = Some(y);
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        named([("y", self.y.as_ref().ok_or("there was no call")?.transpose(0, 1)?)])
    }
}

fn sequence(layer: &LSTM, x: &Tensor) -> Result<Tensor, Failure> {
    Ok(layer.states_to_tensor(&layer.seq(x)?)?)
}

struct Train {
    layer: LSTM,
    map: VarMap,
    x: Var,
    dy: Tensor,
    last: Option<[Tensor; 5]>,
}

impl Call for Train {
    fn call(&mut self) -> Result<(), Failure> {
        let y = sequence(&self.layer, &self.x)?;
        let gradients = (&y * &self.dy)?.sum_all()?.backward()?;
        let gradient = |var: &Tensor| gradients.get(var).cloned().ok_or("no gradient");
        let vars = self.map.data().lock().map_err(|error| error.to_string())?;
        let [w, r, b] = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"].map(|name| &vars[name]);
        self.last = Some([y, gradient(&self.x)?, gradient(w)?, gradient(r)?, gradient(b)?]);
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let [y, x, w, r, b] = self.last.clone().ok_or("there was no call")?;
        let (y, x) = (y.transpose(0, 1)?, x.transpose(0, 1)?);
        named([("y", y), ("dx", x), ("dw0.0", w), ("dr0.0", r), ("db0.0", b)])
    }
}

fn named<const N: usize>(tensors: [(&'static str, Tensor); N]) -> Result<Results, Failure> {
    let mut found = Results::new();
    for (name, tensor) in tensors {
        let values = tensor.flatten_all()?.to_vec1()?;
        found.insert(name, ArrayD::from_shape_vec(tensor.dims(), values)?);
    }
    Ok(found)
}
