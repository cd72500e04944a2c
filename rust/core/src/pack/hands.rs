//! Who packs: the calling thread, or several; and how panels of all directions of all layers come to be packed.
//!
//! In: pieces of work, each with memory of its own. Out: all of them done. It does not know what a piece is, nor where
//! threads come from: `run/packing.rs` brings them.

use super::views::BoundWeights;
use crate::error::Error;
use crate::place::{PerPlace, Place};
use crate::plan::LayerPlan;

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

/// Panels of one direction of a layer, which are packed in pieces.
pub(super) trait Packed: Sized {
    /// Memory of some of the panels.
    type Piece<'p>: Send
    where
        Self: 'p;

    /// Memory for all of them.
    fn new(layer: &LayerPlan, place: Place) -> Result<Self, Error>;

    /// What is to be packed, for so many hands.
    fn pieces<'p>(
        &'p mut self,
        layer: &LayerPlan,
        place: Place,
        count: usize,
    ) -> impl Iterator<Item = Self::Piece<'p>> + use<'p, Self>;

    /// Pack a piece.
    fn pack(piece: &mut Self::Piece<'_>, layer: &LayerPlan, weights: &BoundWeights<'_>);
}

/// Pack the panels of all directions of all layers.
pub(super) fn pack_all<P: Packed>(
    hands: &impl Hands,
    layer: &LayerPlan,
    weights: &BoundWeights<'_>,
) -> Result<PerPlace<P>, Error> {
    if weights.layer != layer.config {
        return Err(Error::WrongLayer { what: "weights" });
    }
    let stack = (layer.config.layers, layer.config.directions);
    let mut panels = PerPlace::try_from_fn(stack, |place| P::new(layer, place))?;
    let of_places = panels.each_mut();
    let pieces = of_places.flat_map(|(place, panels)| panels.pieces(layer, place, hands.count()));
    let mut pieces: Vec<P::Piece<'_>> = pieces.collect();
    hands.each(&mut pieces, &|piece| P::pack(piece, layer, weights))?;
    drop(pieces);
    Ok(panels)
}

/// Cut so many floats off the beginning of a panel, or what there is.
#[expect(clippy::mut_mut, reason = "what is left of a panel gets shorter")]
pub(super) fn cut<'p>(panel: &mut &'p mut [f32], floats: usize) -> &'p mut [f32] {
    let all = std::mem::take(panel);
    let (own, rest) = all.split_at_mut(floats.min(all.len()));
    *panel = rest;
    own
}
