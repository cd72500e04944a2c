//! The comparison of a result with the expected values.
//!
//! Two sequences of numbers and a tolerance come in; nothing goes out if they agree, otherwise the
//! test fails with the worst element and where it is. It must not know what the numbers mean.

/// One element of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Where it is.
    pub index: usize,
    /// What was found there.
    pub got: f32,
    /// What was expected there.
    pub want: f64,
    /// `|got - want| / max(1, |want|)`; infinite if just one of them is NaN or infinite.
    pub error: f64,
}

/// The worst element, or none if there are no elements.
///
/// Elements count as equal if both are NaN or both are the same infinity.
///
/// # Panics
///
/// If the lengths differ.
pub fn worst(got: &[f32], want: &[f64]) -> Option<Difference> {
    assert_eq!(got.len(), want.len(), "the number of elements differs");
    let mut worst: Option<Difference> = None;
    for (index, (&got, &want)) in got.iter().zip(want).enumerate() {
        let error = element_error(f64::from(got), want);
        if worst.is_none_or(|so_far| error > so_far.error) {
            worst = Some(Difference { index, got, want, error });
        }
    }
    worst
}

fn element_error(got: f64, want: f64) -> f64 {
    let same_infinity = got.is_infinite() && want.is_infinite() && (got > 0.0) == (want > 0.0);
    if (got.is_nan() && want.is_nan()) || same_infinity {
        return 0.0;
    }
    let error = (got - want).abs() / want.abs().max(1.0);
    if error.is_nan() { f64::INFINITY } else { error }
}

/// Fails unless every element agrees within `tolerance`, relative to `max(1, |want|)`.
///
/// # Panics
///
/// If the lengths differ or an element is too far off; the message gives `name`, the worst
/// element and its index.
#[track_caller]
pub fn assert_close(name: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert!(
        got.len() == want.len(),
        "{name}: expected {} elements, found {}",
        want.len(),
        got.len()
    );
    let Some(Difference { index, got, want, error }) = worst(got, want) else { return };
    assert!(
        error <= tolerance,
        "{name}[{index}]: expected {want}, found {got}: error {error:e} over {tolerance:e}"
    );
}

/// The same values in `f32`.
pub fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// The same values in `f64`.
pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_relative_to_large_values_and_absolute_for_small_ones() {
        assert_close("same", &[0.5, 1000.01], &[0.500_001, 1000.0], 2e-5);
        assert_close("empty", &[], &[], 0.0);
        assert_close("NaN", &[f32::NAN, f32::INFINITY], &[f64::NAN, f64::INFINITY], 0.0);
    }

    #[test]
    #[should_panic(expected = "values[1]: expected 2, found 2.5: error 2.5e-1 over 1e-1")]
    fn the_worst_element_is_named() {
        assert_close("values", &[1.1, 2.5, 3.0], &[1.0, 2.0, 3.0], 0.1);
    }

    #[test]
    #[should_panic(expected = "values: expected 2 elements, found 1")]
    fn lengths_must_agree() {
        assert_close("values", &[1.0], &[1.0, 2.0], 1.0);
    }

    #[test]
    fn nan_or_infinity_on_one_side_only_is_infinitely_wrong() {
        let pairs = [
            (f32::NAN, 1.0),
            (1.0, f64::NAN),
            (1.0, f64::INFINITY),
            (f32::INFINITY, f64::NEG_INFINITY),
            (f32::INFINITY, 1e300),
        ];
        for (got, want) in pairs {
            let found = worst(&[0.0, got], &[0.0, want]).expect("two elements");
            assert_eq!((found.index, found.error), (1, f64::INFINITY), "{got} {want}");
        }
    }
}
