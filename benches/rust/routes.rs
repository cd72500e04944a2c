//! Both routes of matrix products, in turns.
//!
//! In: a SIMD level, rounds, and sizes as `ROWSxUNITS`. Out: JSON on standard output: for each size the times of
//! a forward call and of a training step, by panels, with one kind of product by the library, and with all. One
//! thread.
//!
//! `matrixmultiply` finds out by itself what the processor has. A lower level needs a build in which it may not:
//! `python3 tasks.py bench-routes` makes one for each level.

#![allow(missing_docs, unreachable_pub)]

mod room;
mod support;

use bnns_lstm::binding::{
    BackwardWeights, BackwardWorkspace, GemmRows, Tuning, Weights, Workspace, backward,
    cache_capacity, forward, forward_caching,
};
use bnns_lstm::{Error, Level, Library, Options};
use room::Room;
use serde_json::{Value, json};
use std::time::Instant;
use support::{Layer, Size, options};

/// Multiply-adds of a measured call at least, and steps at most.
const WORK: usize = 1 << 24;
const STEPS: usize = 32;

/// A sample lasts as long at least.
const SAMPLE_SECONDS: f64 = 2e-3;

const NEVER: GemmRows = GemmRows::NEVER;

/// Kinds of products by the library: their names, and from which rows on.
const FORWARD: [(&str, GemmRows); 3] = [
    ("inputs", GemmRows { inputs: 1, ..NEVER }),
    ("hidden", GemmRows { hidden: 1, ..NEVER }),
    ("all", GemmRows::ALWAYS),
];
const TRAINING: [(&str, GemmRows); 3] = [
    ("transposed", GemmRows { transposed: 1, ..NEVER }),
    ("gradients", GemmRows { gradients: 1, ..NEVER }),
    ("all", GemmRows::ALWAYS),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(report) => println!("{report}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn run(arguments: &[String]) -> Result<Value, String> {
    let [level, rounds, sizes @ ..] = arguments else {
        return Err("expected LEVEL ROUNDS ROWSxUNITS ...".to_owned());
    };
    let level = Level::from_name(level).map_err(|error| error.to_string())?;
    let rounds = rounds.parse().ok().filter(|&rounds| rounds > 0);
    let rounds = rounds.ok_or("expected one round at least")?;
    let rows: Result<Vec<Value>, String> =
        sizes.iter().map(|text| measure(level, rounds, size(text)?)).collect();
    Ok(json!({ "level": level.name(), "library": Library::of_build().name(), "rows": rows? }))
}

fn size(text: &str) -> Result<Size, String> {
    let parsed: Option<(Result<usize, _>, Result<usize, _>)> =
        text.split_once('x').map(|(rows, units)| (rows.parse(), units.parse()));
    let Some((Ok(batch), Ok(hidden))) = parsed else {
        return Err(format!("expected ROWSxUNITS, found {text}"));
    };
    let steps: usize = WORK / (8 * batch * hidden * hidden);
    Ok(Size { steps: steps.clamp(4, STEPS), batch, hidden })
}

fn measure(level: Level, rounds: usize, size: Size) -> Result<Value, String> {
    let kinds = [(false, FORWARD), (true, TRAINING)].map(|(training, products)| {
        let all: Result<Vec<_>, _> = std::iter::once(("panels", NEVER))
            .chain(products)
            .map(|(name, rows)| Ok((name, Call::new(level, size, training, rows)?)))
            .collect();
        let times = interleaved(all.map_err(|error: Error| error.to_string())?, rounds)?;
        Ok::<_, String>((if training { "training" } else { "forward" }, times))
    });
    let mut row = json!({ "rows": size.batch, "units": size.hidden, "steps": size.steps });
    for kind in kinds {
        let (name, times) = kind?;
        row[name] = times;
    }
    Ok(row)
}

/// Median and minimum in microseconds, by name; the calls take turns.
fn interleaved(mut calls: Vec<(&str, Call)>, rounds: usize) -> Result<Value, String> {
    let mut times = vec![Vec::new(); calls.len()];
    for round in 0..=rounds {
        for ((_, call), times) in calls.iter_mut().zip(&mut times) {
            let seconds = call.sample().map_err(|error| error.to_string())?;
            // The first round warms up.
            if round > 0 {
                times.push(seconds);
            }
        }
    }
    let mut figures = json!({});
    for ((name, _), mut times) in calls.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        figures[name] = json!([times[times.len() / 2] * 1e6, times[0] * 1e6]);
    }
    Ok(figures)
}

/// A planned call with its memory.
struct Call {
    layer: Layer,
    weights: Weights,
    workspace: Workspace,
    training: Option<Training>,
}

struct Training {
    weights: BackwardWeights,
    workspace: BackwardWorkspace,
    room: Room,
    cache: Vec<u8>,
}

impl Call {
    fn new(level: Level, size: Size, training: bool, gemm_rows: GemmRows) -> Result<Self, Error> {
        let tuning = Tuning { gemm_rows, ..Tuning::of_machine() };
        let options = Options { tuning, ..options(level, training) };
        let layer = Layer::new(size, options);
        let weights = layer.weights();
        let workspace = Workspace::new(&layer.plan)?;
        let training = if training {
            Some(Training {
                weights: layer.backward_weights(),
                workspace: BackwardWorkspace::new(&layer.plan)?,
                room: Room::new(size),
                cache: vec![0; cache_capacity(layer.plan.config()).unwrap_or(0)],
            })
        } else {
            None
        };
        Ok(Self { layer, weights, workspace, training })
    }

    /// Seconds of a call.
    fn sample(&mut self) -> Result<f64, Error> {
        let (start, mut calls) = (Instant::now(), 0);
        while calls == 0 || start.elapsed().as_secs_f64() < SAMPLE_SECONDS {
            self.run()?;
            calls += 1;
        }
        Ok(start.elapsed().as_secs_f64() / f64::from(calls))
    }

    fn run(&mut self) -> Result<(), Error> {
        let Self { layer, weights, workspace, training } = self;
        let (plan, inputs, outputs) = layer.arrays();
        let Some(Training { weights: transposed, workspace: of_backward, room, cache }) = training
        else {
            return forward(plan, weights, workspace, inputs, outputs);
        };
        forward_caching(plan, weights, workspace, inputs, outputs, cache)?;
        backward(&layer.plan, transposed, None, of_backward, cache, room.arrays(&layer.x))
    }
}
