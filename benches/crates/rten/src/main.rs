//! rten: the layer as an ONNX model, weights packed when it is loaded.

use crates_protocol::ndarray::{ArrayD, ArrayView, Axis, Dimension};
use crates_protocol::{Call, Failure, Kind, Results, Row, Unsupported, serve};
use rten::{Model, ModelOptions, NodeId, Value, ValueOrView};
use rten_tensor::prelude::{AsView, Layout};
use rten_tensor::{NdTensor, Tensor};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Call>, Failure> {
    if row.kind == Kind::Train {
        return Err(Unsupported("no gradients").into());
    }
    let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(row.onnx_file())?;
    let mut inputs = vec![(model.node_id("x")?, value(row.x.view()))];
    for name in ["h0", "c0"] {
        inputs.push((model.node_id(name)?, Tensor::<f32>::zeros(&row.states()).into()));
    }
    if row.kind == Kind::Ragged {
        let lengths: Vec<_> = row.lengths.iter().map(|&length| length as i32).collect();
        inputs.push((model.node_id("lengths")?, NdTensor::from(lengths).into()));
    }
    // In steps, final states become the initial ones of the next call.
    let names: &[&str] = if row.kind == Kind::Step { &["y", "hn", "cn"] } else { &["y"] };
    let outputs = names.iter().map(|name| model.node_id(name)).collect::<Result<_, _>>()?;
    Ok(Box::new(Layer { model, inputs, outputs, y: Tensor::<f32>::zeros(&[0]).into() }))
}

/// An array of ndarray's as rten takes it.
fn value<D: Dimension>(array: ArrayView<'_, f32, D>) -> Value {
    Tensor::from_data(array.shape(), array.iter().copied().collect::<Vec<f32>>()).into()
}

struct Layer {
    model: Model,
    /// Input, initial hidden and cell states, and lengths where there are any.
    inputs: Vec<(NodeId, Value)>,
    outputs: Vec<NodeId>,
    y: Value,
}

impl Call for Layer {
    fn call(&mut self) -> Result<(), Failure> {
        let inputs =
            self.inputs.iter().map(|(id, value)| (*id, ValueOrView::from(value))).collect();
        let mut found = self.model.run(inputs, &self.outputs, None)?.into_iter();
        self.y = found.next().ok_or("no output")?;
        for (state, next) in self.inputs[1..].iter_mut().zip(found) {
            state.1 = next;
        }
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let mut results = Results::from([("y", array(&self.y)?)]);
        if self.outputs.len() > 1 {
            for (name, (_, state)) in ["h", "c"].into_iter().zip(&self.inputs[1..]) {
                results.insert(name, array(state)?.remove_axis(Axis(0)));
            }
        }
        Ok(results)
    }
}

fn array(value: &Value) -> Result<ArrayD<f32>, Failure> {
    let tensor = value.as_tensor_view::<f32>().ok_or("a result that is no float32")?;
    Ok(ArrayD::from_shape_vec(tensor.shape().to_vec(), tensor.to_vec())?)
}
