//! Which layer, and which direction of it.
//!
//! In: a layer and a direction. Out: [`Place`], and one value for each direction ([`PerDirection`]) or for each
//! direction of each layer ([`PerPlace`]). It does not know what the values are.

use crate::error::Broken;
use ndarray::{ArrayBase, Axis, Dimension, RawData, RemoveAxis};

/// A direction of a layer, by the way in which it reads the steps unless the layer is reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the first step to the last.
    Forward,
    /// From the last step to the first.
    Backward,
}

impl Direction {
    /// Its position wherever arrays have an axis of directions.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Forward => 0,
            Self::Backward => 1,
        }
    }

    /// Which way it reads in a layer that may be reversed: as it is called, or the other way.
    pub(crate) fn reading(self, is_reversed: bool) -> Self {
        if is_reversed { self.opposite() } else { self }
    }

    /// The other one, which the backward pass of this one takes.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Forward => Self::Backward,
            Self::Backward => Self::Forward,
        }
    }
}

/// One direction of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The lowest layer is 0.
    pub(crate) layer: usize,
    pub(crate) direction: Direction,
}

impl Place {
    /// Its part of an array `[layers, directions, ...]`.
    pub(crate) fn part_of<S, D>(
        self,
        array: ArrayBase<S, D>,
    ) -> ArrayBase<S, <D::Smaller as Dimension>::Smaller>
    where
        S: RawData,
        D: RemoveAxis,
        D::Smaller: RemoveAxis,
    {
        let of_layer = array.index_axis_move(Axis(0), self.layer);
        of_layer.index_axis_move(Axis(0), self.direction.index())
    }
}

/// A value for each direction: one, or two in a bidirectional layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerDirection<T> {
    pub(crate) forward: T,
    pub(crate) backward: Option<T>,
}

impl<T> PerDirection<T> {
    /// The value of each of so many directions.
    pub(crate) fn try_from_fn<E>(
        directions: usize,
        mut value: impl FnMut(Direction) -> Result<T, E>,
    ) -> Result<Self, E> {
        let forward = value(Direction::Forward)?;
        let backward = (directions == 2).then(|| value(Direction::Backward)).transpose()?;
        Ok(Self { forward, backward })
    }

    /// The value of one direction.
    pub(crate) fn of(&self, direction: Direction) -> Result<&T, Broken> {
        match direction {
            Direction::Forward => Ok(&self.forward),
            Direction::Backward => self.backward.as_ref().ok_or(MISSING),
        }
    }

    pub(crate) fn as_ref(&self) -> PerDirection<&T> {
        PerDirection { forward: &self.forward, backward: self.backward.as_ref() }
    }

    pub(crate) fn as_mut(&mut self) -> PerDirection<&mut T> {
        PerDirection { forward: &mut self.forward, backward: self.backward.as_mut() }
    }

    /// Each value with its direction made another.
    pub(crate) fn map<U>(self, mut change: impl FnMut(Direction, T) -> U) -> PerDirection<U> {
        PerDirection {
            forward: change(Direction::Forward, self.forward),
            backward: self.backward.map(|value| change(Direction::Backward, value)),
        }
    }

    /// Both values of each direction; two directions do not go with one.
    pub(crate) fn zip<U>(self, other: PerDirection<U>) -> Result<PerDirection<(T, U)>, Broken> {
        let backward = match (self.backward, other.backward) {
            (Some(one), Some(other)) => Some((one, other)),
            (None, None) => None,
            _ => return Err(MISSING),
        };
        Ok(PerDirection { forward: (self.forward, other.forward), backward })
    }

    /// The values, the forward direction's first.
    pub(crate) fn each(self) -> impl Iterator<Item = (Direction, T)> {
        let backward = self.backward.map(|value| (Direction::Backward, value));
        std::iter::once((Direction::Forward, self.forward)).chain(backward)
    }
}

const MISSING: Broken = Broken("one direction where two are computed, or two where one is");

/// A value for each direction of each layer.
#[derive(Debug, Clone)]
pub(crate) struct PerPlace<T>(Vec<PerDirection<T>>);

impl<T> PerPlace<T> {
    /// The value of each place, layer by layer.
    pub(crate) fn try_from_fn<E>(
        (layers, directions): (usize, usize),
        mut value: impl FnMut(Place) -> Result<T, E>,
    ) -> Result<Self, E> {
        let of_layer = |layer| {
            PerDirection::try_from_fn(directions, |direction| value(Place { layer, direction }))
        };
        (0..layers).map(of_layer).collect::<Result<_, E>>().map(Self)
    }

    /// The value of one place.
    pub(crate) fn of(&self, place: Place) -> Result<&T, Broken> {
        self.0.get(place.layer).ok_or(NO_LAYER)?.of(place.direction)
    }

    /// No values at all any more.
    #[cfg(test)]
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The values of one layer, to change.
    pub(crate) fn of_layer_mut(&mut self, layer: usize) -> Result<&mut PerDirection<T>, Broken> {
        self.0.get_mut(layer).ok_or(NO_LAYER)
    }

    /// All values, with their places.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Place, &T)> {
        self.0.iter().enumerate().flat_map(|(layer, values)| {
            let of_layer = values.as_ref().each();
            of_layer.map(move |(direction, value)| (Place { layer, direction }, value))
        })
    }

    /// All values to change, with their places.
    pub(crate) fn each_mut(&mut self) -> impl Iterator<Item = (Place, &mut T)> {
        let layers = self.0.iter_mut().enumerate();
        layers.flat_map(|(layer, values)| {
            values
                .as_mut()
                .each()
                .map(move |(direction, value)| (Place { layer, direction }, value))
        })
    }
}

const NO_LAYER: Broken = Broken("fewer layers than are computed");

#[cfg(test)]
mod tests {
    use super::{Direction, PerDirection, PerPlace, Place};
    use ndarray::Array;

    #[test]
    fn a_place_finds_its_part() {
        let array = Array::from_iter(0..24).into_shape_with_order((3, 2, 4)).unwrap();
        let place = Place { layer: 2, direction: Direction::Backward };
        assert_eq!(place.part_of(array.view()).to_vec(), [20, 21, 22, 23]);
        let all = PerPlace::try_from_fn((3, 2), |place| {
            Ok::<_, ()>((place.layer, place.direction.index()))
        });
        let mut all = all.unwrap();
        assert_eq!(all.of(place), Ok(&(2, 1)));
        assert!(all.of(Place { layer: 3, ..place }).is_err());
        assert_eq!(
            all.each_mut().map(|(place, _)| place.layer).collect::<Vec<_>>(),
            [0, 0, 1, 1, 2, 2]
        );
    }

    #[test]
    fn one_direction_does_not_go_with_two() {
        let one = PerDirection { forward: 1, backward: None };
        let two = PerDirection { forward: 1, backward: Some(2) };
        assert!(one.zip(two).is_err() && two.zip(one).is_err());
        assert!(one.of(Direction::Backward).is_err());
        assert_eq!(two.zip(two).unwrap().backward, Some((2, 2)));
    }
}
