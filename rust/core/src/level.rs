//! Which SIMD instructions are used.
//!
//! In: what the CPU offers, or a name that forces a level. Out: [`Level`], whose existence proves that the
//! CPU has the instructions, the [`Tile`] that its registers hold, and [`vectorize`], the one border between
//! plain code and kernels. It does not know what kernels compute.

use crate::error::Error;
#[cfg(target_arch = "aarch64")]
use fearless_simd::Neon;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::{Avx2, Avx512};
use fearless_simd::{Fallback, Simd};
use std::fmt;

/// A SIMD level of this machine.
///
/// Kernels are compiled once for each of these levels, and for no other, to keep the library small.
#[derive(Clone, Copy)]
pub struct Level(Token);

/// Proof that the CPU has the instructions.
#[derive(Clone, Copy)]
enum Token {
    Fallback(Fallback),
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx2(Avx2),
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx512(Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Level {
    /// The best level of this machine.
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or_else(Self::fallback)
    }

    /// Plain code without explicit SIMD, on every machine.
    pub fn fallback() -> Self {
        Self(Token::Fallback(Fallback::new()))
    }

    /// All levels of this machine, slowest first.
    pub fn available() -> Vec<Self> {
        #[cfg_attr(
            not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")),
            expect(unused_mut, reason = "there is no other level")
        )]
        let mut levels = vec![Self::fallback()];
        #[cfg(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64"))]
        let detected = fearless_simd::Level::new();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            levels.extend(detected.as_avx2().map(|token| Self(Token::Avx2(token))));
            levels.extend(detected.as_avx512().map(|token| Self(Token::Avx512(token))));
        }
        #[cfg(target_arch = "aarch64")]
        levels.extend(detected.as_neon().map(|token| Self(Token::Neon(token))));
        levels
    }

    /// The level of this name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLevel`] with the names that this machine has.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        let levels = Self::available();
        levels.iter().copied().find(|level| level.name() == name).ok_or_else(|| {
            let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
            Error::UnknownLevel { requested: name.to_owned(), available: names.join(", ") }
        })
    }

    /// `fallback`, `avx2`, `avx512` or `neon`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Token::Fallback(_) => "fallback",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Token::Avx2(_) => "avx2",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Token::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Token::Neon(_) => "neon",
        }
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Level({})", self.name())
    }
}

impl PartialEq for Level {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Level {}

/// A computation that is compiled once for each level.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;

    /// Compute. Implementations carry `#[inline(always)]`, so that they become part of a function that
    /// has the level's instructions enabled.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Run a kernel with the instructions of a level.
pub(crate) fn vectorize<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level.0 {
        Token::Fallback(token) => kernel.run(token),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Token::Avx2(token) => token.vectorize(
            #[inline(always)]
            || kernel.run(token),
        ),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Token::Avx512(token) => token.vectorize(
            #[inline(always)]
            || kernel.run(token),
        ),
        #[cfg(target_arch = "aarch64")]
        Token::Neon(token) => token.vectorize(
            #[inline(always)]
            || kernel.run(token),
        ),
    }
}

/// How many sums the registers of a level hold: `rows` batch rows by one block of hidden units, or one row by
/// `blocks` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Lanes of a vector of `f32`: the hidden units of a block.
    pub(crate) lanes: usize,
    /// Batch rows of the highest tile; each takes four sums, one for each gate.
    pub(crate) rows: usize,
    /// Blocks of the widest tile of one row: sums enough to hide the latency of a multiply-add.
    pub(crate) blocks: usize,
}

impl Tile {
    /// Of 32 registers of 16 lanes.
    pub(crate) const WIDE: Self = Self { lanes: 16, rows: 6, blocks: 6 };
}

impl Level {
    /// The tile of the level. Others were measured with `python3 tasks.py bench-rust`.
    pub(crate) fn tile(self) -> Tile {
        match self.0 {
            // The compiler has 16 registers of 4 lanes at least: 8 sums.
            Token::Fallback(_) => Tile { lanes: 4, rows: 2, blocks: 1 },
            // 16 registers: 12 sums, 1 vector of weights, 3 inputs.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Token::Avx2(_) => Tile { lanes: 8, rows: 3, blocks: 3 },
            // 32 registers: 24 sums, 4 vectors of weights, 1 input.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Token::Avx512(_) => Tile::WIDE,
            // As AVX-512.
            #[cfg(target_arch = "aarch64")]
            Token::Neon(_) => Tile { lanes: 4, rows: 6, blocks: 6 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kernel, Level, vectorize};
    use fearless_simd::{Simd, SimdBase};

    struct CountLanes;

    impl Kernel for CountLanes {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::f32s::LEN
        }
    }

    #[test]
    fn the_stated_lanes_are_those_that_kernels_get() {
        for level in Level::available() {
            assert_eq!(vectorize(level, CountLanes), level.tile().lanes, "{level:?}");
        }
    }

    #[cfg(target_arch = "aarch64")]
    #[test]
    fn arm_has_plain_code_and_neon() {
        let names: Vec<&str> = Level::available().iter().map(|level| level.name()).collect();
        assert_eq!(names, ["fallback", "neon"]);
    }

    #[test]
    fn a_level_is_found_by_its_name_and_no_other() {
        for level in Level::available() {
            assert_eq!(Level::from_name(level.name()), Ok(level));
        }
        let error = Level::from_name("avx1024").unwrap_err();
        assert!(error.to_string().contains("fallback"), "{error}");
    }
}
