//! Steps that come one by one.
//!
//! In: an LSTM, then inputs of one step, or of some. Out: outputs, with states that are carried in place. A step
//! allocates nothing on one thread, unless its input lies in no order.

use super::batch::{LstmState, check_state, misshapen};
use super::config::LstmConfig;
use super::engine::Kept;
use super::memory::{zeros, zeros_vec};
use super::module::Lstm;
use super::structure::Sizes;
use crate::error::{Broken, Code, DescriptorError, Error, Issue, Path};
use crate::fields::DataFields;
use crate::pack::Weights;
use crate::plan::Options;
use ndarray::{Array3, ArrayView2, ArrayView3};
use std::sync::Arc;

/// Samples that come step by step. [`Lstm::stream`] makes one, with the weights as they are then;
/// [`update`](Self::update) takes later ones.
#[derive(Debug)]
pub struct Stream {
    config: LstmConfig,
    options: Options,
    weights: Arc<Weights>,
    rows: usize,
    step: Kept,
    /// For the last length of [`process`](Self::process).
    chunk: Option<Kept>,
    /// `[rows, hidden_size]`
    y: Vec<f32>,
    /// `[layers, rows, hidden_size]`
    h: Vec<f32>,
    /// `[layers, rows, hidden_size]`
    c: Vec<f32>,
}

impl Lstm {
    /// A stream: samples come step by step, states are carried in place. It takes the weights as they are now.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for a bidirectional LSTM, or one that reads backwards: they need the end of the sequence
    /// first; and for a batch of 0 samples. [`Error::OutOfMemory`].
    pub fn stream(&mut self, batch_size: usize) -> Result<Stream, Error> {
        Stream::new(self, batch_size)
    }
}

impl Stream {
    fn new(lstm: &mut Lstm, rows: usize) -> Result<Self, Error> {
        let config = lstm.config.clone();
        check(&config, rows)?;
        let sizes = Sizes { steps: 1, rows, active: None };
        let step = Kept::new(&config, lstm.options, sizes, true)?;
        let weights = lstm.engine.weights(&config, &step, &lstm.parameters)?;
        let state = |values| {
            let what = "states of a stream";
            let all = config.num_layers.saturating_mul(rows).saturating_mul(values);
            zeros_vec(all, what)
        };
        let y = zeros_vec(rows.saturating_mul(config.outputs()), "the output of a step")?;
        let (h, c) = (state(config.outputs())?, state(config.units())?);
        Ok(Self { options: lstm.options, weights, rows, step, chunk: None, y, h, c, config })
    }

    /// One step: `[batch, input_size]` to `[batch, hidden_size]`, which the next step overwrites.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for an input of another shape, [`Error::Threads`].
    pub fn step(&mut self, x: ArrayView2<'_, f32>) -> Result<ArrayView2<'_, f32>, Error> {
        let wanted = (self.rows, self.config.input_size);
        if x.dim() != wanted {
            let expected = format!("[batch, input_size] = [{}, {}]", wanted.0, wanted.1);
            return Err(misshapen("x", expected, x.shape()).into());
        }
        let x = x.as_standard_layout();
        let inputs = DataFields {
            data: Some(x.as_slice().ok_or(Broken("an input is not in C order"))?.into()),
            hidden: None,
            cell: None,
        };
        let outputs = DataFields {
            data: Some(self.y.as_mut_slice().into()),
            hidden: Some(self.h.as_mut_slice().into()),
            cell: Some(self.c.as_mut_slice().into()),
        };
        self.step.forward(&self.weights, inputs, outputs)?;
        let shape = (self.rows, self.config.outputs());
        ArrayView2::from_shape(shape, &self.y).map_err(|_| Broken("a step has no output").into())
    }

    /// Some steps: `[steps, batch, input_size]` to `[steps, batch, hidden_size]`, also with `batch_first`.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for an input of another shape, [`Error::OutOfMemory`], [`Error::Threads`].
    pub fn process(&mut self, chunk: ArrayView3<'_, f32>) -> Result<Array3<f32>, Error> {
        let (steps, rows, values) = chunk.dim();
        if (rows, values) != (self.rows, self.config.input_size) {
            let expected =
                format!("[steps, {}, {}] with any steps", self.rows, self.config.input_size);
            return Err(misshapen("chunk", expected, chunk.shape()).into());
        }
        let mut y = zeros((steps, rows, self.config.outputs()), "the output")?;
        if steps == 0 {
            return Ok(y);
        }
        let sizes = Sizes { steps, rows, active: None };
        let kept = match self.chunk.take().filter(|kept| kept.is_for(sizes)) {
            Some(kept) => kept,
            None => Kept::new(&self.config, self.options, sizes, true)?,
        };
        let kept = self.chunk.insert(kept);
        let chunk = chunk.as_standard_layout();
        let inputs = DataFields {
            data: Some(chunk.as_slice().ok_or(Broken("an input is not in C order"))?.into()),
            hidden: None,
            cell: None,
        };
        let outputs = DataFields {
            data: Some(y.as_slice_mut().ok_or(Broken("an output is not in C order"))?.into()),
            hidden: Some(self.h.as_mut_slice().into()),
            cell: Some(self.c.as_mut_slice().into()),
        };
        kept.forward(&self.weights, inputs, outputs)?;
        Ok(y)
    }

    /// The states, `[layers, batch, hidden_size]` each, as copies.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn state(&self) -> Result<LstmState, Error> {
        let copy = |from: &[f32], values| {
            let mut state = zeros((self.config.num_layers, self.rows, values), "states")?;
            state.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            Ok::<_, Error>(state)
        };
        let Self { config, h, c, .. } = self;
        Ok(LstmState { h: copy(h, config.outputs())?, c: copy(c, config.units())? })
    }

