//! The buffers of a layer that computes, and their random floats.
//!
//! In: forms. Out: memory that can say afterwards what of it was written.

use super::form::Form;
use bnns_lstm::NDArrayDescriptor;
use bnns_lstm_testkit::random::Rng;

/// Marks what was not written; no computation gives these bits.
pub const UNTOUCHED: u32 = 0x7fc5_a5a5;

/// A buffer and what of it is the array.
pub struct Array {
    pub form: Form,
    pub floats: Vec<f32>,
}

/// A descriptor to read an array, or none.
pub fn read(array: Option<&Array>) -> NDArrayDescriptor<'_> {
    array.map_or_else(NDArrayDescriptor::absent, |array| array.form.read(&array.floats))
}

/// What a call is to write.
pub struct Outputs {
    /// Sequence, hidden state, cell state.
    pub arrays: [Option<Array>; 3],
    /// The final state starts as the initial one.
    pub is_in_place: [bool; 3],
}

impl Outputs {
    /// All memory, bit for bit.
    pub fn bits(&self) -> Vec<u32> {
        let arrays = self.arrays.iter().flatten();
        arrays.flat_map(|array| array.floats.iter().map(|value| value.to_bits())).collect()
    }

    /// All memory, bit for bit, except that NaN is NaN: which one an operation gives is up to the compiler.
    pub fn numbers(&self) -> Vec<u32> {
        let is_nan = |bits: u32| f32::from_bits(bits).is_nan();
        self.bits().into_iter().map(|bits| if is_nan(bits) { u32::MAX } else { bits }).collect()
    }

    /// All elements were written, and nothing between them.
    pub fn assert_written(&self) {
        for (array, is_in_place) in self.arrays.iter().zip(self.is_in_place) {
            let Some(Array { form, floats }) = array else { continue };
            let mut is_element = vec![false; floats.len()];
            for &place in &form.places {
                is_element[place] = true;
            }
            for (place, (value, is_element)) in floats.iter().zip(is_element).enumerate() {
                let is_untouched = value.to_bits() == UNTOUCHED;
                assert!(is_element || is_untouched, "{form:?} was written at {place}");
                assert!(!is_element || is_in_place || !is_untouched, "{form:?} misses {place}");
            }
        }
    }
}

/// A float between -2 and 2, or now and then any other.
pub fn float(random: &mut Rng, has_special_values: bool) -> f32 {
    const SPECIAL: [f32; 8] =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-40, -0.0, 88.8];
    let number = random.bits();
    if has_special_values && number.is_multiple_of(16) {
        return SPECIAL[(number >> 4) as usize % SPECIAL.len()];
    }
    (number % 4001) as f32 / 1000.0 - 2.0
}
