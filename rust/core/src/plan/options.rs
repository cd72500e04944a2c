//! How a layer is to be computed, as far as the caller has a say.
//!
//! In: the caller's wishes. Out: [`Options`], from which both plans take what concerns them.

use crate::level::Level;
use crate::products::Route;
use crate::tuning::Tuning;

/// How a layer is to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// SIMD level.
    pub level: Level,
    /// Threads to use at most; 0 means as many as the machine has. Few are used where more would not pay.
    pub n_threads: usize,
    /// Use as many threads as rows and directions allow, even where fewer are faster: for tests and
    /// measurements.
    pub force_threads: bool,
    /// Plan for training: forward calls that fill a cache, and backward calls.
    pub training: bool,
    /// How products of matrices are computed; `None` leaves it to the tuned numbers. With
    /// [`Route::Gemm`] all products take it that have it.
    pub products: Option<Route>,
    /// Measured numbers that plans decide by.
    pub tuning: Tuning,
}

impl Default for Options {
    /// The best level of the machine, its caches, and as many threads as it has.
    fn default() -> Self {
        Self {
            level: Level::best(),
            n_threads: 0,
            force_threads: false,
            training: false,
            products: None,
            tuning: Tuning::of_machine(),
        }
    }
}
