//! The two ways to compute a product of matrices.
//!
//! In: a name, or nothing. Out: [`Route`]. It does not know which products there are.

use crate::error::Error;

/// How products of matrices are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// By kernels of this crate, from weights packed into panels. Results do not depend on threads, on how a
    /// batch is divided, nor on how a sequence is cut.
    Panels,
    /// By `ndarray`'s general matrix product: `matrixmultiply`, or the vendor's library that was built in.
    /// Results are those of the panels but for rounding.
    Gemm,
}

impl Route {
    /// Both routes.
    pub const ALL: [Self; 2] = [Self::Panels, Self::Gemm];

    /// `panels` or `gemm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Panels => "panels",
            Self::Gemm => "gemm",
        }
    }

    /// The route of this name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRoute`].
    pub fn from_name(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|route| route.name() == name);
        found.ok_or_else(|| Error::UnknownRoute { requested: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn a_route_is_found_by_its_name_and_no_other() {
        for route in Route::ALL {
            assert_eq!(Route::from_name(route.name()), Ok(route));
        }
        let text = Route::from_name("blas").unwrap_err().to_string();
        assert!(
            text.contains("panels") && text.contains("gemm") && text.contains("blas"),
            "{text}"
        );
    }
}
