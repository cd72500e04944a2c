//! What the fuzz targets do, apart from their runner.
//!
//! In: bytes, decoded by `arbitrary`. Out: a panic where the library does something wrong. The tests of the
//! library include this file too, to decode and run the cases that were found.

pub mod arrays;
pub mod corruption;
pub mod descriptor;
pub mod division;
pub mod form;
pub mod gradients;
pub mod layer;
pub mod layouts;
pub mod structure;
