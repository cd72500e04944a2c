//! A batch of sequences of different lengths through two layers and directions.
use bnns_lstm::ndarray::Array3;
use bnns_lstm::{Batch, Error, Lstm};

fn main() -> Result<(), Error> {
    // With weights of PyTorch's: Lstm::from_torch("model.safetensors", "encoder.lstm.")?
    let mut lstm = Lstm::builder(3, 8).num_layers(2).bidirectional(true).seed(1).build()?;
    let x = Array3::from_shape_fn((5, 2, 3), |(step, sample, _)| (step + sample) as f32 / 10.0);
    let (y, state) = lstm.forward(Batch::new(x.view()).lengths(&[3, 5]))?;
    println!("output {:?}, final hidden states {:?}", y.shape(), state.h.shape());
    Ok(())
}