    /// Go on from these states.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for states of another shape; nothing was changed then.
    pub fn set_state(&mut self, state: &LstmState) -> Result<(), Error> {
        let mut issues = Vec::new();
        check_state(&self.config, self.rows, state, "state", &mut issues);
        DescriptorError::from_issues(issues).map_or(Ok(()), Err)?;
        self.h.iter_mut().zip(&state.h).for_each(|(to, &from)| *to = from);
        self.c.iter_mut().zip(&state.c).for_each(|(to, &from)| *to = from);
        Ok(())
    }

    /// Begin again from zeros: all samples.
    pub fn reset(&mut self) {
        self.h.fill(0.0);
        self.c.fill(0.0);
    }

    /// Begin again from zeros: one sample.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for a sample that is not there.
    pub fn reset_sample(&mut self, sample: usize) -> Result<(), Error> {
        if sample >= self.rows {
            return Err(Error::from(Issue {
                path: Path::field("sample"),
                code: Code::InvalidNumber,
                expected: format!("a sample below {}", self.rows),
                actual: sample.to_string(),
            }));
        }
        let widths = [self.config.outputs(), self.config.units()];
        for (state, width) in [&mut self.h, &mut self.c].into_iter().zip(widths) {
            for row in state.chunks_exact_mut(width).skip(sample).step_by(self.rows) {
                row.fill(0.0);
            }
        }
        Ok(())
    }

    /// Go on with the weights that an LSTM has now.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for an LSTM of another configuration, [`Error::OutOfMemory`].
    pub fn update(&mut self, lstm: &mut Lstm) -> Result<(), Error> {
        if lstm.config != self.config {
            return Err(Error::from(Issue {
                path: Path::field("lstm"),
                code: Code::OtherLayer,
                expected: "an LSTM of the stream's configuration".to_owned(),
                actual: "one of another".to_owned(),
            }));
        }
        self.weights = lstm.engine.weights(&self.config, &self.step, &lstm.parameters)?;
        Ok(())
    }
}

fn check(config: &LstmConfig, rows: usize) -> Result<(), DescriptorError> {
    let issue = |path, code, expected: &str, actual: &str| Issue {
        path: Path::field(path),
        code,
        expected: expected.to_owned(),
        actual: actual.to_owned(),
    };
    let mut issues = Vec::new();
    if rows == 0 {
        issues.push(issue("batch_size", Code::ZeroSize, "at least 1", "0"));
    }
    if config.bidirectional {
        let expected =
            "an LSTM of one direction: the backward direction needs the end of the sequence first";
        issues.push(issue("stream", Code::UnsupportedHere, expected, "a bidirectional one"));
    }
    if config.reverse {
        let expected =
            "an LSTM that reads forward: a backward one needs the end of the sequence first";
        issues.push(issue("stream", Code::UnsupportedHere, expected, "one with reverse"));
    }
    DescriptorError::from_issues(issues).map_or(Ok(()), Err)
}
