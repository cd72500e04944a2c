//! tract: the layer as an ONNX model, optimised for the row's sizes.

use crates_protocol::ndarray::{ArrayD, Axis};
use crates_protocol::{Call, Failure, Kind, Results, Row, Unsupported, serve};
use std::sync::Arc;
use tract_onnx::prelude::*;

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Call>, Failure> {
    match row.kind {
        Kind::Train => return Err(Unsupported("no gradients").into()),
        Kind::Ragged => return Err(Unsupported("lengths must all be equal").into()),
        Kind::Step | Kind::Forward => {}
    }
    let (steps, batch, width) = row.sizes();
    let [places, _, hidden] = row.states();
    let mut model = tract_onnx::onnx().model_for_path(row.onnx_file())?;
    model.set_input_fact(0, f32::fact([steps, batch, width]).into())?;
    for number in [1, 2] {
        model.set_input_fact(number, f32::fact([places, batch, hidden]).into())?;
    }
    if row.kind == Kind::Forward {
        // What nobody asks for need not be computed.
        model.select_output_outlets(&model.output_outlets()?[..1].to_vec())?;
    }
    let model = model.into_optimized()?.into_runnable()?;
    let values = row.x.iter().copied().collect::<Vec<f32>>();
    let x = Tensor::from_shape(&[steps, batch, width], &values)?.into_tvalue();
    let zeros = Tensor::zero::<f32>(&row.states())?.into_tvalue();
    let is_step = row.kind == Kind::Step;
    Ok(Box::new(Layer { model, inputs: tvec!(x, zeros.clone(), zeros), y: None, is_step }))
}

struct Layer {
    model: Arc<TypedRunnableModel>,
    /// Input, initial hidden and cell states.
    inputs: TVec<TValue>,
    y: Option<TValue>,
    /// Whether final states become the initial ones of the next call.
    is_step: bool,
}

impl Call for Layer {
    fn call(&mut self) -> Result<(), Failure> {
        let mut found = self.model.run(self.inputs.clone())?.into_iter();
        self.y = found.next();
        for (state, next) in self.inputs[1..].iter_mut().zip(found) {
            *state = next;
        }
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let y = self.y.as_ref().ok_or("there was no call")?;
        let mut results = Results::from([("y", array(y)?)]);
        if self.is_step {
            for (name, state) in ["h", "c"].into_iter().zip(&self.inputs[1..]) {
                results.insert(name, array(state)?.remove_axis(Axis(0)));
            }
        }
        Ok(results)
    }
}

fn array(value: &TValue) -> Result<ArrayD<f32>, Failure> {
    let view = value.to_plain_array_view::<f32>()?;
    Ok(ArrayD::from_shape_vec(view.shape(), view.iter().copied().collect())?)
}
