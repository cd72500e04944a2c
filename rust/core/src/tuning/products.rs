//! From how many rows on a product of matrices is better given to a library.
//!
//! In: which library was built in, what the processor has. Out: [`GemmRows`]. It knows no layer.

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

    /// For the library that was built in, on this machine.
    pub(super) fn of_machine() -> Self {
        Self::of(has_avx_alone())
    }

    fn of(has_avx_alone: bool) -> Self {
        if cfg!(feature = "accelerate") {
            Self::ACCELERATE
        } else if has_avx_alone && !cfg!(feature = "openblas") {
            Self::AVX_ALONE
        } else {
            Self::NEVER
        }
    }

    /// Apple's matrix units, by theory: nobody has measured it. They multiply a row of 16 floats with a column
    /// of 16 at a time, so that a product of fewer than 16 rows leaves a part of them idle; at 16 rows they are
    /// full, and about ten times as fast as the vector units that the panels use.
    const ACCELERATE: Self = Self { inputs: 16, hidden: 16, transposed: 16, gradients: 16 };

    /// `matrixmultiply` where it has vectors of 8 floats and the panels have 4, from `docs/products.md`: input
    /// projections and weight gradients take 0.64 to 0.90 of the panels' time with all sizes, hidden states 0.80
    /// to 0.99 from 32 rows on and as long with 8, transposed products 0.86 to 0.96 from 8 rows on.
    const AVX_ALONE: Self = Self { inputs: 8, hidden: 32, transposed: 8, gradients: 8 };
}

/// Whether the processor has AVX and no AVX2, as those of 2011 to 2013: this crate's kernels then use plain code,
/// and `matrixmultiply` does not.
fn has_avx_alone() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return is_x86_feature_detected!("avx") && !is_x86_feature_detected!("avx2");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    return false;
}

#[cfg(test)]
mod tests {
    use super::GemmRows;

    #[test]
    fn the_library_multiplies_where_it_is_faster() {
        let of_others = if cfg!(feature = "accelerate") {
            GemmRows { inputs: 16, hidden: 16, transposed: 16, gradients: 16 }
        } else {
            GemmRows::NEVER
        };
        assert_eq!(GemmRows::of(false), of_others);
        let of_avx_alone = GemmRows { inputs: 8, hidden: 32, transposed: 8, gradients: 8 };
        let has_matrixmultiply = !cfg!(any(feature = "accelerate", feature = "openblas"));
        let expected = if has_matrixmultiply { of_avx_alone } else { of_others };
        assert_eq!(GemmRows::of(true), expected);
    }
}
