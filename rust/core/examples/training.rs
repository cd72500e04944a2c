//! Gradient descent: the first unit learns to say what the input was one step before.
use bnns_lstm::ndarray::{Array3, s};
use bnns_lstm::{Error, Lstm};

fn main() -> Result<(), Error> {
    let mut lstm = Lstm::builder(1, 12).seed(1).build()?;
    let x = Array3::from_shape_fn((20, 8, 1), |(t, n, _)| (0.9 * t as f32 + n as f32).sin() / 2.0);
    for round in 0..=300 {
        let (y, _, tape) = lstm.forward_training(&x, round)?;
        let error = &y.slice(s![1.., .., 0]) - &x.slice(s![..-1, .., 0]);
        let mut dy = Array3::zeros(y.raw_dim());
        dy.slice_mut(s![1.., .., 0]).assign(&(&error * (2.0 / error.len() as f32)));
        let gradients = lstm.backward(&tape, Some(dy.view()), None)?;
        lstm.parameters_mut().scaled_add(-1.0, &gradients.parameters)?;
        if round % 100 == 0 {
            println!("{round}: mean squared error {:.5}", (&error * &error).mean().unwrap_or(0.0));
        }
    }
    Ok(())
}
