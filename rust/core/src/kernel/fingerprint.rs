//! Fingerprints of rows of floats.
//!
//! In: rows of at most [`PIECE`] floats. Out: 64 bits that say which bits they hold, the same at every level. It
//! does not know what the floats mean.
//!
//! Two stages. Within a row, NH (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: fast and secure message
//! authentication", CRYPTO '99): the numbers are added to keys, each two neighbours multiplied, the products
//! of 64 bits added up. The sum of a row is added to a key of the row and mixed by the finalizer of `SplitMix64`
//! (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA '14), a bijection. What comes
//! out is added up too, so that rows can be visited in any order.

use super::vector::load;
use crate::level::Kernel;
use fearless_simd::{Bytes, Simd, SimdBase};

/// Floats of the longest row: as many keys as there are.
pub(crate) const PIECE: usize = 256;

/// From one pseudorandom number to the next: 2⁶⁴ divided by the golden ratio (Steele and others).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of `SplitMix64`, Stafford's variant 13: all bits depend on all bits.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// What is added to the numbers of a row. Each is minus the bits of a NaN: no other float makes a factor 0,
/// which would hide its neighbour. So where one float of a row is changed, its product is always another one.
static KEYS: [u32; PIECE] = {
    let mut keys = [0; PIECE];
    let mut index = 0;
    while index < PIECE {
        let random = mix(GAMMA.wrapping_mul(index as u64 + 1)) as u32;
        keys[index] = (f32::INFINITY.to_bits() | random | 1).wrapping_neg();
        index += 1;
    }
    keys
};

/// The key of a row, `row` rows after the one that has `key`.
pub(crate) fn row_key(key: u64, row: usize) -> u64 {
    key.wrapping_add(GAMMA.wrapping_mul(row as u64))
}

/// The fingerprint of rows that follow each other.
pub(crate) struct RowsToFingerprint<'a> {
    /// Of at most [`PIECE`] floats each.
    pub(crate) rows: &'a [&'a [f32]],
    /// The key of the first row.
    pub(crate) key: u64,
}

impl Kernel for RowsToFingerprint<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let mut sum = 0_u64;
        for (index, row) in self.rows.iter().enumerate() {
            let products = sum_of_products(simd, row);
            sum = sum.wrapping_add(mix(row_key(self.key, index).wrapping_add(products)));
        }
        sum
    }
}

/// The products of a row, added up.
#[inline(always)]
fn sum_of_products<S: Simd>(simd: S, row: &[f32]) -> u64 {
    let lanes = S::f32s::LEN;
    let vectors = row.len() / lanes * lanes;
    let mut sums = S::u64s::splat(simd, 0);
    for start in (0..vectors).step_by(lanes) {
        sums += products(simd, row, start);
    }
    let of_vectors = sums.as_slice().iter().fold(0, |sum: u64, &next| sum.wrapping_add(next));
    let rest = row[vectors..].chunks(2).zip(KEYS[vectors..].chunks(2));
    rest.fold(of_vectors, |sum, (floats, keys)| {
        let number = |at: usize| floats.get(at).map_or(0, |float| float.to_bits());
        let factor = |at: usize| u64::from(number(at).wrapping_add(keys[at]));
        // Each factor is below 2³².
        sum.wrapping_add(factor(0) * factor(1))
    })
}

/// The product of each two neighbours among the floats of a vector.
#[inline(always)]
fn products<S: Simd>(simd: S, row: &[f32], start: usize) -> S::u64s {
    let keys = S::u32s::from_slice(simd, &KEYS[start..start + S::u32s::LEN]);
    let factors: S::u64s = (load(simd, row, start).bitcast::<S::u32s>() + keys).bitcast();
    (factors & S::u64s::splat(simd, u64::from(u32::MAX))) * (factors >> 32)
}

#[cfg(test)]
mod tests {
    use super::{GAMMA, KEYS, PIECE, RowsToFingerprint, mix};
    use crate::level::{Level, vectorize};

    /// The fingerprint as the header of this file says it, in the plainest words.
    fn plain(rows: &[&[f32]], key: u64) -> u64 {
        let mut sum = 0_u128;
        for (index, row) in rows.iter().enumerate() {
            let mut numbers: Vec<u32> = row.iter().map(|float| float.to_bits()).collect();
            if numbers.len() % 2 == 1 {
                numbers.push(0);
            }
            let factor = |at: usize| u128::from(numbers[at].wrapping_add(KEYS[at]));
            let pairs = (0..numbers.len()).step_by(2);
            let products: u128 = pairs.map(|at| factor(at) * factor(at + 1)).sum();
            let row = u128::from(key) + u128::from(GAMMA) * index as u128 + products;
            sum += u128::from(mix(row as u64));
        }
        sum as u64
    }

    #[test]
    fn every_level_gives_what_the_formula_says() {
        let floats: Vec<f32> = (0..PIECE).map(|at| (at as f32 - 100.0) * 0.37).collect();
        for length in (0..40).chain([100, 127, 128, 255, PIECE]) {
            for count in [0, 1, 2, 16] {
                let rows: Vec<&[f32]> =
                    (0..count).map(|row| &floats[row.min(PIECE - length)..][..length]).collect();
                for level in Level::available() {
                    let found = vectorize(level, RowsToFingerprint { rows: &rows, key: 7 });
                    assert_eq!(found, plain(&rows, 7), "{level:?}: {count} rows of {length}");
                }
            }
        }
    }

    /// The first numbers of `SplitMix64` from the seed 1234567, as in its reference implementation.
    #[test]
    fn mixed_numbers_are_the_published_ones() {
        let number = |index: u64| mix(1_234_567_u64.wrapping_add(GAMMA.wrapping_mul(index)));
        assert_eq!(
            [1, 2, 3].map(number),
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn no_finite_float_hides_its_neighbour() {
        for key in KEYS {
            assert!(f32::from_bits(key.wrapping_neg()).is_nan());
        }
        // A float that hides everything to the right of its place, were it not for the choice of keys.
        for value in [0.0, -0.0, 1.0, -1.0, f32::MIN_POSITIVE, f32::MAX, f32::MIN, f32::INFINITY] {
            for at in [0, 1, 17] {
                let fingerprint = |changed: f32| {
                    let mut row = [value; 18];
                    row[at] = changed;
                    vectorize(Level::best(), RowsToFingerprint { rows: &[&row], key: 0 })
                };
                assert_ne!(fingerprint(value), fingerprint(f32::from_bits(value.to_bits() ^ 1)));
            }
        }
    }
}
