//! How far a function is off, in units in the last place.

use super::levels::Elementwise;
use super::levels::{MOST_LANES, levels, replace};
use std::ops::Range;
use std::thread;

/// Distance from the exact value in units of the last place that an `f32` has there. Infinite where only
/// one of both is NaN, or where an infinity is not exactly the rounded value.
pub(super) fn ulps(actual: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if actual.is_nan() || exact.is_nan() || actual.is_infinite() || rounded.is_infinite() {
        let same = actual.is_nan() && exact.is_nan() || actual.to_bits() == rounded.to_bits();
        return if same { 0.0 } else { f64::INFINITY };
    }
    (f64::from(actual) - exact).abs() / unit(exact)
}

/// The unit in the last place of an `f32` near a value: its power of two, 23 binary places down.
pub(super) fn unit(value: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff << 52;
    let magnitude = value.abs().max(f64::from(f32::MIN_POSITIVE));
    f64::from_bits(magnitude.to_bits() & EXPONENT) * (0.5_f64).powi(23)
}

/// Inputs from all over the floats: every 65 537th bit pattern and the points where functions change.
pub(super) fn sampled() -> Vec<f32> {
    let mut inputs: Vec<f32> = (0..=u32::MAX).step_by(65_537).map(f32::from_bits).collect();
    for point in [0.0_f32, 1.0e-45, 1.0e-38, 0.346_573_6, 0.5, 1.0, 9.01, 17.33, 30.0, 88.72, 104.0]
    {
        for x in [point - 0.01, point, point + 0.01, point.next_up(), point.next_down()] {
            inputs.extend([x, -x]);
        }
    }
    inputs.extend([f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::NAN]);
    inputs.extend((-4096_i16..4096).map(|step| f32::from(step) / 128.0));
    inputs.resize(inputs.len().next_multiple_of(MOST_LANES), 0.0);
    inputs
}

/// The largest error, and where it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Worst {
    /// In units of the last place.
    error: f64,
    /// The input.
    at: f32,
}

impl Worst {
    /// The greater of both errors.
    fn or(self, other: Self) -> Self {
        if other.error > self.error { other } else { self }
    }
}

/// Largest error over the inputs, for each level.
fn worst<F: Elementwise>(exact: fn(f64) -> f64, inputs: &[f32]) -> Vec<Worst> {
    let expected: Vec<f64> = inputs.iter().map(|&x| exact(f64::from(x))).collect();
    let mut worst = Vec::new();
    for (_, level) in levels() {
        let mut values = inputs.to_vec();
        replace::<F>(level, &mut values);
        let errors = values.iter().zip(&expected).zip(inputs);
        let errors = errors.map(|((&y, &exact), &at)| Worst { error: ulps(y, exact), at });
        worst.push(errors.fold(Worst::default(), Worst::or));
    }
    worst
}

/// Panic if the function is off by more than the bound, at any level.
fn assert_bound(bound: f64, worst: &[Worst]) {
    let table: Vec<String> = levels()
        .iter()
        .zip(worst)
        .map(|((name, _), worst)| format!("{name}: {:.3} ULP at {:e}", worst.error, worst.at))
        .collect();
    println!("{table:#?}");
    let within = worst.iter().all(|worst| worst.error <= bound);
    assert!(within, "more than {bound} ULP: {table:#?}");
}

/// Check the bound on sampled inputs.
pub(super) fn check_sampled<F: Elementwise>(exact: fn(f64) -> f64, bound: f64) {
    assert_bound(bound, &worst::<F>(exact, &sampled()));
}

/// Check the bound on all 2^32 inputs, on all cores.
pub(super) fn check_all<F: Elementwise>(exact: fn(f64) -> f64, bound: f64) {
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let inputs = 1_u64 << 32;
    let share = inputs.div_ceil(threads);
    let results: Vec<Vec<Worst>> = thread::scope(|scope| {
        let starts = (0..threads).map(|index| index * share);
        let ranges = starts.map(|start| start..(start + share).min(inputs));
        let handles: Vec<_> =
            ranges.map(|range| scope.spawn(move || worst_in_range::<F>(exact, range))).collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).collect()
    });
    let merged = results.into_iter().reduce(merge).expect("a thread");
    assert_bound(bound, &merged);
}

/// Largest error over a range of bit patterns, for each level.
fn worst_in_range<F: Elementwise>(exact: fn(f64) -> f64, range: Range<u64>) -> Vec<Worst> {
    const BLOCK: usize = 1 << 14;
    let blocks = range.clone().step_by(BLOCK).map(|start| {
        let patterns = start..(start + BLOCK as u64).min(range.end);
        let mut inputs: Vec<f32> = patterns.map(|bits| f32::from_bits(bits as u32)).collect();
        inputs.resize(BLOCK, 0.0);
        worst::<F>(exact, &inputs)
    });
    blocks.reduce(merge).unwrap_or_default()
}

/// The greater error of each level.
fn merge(one: Vec<Worst>, other: Vec<Worst>) -> Vec<Worst> {
    one.into_iter().zip(other).map(|(one, other)| one.or(other)).collect()
}
