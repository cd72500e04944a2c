//! The floor of `run` that is checked.

pub mod checks;
mod threads;

pub(crate) use threads::begin;
