//! tract: the layer as an ONNX model, optimised for the row's sizes.

use crates_protocol::ndarray::{ArrayD, Axis};
use crates_protocol::{Engine, Failure, Kind, Results, Row, Unsupported, engine, serve};
use tract_onnx::prelude::*;

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Engine>, Failure> {
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
    let mut inputs = tvec!(x, zeros.clone(), zeros);
    engine(
        tvec!(),
        move |last: &mut TVec<TValue>| {
            // In steps, final states are the initial ones of the next call.
            for (state, next) in inputs[1..].iter_mut().zip(last.drain(..).skip(1)) {
                *state = next;
            }
            *last = model.run(inputs.clone())?;
            Ok(())
        },
        |last| {
            let mut found = Results::new();
            for (name, value) in ["y", "h", "c"].into_iter().zip(last) {
                let array = array(value)?;
                found.insert(name, if name == "y" { array } else { array.remove_axis(Axis(0)) });
            }
            Ok(found)
        },
    )
}

fn array(value: &TValue) -> Result<ArrayD<f32>, Failure> {
    let view = value.to_plain_array_view::<f32>()?;
    Ok(ArrayD::from_shape_vec(view.shape(), view.iter().copied().collect())?)
}
