//! Who packs: the calling thread, or several.
//!
//! In: pieces of work, each with memory of its own. Out: all of them done. It does not know what a piece is, nor where
//! threads come from: `run/packing.rs` brings them.

use crate::error::Error;

/// Those who do pieces of work side by side.
pub(crate) trait Hands {
    /// How many there are.
    fn count(&self) -> usize;

    /// Do each piece once, in any order.
    fn each<P: Send>(&self, pieces: &mut [P], run: &(impl Fn(&mut P) + Sync)) -> Result<(), Error>;
}

/// The calling thread by itself.
pub(super) struct Alone;

impl Hands for Alone {
    fn count(&self) -> usize {
        1
    }

    fn each<P: Send>(&self, pieces: &mut [P], run: &(impl Fn(&mut P) + Sync)) -> Result<(), Error> {
        pieces.iter_mut().for_each(run);
        Ok(())
    }
}

/// Cut so many floats off the beginning of a panel, or what there is.
#[expect(clippy::mut_mut, reason = "what is left of a panel gets shorter")]
pub(super) fn cut<'p>(panel: &mut &'p mut [f32], floats: usize) -> &'p mut [f32] {
    let all = std::mem::take(panel);
    let (own, rest) = all.split_at_mut(floats.min(all.len()));
    *panel = rest;
    own
}
