//! Which values dropout keeps: a pure function of seed, layer, step, sample and unit.
//!
//! In: a seed, a ratio and a place. Out: the factor of each value there, 0 or 1 / (1 - ratio). Nothing is
//! stored, so neither threads nor the order of calls can change a mask. It does not know what is dropped.
//!
//! Random bits come from Philox4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel
//! random numbers: as easy as 1, 2, 3", SC'11. One counter gives four words, those of units 4k to 4k + 3:
//!
//! | word | counter | key |
//! | --- | --- | --- |
//! | 0 | k | low half of the seed |
//! | 1 | sample | high half of the seed |
//! | 2 | step | |
//! | 3 | layer | |
//!
//! If k, the sample, the step or the layer does not fit 32 bits, the counter holds the low halves of all
//! four, and the key is the first two words that the four high halves give as a counter with the seed as
//! key.
//!
//! A value is kept where its word w fulfils w / 2^32 >= ratio, without rounding.

/// Multipliers of the rounds.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// Added to the key from round to round.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;
/// Words that one counter gives.
const WORDS: usize = 4;

/// Inverted dropout: what is kept is scaled, so that the mean stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DropoutMask {
    /// Chooses the mask.
    pub(crate) seed: u64,
    /// Ratio of dropped values, at least 0 and less than 1. 0 keeps all, with the factor 1.
    pub(crate) ratio: f32,
}

/// Whose outputs are multiplied by factors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropoutRow {
    pub(crate) layer: usize,
    pub(crate) step: usize,
    pub(crate) sample: usize,
}

impl DropoutMask {
    /// Keeps everything.
    pub(crate) const NONE: Self = Self { seed: 0, ratio: 0.0 };

    /// Whether anything is dropped.
    pub(crate) fn is_active(&self) -> bool {
        self.ratio > 0.0
    }

    /// Multiply some units of one sample at one step of the output of one layer by their factors. The
    /// first of `values` is unit `first`; both directions count, and the forward direction's units come
    /// first.
    pub(crate) fn apply(&self, row: DropoutRow, first: usize, values: &mut [f32]) {
        if !self.is_active() {
            return;
        }
        let DropoutRow { layer, step, sample } = row;
        let (least, kept) = (self.least_kept(), self.kept_factor());
        let mut values = values.iter_mut();
        let mut skipped = first % WORDS;
        let mut block = first / WORDS;
        while values.len() > 0 {
            let words = self.words([block, sample, step, layer]);
            for (word, value) in words.into_iter().skip(skipped).zip(&mut values) {
                *value *= if word >= least { kept } else { 0.0 };
            }
            skipped = 0;
            block += 1;
        }
    }

    /// The factor of what is kept: 1 / (1 - ratio), rounded once from `f64`.
    pub(crate) fn kept_factor(&self) -> f32 {
        (1.0 / (1.0 - f64::from(self.ratio))) as f32
    }

    /// The least word that is kept: ratio · 2^32, rounded up. The product is exact, and less than 2^32.
    #[expect(clippy::cast_sign_loss, reason = "a ratio is not negative")]
    fn least_kept(&self) -> u32 {
        (f64::from(self.ratio) * 4_294_967_296.0).ceil() as u32
    }

    /// The words of four neighbouring units.
    fn words(&self, place: [usize; 4]) -> [u32; WORDS] {
        let seed = [self.seed as u32, (self.seed >> 32) as u32];
        let low = place.map(|number| number as u32);
        let high = place.map(|number| (number as u64 >> 32) as u32);
        if high == [0; 4] {
            return philox(low, seed);
        }
        let [first, second, ..] = philox(high, seed);
        philox(low, [first, second])
    }
}

