//! Samples that come one by one; a step allocates nothing.
use bnns_lstm::ndarray::Array2;
use bnns_lstm::{Error, Lstm};

fn main() -> Result<(), Error> {
    let mut stream = Lstm::builder(1, 16).seed(1).build()?.stream(1)?;
    for step in 0..5 {
        let x = Array2::from_elem((1, 1), (step as f32).sin());
        let y = stream.step(x.view())?;
        println!("step {step}: {:+.4}", y[[0, 0]]);
    }
    Ok(())
}
