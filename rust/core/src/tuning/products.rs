//! From how many rows on a product of matrices is better given to a library.
//!
//! In: which library was built in. Out: [`GemmRows`]. It knows no layer.

/// Rows from which on each kind of product takes the gemm route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GemmRows {
    /// Rows of a chunk of steps whose inputs are projected.
    pub inputs: usize,
    /// Rows of a step whose hidden states are multiplied with the hidden weights.
    pub hidden: usize,
    /// Rows of gate gradients, of a step or a chunk, that are multiplied with transposed weights.
    pub transposed: usize,
    /// Rows of a chunk whose weight gradients are summed.
    pub gradients: usize,
}

impl GemmRows {
    /// No product takes it.
    pub const NEVER: Self = Self {
        inputs: usize::MAX,
        hidden: usize::MAX,
        transposed: usize::MAX,
        gradients: usize::MAX,
    };

    /// Every product takes it.
    pub const ALWAYS: Self = Self { inputs: 1, hidden: 1, transposed: 1, gradients: 1 };

    /// For the library that was built in.
    pub(super) fn of_build() -> Self {
        if cfg!(feature = "accelerate") { Self::ACCELERATE } else { Self::NEVER }
    }

    /// Apple's matrix units, by theory: nobody has measured it. They multiply a row of 16 floats with a column
    /// of 16 at a time, so that a product of fewer than 16 rows leaves a part of them idle; at 16 rows they are
    /// full, and about ten times as fast as the vector units that the panels use.
    const ACCELERATE: Self = Self { inputs: 16, hidden: 16, transposed: 16, gradients: 16 };
}
