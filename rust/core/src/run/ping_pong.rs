//! The outputs of layers, for the layer above.
//!
//! In: which layer is computed. Out: [`PingPong`], which hands two buffers out in turn: what one layer writes
//! is what the next one reads. It does not know what is in them.

/// Two buffers that the layers of a stack use in turn.
#[derive(Debug)]
pub(super) struct PingPong<T> {
    /// Of even layers.
    pub(super) even: T,
    /// Of odd layers.
    pub(super) odd: T,
}

/// The buffers as one layer sees them.
pub(super) struct Turn<'t, T> {
    /// The layer's own.
    pub(super) own: &'t mut T,
    /// That of both neighbours.
    pub(super) neighbour: &'t T,
}

impl<T> PingPong<T> {
    /// The buffers as a layer sees them.
    pub(super) fn turn_of(&mut self, layer: usize) -> Turn<'_, T> {
        let Self { even, odd } = self;
        if layer.is_multiple_of(2) {
            Turn { own: even, neighbour: odd }
        } else {
            Turn { own: odd, neighbour: even }
        }
    }
}
