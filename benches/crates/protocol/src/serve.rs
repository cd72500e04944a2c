//! Requests and the clock.
//!
//! In: a line of JSON for each request on standard input, as `benches/python/lib/worker.py` lists them. Out: a line of
//! JSON for each. The program's one argument is the folder of the rows' files.

use crate::failure::{Failure, Unsupported};
use crate::row::{Kind, Row};
use ndarray::ArrayD;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Results by the names that `benches/python/lib/cases.py` gives them in `Way`.
pub type Results = BTreeMap<&'static str, ArrayD<f32>>;

/// An engine that is set up for a row.
pub trait Engine {
    /// What is timed.
    fn call(&mut self) -> Result<(), Failure>;

    /// The results of the last call.
    fn results(&self) -> Result<Results, Failure>;
}

/// What a call leaves, a function that computes the next one, and one that brings what there is into arrays.
struct Calls<T, F> {
    last: T,
    call: F,
    results: fn(&T) -> Result<Results, Failure>,
}

/// An engine whose calls replace `last`: outputs, and in steps the states as well.
///
/// Dropping what was there before is a part of the call, as in a program that uses an engine.
pub fn engine<T: 'static>(
    last: T,
    call: impl FnMut(&mut T) -> Result<(), Failure> + 'static,
    results: fn(&T) -> Result<Results, Failure>,
) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(Calls { last, call, results }))
}

impl<T, F: FnMut(&mut T) -> Result<(), Failure>> Engine for Calls<T, F> {
    fn call(&mut self) -> Result<(), Failure> {
        (self.call)(&mut self.last)
    }

    fn results(&self) -> Result<Results, Failure> {
        (self.results)(&self.last)
    }
}

/// Sets an engine up for a row.
pub type Build = fn(&Row) -> Result<Box<dyn Engine>, Failure>;

/// As many calls as fill this time are a sample; at least one.
const SAMPLE_SECONDS: f64 = 0.015;

/// Shorter calls are preceded by one that is not timed, so that caches hold this engine's data again.
const WARM_UP_SECONDS: f64 = 0.02;

/// Calls before the results are compared; in steps, they carry the states.
const STEPS_BEFORE_RESULTS: usize = 3;

/// Answer requests until standard input ends.
pub fn serve(build: Build) -> Result<(), Failure> {
    let folder = std::env::args_os().nth(1).ok_or("expected the folder of the rows' files")?;
    let mut worker =
        Worker { folder: folder.into(), build, engine: None, calls: 1, is_short: false };
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", json!({ "ready": true }))?;
    output.flush()?;
    for line in std::io::stdin().lock().lines() {
        let answer = match worker.answer(&serde_json::from_str(&line?)?) {
            Ok(answer) => answer,
            Err(error) if error.is::<Unsupported>() => json!({ "unsupported": error.to_string() }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// The state between requests.
struct Worker {
    folder: PathBuf,
    build: Build,
    engine: Option<Box<dyn Engine>>,
    calls: usize,
    is_short: bool,
}

impl Worker {
    fn answer(&mut self, request: &Value) -> Result<Value, Failure> {
        let text = |name: &str| request[name].as_str().ok_or_else(|| format!("no {name}"));
        match text("do")? {
            "build" => {
                self.engine = None;
                let row = Row::read(&self.folder, text("row")?)?;
                let mut engine = (self.build)(&row)?;
                for _ in 0..if row.kind == Kind::Step { STEPS_BEFORE_RESULTS } else { 1 } {
                    engine.call()?;
                }
                write(Path::new(text("results")?), &engine.results()?)?;
                self.engine = Some(engine);
                Ok(json!({ "ways": [""] }))
            }
            "calibrate" => {
                let seconds = self.duration()?;
                self.is_short = seconds < WARM_UP_SECONDS;
                self.calls = ((SAMPLE_SECONDS / seconds).round() as usize).max(1);
                Ok(json!({ "way": "", "calls": self.calls }))
            }
            "sample" => {
                if self.is_short {
                    self.time(1)?;
                }
                Ok(json!({ "seconds": self.time(self.calls)? / self.calls as f64 }))
            }
            "drop" => {
                self.engine = None;
                Ok(json!({}))
            }
            other => Err(format!("{other} is no request").into()),
        }
    }

    /// Seconds of so many calls.
    fn time(&mut self, calls: usize) -> Result<f64, Failure> {
        let engine = self.engine.as_mut().ok_or("there is no row")?;
        let start = Instant::now();
        for _ in 0..calls {
            engine.call()?;
        }
        Ok(start.elapsed().as_secs_f64())
    }

    /// Seconds of one call: the fastest of a few samples of a growing number of calls.
    fn duration(&mut self) -> Result<f64, Failure> {
        let (mut calls, mut seconds) = (1, self.time(1)?);
        while seconds < SAMPLE_SECONDS / 2.0 {
            calls *= 4;
            seconds = self.time(calls)?;
        }
        if seconds / calls as f64 <= WARM_UP_SECONDS {
            seconds = seconds.min(self.time(calls)?).min(self.time(calls)?);
        }
        Ok(seconds / calls as f64)
    }
}

/// Write results as a safetensors file.
fn write(path: &Path, results: &Results) -> Result<(), Failure> {
    let bytes =
        |array: &ArrayD<f32>| array.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let parts: Vec<_> =
        results.iter().map(|(name, array)| (name, array.shape(), bytes(array))).collect();
    let mut views = Vec::new();
    for (name, shape, bytes) in &parts {
        views.push((*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?));
    }
    Ok(serialize_to_file(views, None, path)?)
}