/// Philox4x32-10.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; WORDS] {
    for _ in 0..ROUNDS {
        let [c0, c1, c2, c3] = counter;
        let (high0, low0) = multiply(MULTIPLIERS[0], c0);
        let (high1, low1) = multiply(MULTIPLIERS[1], c2);
        counter = [high1 ^ c1 ^ key[0], low1, high0 ^ c3 ^ key[1], low0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// Both halves of a product, the high one first.
fn multiply(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

#[cfg(test)]
mod tests {
    use super::{DropoutMask, DropoutRow, philox};
    use std::collections::HashSet;

    fn factors(
        mask: DropoutMask,
        (layer, step, sample): (usize, usize, usize),
        units: usize,
    ) -> Vec<f32> {
        let mut out = vec![1.0; units];
        mask.apply(DropoutRow { layer, step, sample }, 0, &mut out);
        out
    }

    fn bits(factors: Vec<f32>) -> Vec<u32> {
        factors.into_iter().map(f32::to_bits).collect()
    }

    /// The known answers that the authors publish with Random123, `kat_vectors`: "philox4x32 10".
    #[test]
    fn philox_gives_the_published_answers() {
        const ONES: u32 = u32::MAX;
        let answers = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([ONES; 4], [ONES; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, answer) in answers {
            assert_eq!(philox(counter, key), answer);
        }
    }

    #[test]
    fn a_place_is_a_counter_and_the_seed_is_the_key() {
        let mask = DropoutMask { seed: 0x299f_31d0_a409_3822, ratio: 0.5 };
        let words = mask.words([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]);
        assert_eq!(words, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
        // The words with the highest bit set are those that a half keeps.
        let first = DropoutMask { seed: 0, ratio: 0.5 };
        assert_eq!(factors(first, (0, 0, 0), 4), [0.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn the_comparison_is_exact() {
        let least = |ratio| DropoutMask { seed: 0, ratio }.least_kept();
        assert_eq!(least(0.0), 0);
        assert_eq!(least(-0.0), 0);
        assert_eq!(least(f32::from_bits(1)), 1);
        assert_eq!(least(0.5), 1 << 31);
        assert_eq!(least(0.25), 1 << 30);
        assert_eq!(least(1.0_f32.next_down()), 0_u32.wrapping_sub(256));
        // 0.1_f32 is 13421773 / 2^27, so the bound is an integer.
        assert_eq!(least(0.1), 13_421_773 << 5);
        // 2^-32 (1 + 2^-23) is rounded up.
        assert_eq!(least((0.5_f32).powi(32).next_up()), 2);
        // The word of the first unit is 0x6627e8d5.
        let edge = f64::from(0x6627_e800_u32) / 4_294_967_296.0;
        let kept = DropoutMask { seed: 0, ratio: edge as f32 };
        assert!(factors(kept, (0, 0, 0), 1)[0] > 1.0);
        let dropped = DropoutMask { seed: 0, ratio: kept.ratio.next_up().next_up().next_up() };
        assert_eq!(factors(dropped, (0, 0, 0), 1), [0.0]);
    }

    #[test]
    fn factors_are_zero_or_the_inverse_of_the_kept_share() {
        for (ratio, kept) in [(0.5, 2.0), (0.75, 4.0), (0.1, 1.111_111_2), (0.2, 1.25)] {
            let factors = factors(DropoutMask { seed: 3, ratio }, (1, 2, 3), 400);
            assert!(
                factors
                    .iter()
                    .all(|&factor: &f32| factor == 0.0 || factor.to_bits() == f32::to_bits(kept)),
                "{ratio}"
            );
            assert!(factors.contains(&0.0) && factors.contains(&kept), "{ratio}");
        }
    }

    #[test]
    fn nothing_is_dropped_without_a_ratio() {
        for seed in 0..50 {
            assert_eq!(factors(DropoutMask { seed, ratio: 0.0 }, (0, 0, 0), 64), [1.0; 64]);
        }
    }

    /// Within five standard deviations, for whole masks and for each unit.
    #[test]
    fn the_share_of_kept_values_is_as_asked() {
        const UNITS: usize = 40;
        for ratio in [0.05_f32, 0.3, 0.5, 0.9] {
            let mut kept = [0_u32; UNITS];
            let mut masks = 0_u32;
            for (layer, step) in (0..2).flat_map(|layer| (0..50).map(move |step| (layer, step))) {
                for sample in 0..20 {
                    let mask = DropoutMask { seed: 11, ratio };
                    let factors = factors(mask, (layer, step, sample), UNITS);
                    kept.iter_mut().zip(factors).for_each(|(kept, factor)| {
                        *kept += u32::from(factor > 0.0);
                    });
                    masks += 1;
                }
            }
            let share = 1.0 - f64::from(ratio);
            let is_likely = |count: u32, of: u32| {
                let deviation = (f64::from(of) * share * (1.0 - share)).sqrt();
                (f64::from(count) - f64::from(of) * share).abs() < 5.0 * deviation
            };
            assert!(is_likely(kept.iter().sum(), masks * UNITS as u32), "{ratio}: {kept:?}");
            assert!(kept.iter().all(|&kept| is_likely(kept, masks)), "{ratio}: {kept:?}");
        }
    }

    #[test]
    fn fewer_units_are_the_first_of_more() {
        let mask = DropoutMask { seed: 5, ratio: 0.4 };
        let all = factors(mask, (1, 7, 3), 70);
        for units in 0..70 {
            assert_eq!(bits(factors(mask, (1, 7, 3), units)), bits(all[..units].to_vec()));
        }
    }

    #[test]
    fn a_row_may_start_at_any_unit() {
        let mask = DropoutMask { seed: 5, ratio: 0.4 };
        let all = factors(mask, (1, 7, 3), 40);
        for first in 0..40 {
            for end in first..40 {
                let mut part = vec![1.0; end - first];
                mask.apply(DropoutRow { layer: 1, step: 7, sample: 3 }, first, &mut part);
                assert_eq!(bits(part), bits(all[first..end].to_vec()), "{first}..{end}");
            }
        }
    }

    #[test]
    fn every_place_and_seed_has_a_mask_of_its_own() {
        let mut seen = HashSet::new();
        for seed in [0, 1, 1 << 32, u64::MAX] {
            for layer in 0..3 {
                for step in 0..4 {
                    for sample in 0..4 {
                        let mask = DropoutMask { seed, ratio: 0.5 };
                        assert!(seen.insert(bits(factors(mask, (layer, step, sample), 96))));
                    }
                }
            }
        }
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn numbers_beyond_32_bits_count() {
        let mask = DropoutMask { seed: 9, ratio: 0.5 };
        let far = 1_usize << 32;
        let mut seen = HashSet::new();
        for place in 0..16 {
            let place = [0, 1, 2, 3].map(|bit| if place >> bit & 1 == 1 { far } else { 0 });
            assert!(seen.insert(mask.words(place)));
        }
        let [first, second, ..] = philox([0, 0, 1, 0], [9, 0]);
        assert_eq!(mask.words([5, 6, far + 7, 8]), philox([5, 6, 7, 8], [first, second]));
    }
}
