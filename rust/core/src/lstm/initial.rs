//! Initial weights.
//!
//! In: a seed. Out: uniform numbers within ± 1 / √`hidden_size`, as `PyTorch` draws them, though not the same. It
//! knows no gate but the forget gate, whose biases may begin elsewhere.

use super::config::LstmConfig;
use super::parameters::Parameters;
use crate::gate::Gate;
use ndarray::Slice;

/// Draw all weights, and add to the first biases of the forget gates.
pub(super) fn draw(config: &LstmConfig, parameters: &mut Parameters, seed: u64, forget_bias: f32) {
    let bound = 1.0 / (config.hidden_size as f64).sqrt();
    let units = config.hidden_size;
    let forget = config.gates().iter().position(|&gate| gate == Gate::Forget);
    let mut random = SplitMix(seed);
    let names: Vec<String> = parameters.names().map(str::to_owned).collect();
    for name in names {
        let Some(mut array) = parameters.get_mut(&name) else { continue };
        array.map_inplace(|value| *value = random.within(bound));
        if let Some(block) = forget.filter(|_| name.starts_with("bias_ih")) {
            let rows = Slice::from(block * units..(block + 1) * units);
            array.slice_axis_mut(ndarray::Axis(0), rows).mapv_inplace(|bias| bias + forget_bias);
        }
    }
}

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Uniform in `[-bound, bound)`, from the upper 53 bits.
    fn within(&mut self, bound: f64) -> f32 {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (bound * (2.0 * unit - 1.0)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::SplitMix;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        // The first numbers for the seed 1234567 of the reference, https://prng.di.unimi.it/splitmix64.c.
        let mut random = SplitMix(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }
}
