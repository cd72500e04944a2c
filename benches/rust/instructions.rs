//! A row, computed so many times, to count instructions by.
//!
//! In: `forward` or `train`, steps, samples, hidden units, calls. Out: nothing but the calls, at AVX2 (callgrind
//! knows no AVX-512) and on one thread. `benches/python/commands/instructions.py` runs it under callgrind.

#![allow(missing_docs, unreachable_pub)]

mod room;
mod support;

use bnns_lstm::binding::{
    BackwardWorkspace, Workspace, backward, cache_capacity, forward, forward_caching,
};
use bnns_lstm::{Error, Level};
use room::Room;
use support::{Layer, Size, options};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = run(&arguments) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [kind, numbers @ ..] = arguments else { return Err("expected a row".to_owned()) };
    let numbers: Result<Vec<usize>, _> = numbers.iter().map(|word| word.parse()).collect();
    let Ok([steps, batch, hidden, calls]) = numbers.as_deref() else {
        return Err("expected forward|train STEPS SAMPLES UNITS CALLS".to_owned());
    };
    let size = Size { steps: *steps, batch: *batch, hidden: *hidden };
    let level = Level::from_name("avx2").map_err(|error| error.to_string())?;
    let mut layer = Layer::new(size, options(level, kind == "train"));
    let computed = match kind.as_str() {
        "forward" => run_forward(&mut layer, *calls),
        "train" => run_training(&mut layer, size, *calls),
        _ => return Err(format!("expected forward or train, found {kind}")),
    };
    computed.map_err(|error| error.to_string())
}

fn run_forward(layer: &mut Layer, calls: usize) -> Result<(), Error> {
    let weights = layer.weights();
    let mut workspace = Workspace::new(&layer.plan)?;
    for _ in 0..calls {
        let (plan, inputs, outputs) = layer.arrays();
        forward(plan, &weights, &mut workspace, inputs, outputs)?;
    }
    Ok(())
}

/// Packing, a forward call with a cache, and all gradients.
fn run_training(layer: &mut Layer, size: Size, calls: usize) -> Result<(), Error> {
    let mut cache = vec![0; cache_capacity(layer.plan.config()).unwrap_or(0)];
    let mut workspace = Workspace::new(&layer.plan)?;
    let mut backward_workspace = BackwardWorkspace::new(&layer.plan)?;
    let mut room = Room::new(size);
    for _ in 0..calls {
        let weights = layer.weights();
        let backward_weights = layer.backward_weights();
        let (plan, inputs, outputs) = layer.arrays();
        forward_caching(plan, &weights, &mut workspace, inputs, outputs, &mut cache)?;
        let arrays = room.arrays(&layer.x);
        backward(&layer.plan, &backward_weights, None, &mut backward_workspace, &cache, arrays)?;
    }
    Ok(())
}
