//! This project's crate: [`Lstm`] with the weights of the file, as a program would use it.

use bnns_lstm::ndarray::{Array2, Array3, Axis};
use bnns_lstm::{Batch, Gradients, Lstm, Options, Stream};
use crates_protocol::{Call, Failure, Kind, Results, Row, serve};

fn main() -> Result<(), Failure> {
    serve(build)
}

fn build(row: &Row) -> Result<Box<dyn Call>, Failure> {
    let mut lstm = Lstm::load(row.weights_file())?;
    lstm.set_options(Options { n_threads: 1, ..lstm.options() });
    let x = row.x.clone();
    Ok(match row.kind {
        Kind::Step => {
            let x = x.remove_axis(Axis(0));
            let y = Array2::zeros((x.nrows(), row.hidden));
            Box::new(Step { stream: lstm.stream(x.nrows())?, x, y })
        }
        Kind::Forward => {
            Box::new(Forward { lstm, x, lengths: None, y: Array3::default((0, 0, 0)) })
        }
        Kind::Ragged => {
            let lengths = Some(row.lengths.clone());
            Box::new(Forward { lstm, x, lengths, y: Array3::default((0, 0, 0)) })
        }
        Kind::Train => Box::new(Train { lstm, x, dy: row.dy.clone(), last: None }),
    })
}

struct Step {
    stream: Stream,
    x: Array2<f32>,
    y: Array2<f32>,
}

impl Call for Step {
    fn call(&mut self) -> Result<(), Failure> {
        self.y.assign(&self.stream.step(self.x.view())?);
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let state = self.stream.state()?;
        Ok(Results::from([
            ("y", self.y.clone().insert_axis(Axis(0)).into_dyn()),
            ("h", state.h.remove_axis(Axis(0)).into_dyn()),
            ("c", state.c.remove_axis(Axis(0)).into_dyn()),
        ]))
    }
}

struct Forward {
    lstm: Lstm,
    x: Array3<f32>,
    lengths: Option<Vec<usize>>,
    y: Array3<f32>,
}

impl Call for Forward {
    fn call(&mut self) -> Result<(), Failure> {
        let batch = Batch::new(self.x.view());
        let batch = match &self.lengths {
            Some(lengths) => batch.lengths(lengths),
            None => batch,
        };
        (self.y, _) = self.lstm.forward(batch)?;
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        Ok(Results::from([("y", self.y.clone().into_dyn())]))
    }
}

struct Train {
    lstm: Lstm,
    x: Array3<f32>,
    dy: Array3<f32>,
    last: Option<(Array3<f32>, Gradients)>,
}

impl Call for Train {
    fn call(&mut self) -> Result<(), Failure> {
        let (y, _, tape) = self.lstm.forward_training(&self.x, 0)?;
        let gradients = self.lstm.backward(&tape, Some(self.dy.view()), None)?;
        self.last = Some((y, gradients));
        Ok(())
    }

    fn results(&self) -> Result<Results, Failure> {
        let (y, gradients) = self.last.as_ref().ok_or("there was no call")?;
        let mut found = Results::from([
            ("y", y.clone().into_dyn()),
            ("dx", gradients.input.clone().into_dyn()),
        ]);
        for (ours, name) in [("weight_ih", "dw0.0"), ("weight_hh", "dr0.0"), ("bias_ih", "db0.0")] {
            let array = gradients.parameters.get(&format!("{ours}_l0")).ok_or("no gradient")?;
            found.insert(name, array.to_owned());
        }
        Ok(found)
    }
}
