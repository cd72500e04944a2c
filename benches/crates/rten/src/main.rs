//! rten: the layer as an ONNX model, weights packed when it is loaded.

use crates_protocol::ndarray::{ArrayD, Axis};
use crates_protocol::{Engine, Failure, Kind, Results, Row, Unsupported, engine, serve};
use rten::{ModelOptions, NodeId, Value, ValueOrView};
use rten_tensor::prelude::{AsView, Layout};
use rten_tensor::{NdTensor, Tensor};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Engine>, Failure> {
    if row.kind == Kind::Train {
        return Err(Unsupported("no gradients").into());
    }
    let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(row.onnx_file())?;
    let x = Tensor::from_data(row.x.shape(), row.x.iter().copied().collect::<Vec<f32>>());
    let mut inputs = vec![(model.node_id("x")?, Value::from(x))];
    for name in ["h0", "c0"] {
        inputs.push((model.node_id(name)?, Tensor::<f32>::zeros(&row.states()).into()));
    }
    if row.kind == Kind::Ragged {
        let lengths: Vec<_> = row.lengths.iter().map(|&length| length as i32).collect();
        inputs.push((model.node_id("lengths")?, NdTensor::from(lengths).into()));
    }
    let node = |name: &&str| model.node_id(name);
    if row.kind == Kind::Step {
        let outputs = ["y", "hn", "cn"].iter().map(node).collect::<Result<Vec<_>, _>>()?;
        return engine(
            Vec::new(),
            move |last: &mut Vec<Value>| {
                // Final states are the initial ones of the next call.
                for ((_, state), next) in inputs[1..].iter_mut().zip(last.drain(..).skip(1)) {
                    *state = next;
                }
                *last = model.run(views(&inputs), &outputs, None)?;
                Ok(())
            },
            |last| {
                let [y, h, c] = last.as_slice() else { return Err("no states".into()) };
                let (h, c) = (array(h)?.remove_axis(Axis(0)), array(c)?.remove_axis(Axis(0)));
                Ok(Results::from([("y", array(y)?), ("h", h), ("c", c)]))
            },
        );
    }
    let outputs = [node(&"y")?];
    engine(
        Vec::new(),
        move |last| {
            *last = model.run(views(&inputs), &outputs, None)?;
            Ok(())
        },
        |last| Ok(Results::from([("y", array(last.first().ok_or("there was no call")?)?)])),
    )
}

fn views(inputs: &[(NodeId, Value)]) -> Vec<(NodeId, ValueOrView<'_>)> {
    inputs.iter().map(|(id, value)| (*id, value.into())).collect()
}

fn array(value: &Value) -> Result<ArrayD<f32>, Failure> {
    let tensor = value.as_tensor_view::<f32>().ok_or("a result that is no float32")?;
    Ok(ArrayD::from_shape_vec(tensor.shape().to_vec(), tensor.to_vec())?)
}
