//! Directions of a layer.

/// A value for each direction: one, or two in a bidirectional layer.
#[derive(Debug)]
pub(crate) struct PerDirection<T> {
    pub(crate) forward: T,
    pub(crate) backward: Option<T>,
}
