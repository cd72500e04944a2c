//! Products of matrices by a library: the second route beside the panels of `kernel`.
//!
//! In: rows of floats at a pitch. Out: their product, by `ndarray`'s general matrix product, which hands it to
//! `matrixmultiply`, or to a vendor's library where one was built in ([`Library`]). It knows neither layers
//! nor weights, and does not decide which product takes which [`Route`].

mod library;
mod matrix;
mod route;

pub use library::Library;
pub(crate) use library::Sizes;
pub(crate) use matrix::{columns, multiply, rows, rows_mut};
pub use route::Route;
