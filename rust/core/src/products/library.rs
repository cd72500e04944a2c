//! Which library computes the products of the gemm route.
//!
//! In: features of the build, sizes of a product. Out: [`Library`], for people to read. It computes nothing.

#[cfg(all(feature = "accelerate", not(target_os = "macos")))]
compile_error!(
    "feature `accelerate` of bnns-lstm: expected a build for macOS, found one for another system; \
     leave the feature out, or use `openblas`"
);
#[cfg(all(feature = "accelerate", feature = "openblas"))]
compile_error!(
    "features of bnns-lstm: expected at most one of `accelerate` and `openblas`, found both; \
     leave one of them out"
);

// Nothing is named there; without the mention its library would not be linked.
#[cfg(all(feature = "accelerate", target_os = "macos"))]
use blas_src as _;

/// The largest size that `ndarray` 0.17 does not hand to a vendor's library, if no other one is larger: its
/// `GEMM_BLAS_CUTOFF`.
const LARGEST_SMALL: usize = 7;

/// A library of matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// The crate `matrixmultiply`: in every build.
    Matrixmultiply,
    /// Apple's Accelerate: feature `accelerate`.
    Accelerate,
    /// The system's `OpenBLAS`: feature `openblas`.
    OpenBlas,
}

/// Sizes of a product: `[rows, inner]` by `[inner, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) inner: usize,
    pub(crate) columns: usize,
}

impl Library {
    /// The one that this build gives its larger products to.
    pub fn of_build() -> Self {
        if cfg!(feature = "accelerate") {
            Self::Accelerate
        } else if cfg!(feature = "openblas") {
            Self::OpenBlas
        } else {
            Self::Matrixmultiply
        }
    }

    /// The one that computes a product of these sizes: `ndarray` keeps small ones, and those that a library
    /// with sizes of 32 bits cannot count. Its other condition, rows or columns next to each other, holds for
    /// all matrices of this crate.
    pub(crate) fn of(Sizes { rows, inner, columns }: Sizes) -> Self {
        let largest = rows.max(inner).max(columns);
        let is_counted = i32::try_from(largest).is_ok();
        if largest > LARGEST_SMALL && is_counted { Self::of_build() } else { Self::Matrixmultiply }
    }

    /// `matrixmultiply`, `accelerate` or `openblas`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Matrixmultiply => "matrixmultiply",
            Self::Accelerate => "accelerate",
            Self::OpenBlas => "openblas",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Library, Sizes};

    #[test]
    fn small_products_stay_with_matrixmultiply() {
        let of = |rows, inner, columns| Library::of(Sizes { rows, inner, columns });
        assert_eq!(of(7, 7, 7), Library::Matrixmultiply);
        assert_eq!(of(1 << 32, 7, 7), Library::Matrixmultiply);
        for large in [of(8, 1, 1), of(1, 8, 1), of(1, 1, 8)] {
            assert_eq!(large, Library::of_build());
        }
    }
}
