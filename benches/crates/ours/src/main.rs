//! This project's crate: [`Lstm`] with the weights of the file, as a program would use it.

use bnns_lstm::ndarray::{Array2, Array3, Axis};
use bnns_lstm::{Batch, Lstm, Options};
use crates_protocol::{Engine, Failure, Kind, Results, Row, engine, serve};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Engine>, Failure> {
    let mut lstm = Lstm::load(row.weights_file())?;
    lstm.set_options(Options { n_threads: 1, ..lstm.options() });
    let (x, dy) = (row.x.clone(), row.dy.clone());
    match row.kind {
        Kind::Step => step(lstm, x.remove_axis(Axis(0)), row.hidden),
        Kind::Forward => forward(lstm, x, None),
        Kind::Ragged => forward(lstm, x, Some(row.lengths.clone())),
        Kind::Train => train(lstm, x, dy),
    }
}

fn step(mut lstm: Lstm, x: Array2<f32>, hidden: usize) -> Result<Box<dyn Engine>, Failure> {
    let stream = lstm.stream(x.nrows())?;
    engine(
        (Array2::zeros((x.nrows(), hidden)), stream),
        move |(y, stream)| {
            y.assign(&stream.step(x.view())?);
            Ok(())
        },
        |(y, stream)| {
            let state = stream.state()?;
            Ok(Results::from([
                ("y", y.clone().insert_axis(Axis(0)).into_dyn()),
                ("h", state.h.remove_axis(Axis(0)).into_dyn()),
                ("c", state.c.remove_axis(Axis(0)).into_dyn()),
            ]))
        },
    )
}

fn forward(
    mut lstm: Lstm,
    x: Array3<f32>,
    lengths: Option<Vec<usize>>,
) -> Result<Box<dyn Engine>, Failure> {
    engine(
        Array3::default((0, 0, 0)),
        move |y| {
            let batch = Batch::new(x.view());
            (*y, _) = lstm.forward(match &lengths {
                Some(lengths) => batch.lengths(lengths),
                None => batch,
            })?;
            Ok(())
        },
        |y| Ok(Results::from([("y", y.clone().into_dyn())])),
    )
}

fn train(lstm: Lstm, x: Array3<f32>, dy: Array3<f32>) -> Result<Box<dyn Engine>, Failure> {
    engine(
        None,
        move |last| {
            let (y, _, tape) = lstm.forward_training(&x, 0)?;
            *last = Some((y, lstm.backward(&tape, Some(dy.view()), None)?));
            Ok(())
        },
        |last| {
            let (y, gradients) = last.as_ref().ok_or("there was no call")?;
            let gradient = |name| gradients.parameters.get(name).ok_or("no gradient");
            Ok(Results::from([
                ("y", y.clone().into_dyn()),
                ("dx", gradients.input.clone().into_dyn()),
                ("dw0.0", gradient("weight_ih_l0")?.to_owned()),
                ("dr0.0", gradient("weight_hh_l0")?.to_owned()),
                ("db0.0", gradient("bias_ih_l0")?.to_owned()),
            ]))
        },
    )
}
