//! Arrays that are lent for a call.
//!
//! In: elements in C order, or a view with any strides. Out: [`Lent`] and [`LentMut`], one type for both. They do
//! not know what was checked.

use ndarray::{ArrayViewD, ArrayViewMutD};

/// An array that is lent to be read.
#[derive(Debug)]
pub enum Lent<'a> {
    /// Its elements, one behind the other in C order; the quickest way in.
    InOrder(&'a [f32]),
    /// A view with strides of its own.
    Strided(ArrayViewD<'a, f32>),
}

/// An array that is lent to be written, and to be read before that.
#[derive(Debug)]
pub enum LentMut<'a> {
    /// Its elements, one behind the other in C order; the quickest way in.
    InOrder(&'a mut [f32]),
    /// A view with strides of its own.
    Strided(ArrayViewMutD<'a, f32>),
}

impl Lent<'_> {
    /// The same array, for a shorter time.
    pub(crate) fn view(&self) -> Lent<'_> {
        match self {
            Self::InOrder(elements) => Lent::InOrder(elements),
            Self::Strided(view) => Lent::Strided(view.view()),
        }
    }

    /// Extents, as far as they are known.
    pub(super) fn shape(&self) -> Vec<usize> {
        match self {
            Self::InOrder(elements) => vec![elements.len()],
            Self::Strided(view) => view.shape().to_vec(),
        }
    }
}

impl LentMut<'_> {
    /// Extents, as far as they are known.
    pub(super) fn shape(&self) -> Vec<usize> {
        match self {
            Self::InOrder(elements) => vec![elements.len()],
            Self::Strided(view) => view.shape().to_vec(),
        }
    }
}

impl<'a> From<&'a [f32]> for Lent<'a> {
    fn from(elements: &'a [f32]) -> Self {
        Self::InOrder(elements)
    }
}

impl<'a> From<&'a mut [f32]> for LentMut<'a> {
    fn from(elements: &'a mut [f32]) -> Self {
        Self::InOrder(elements)
    }
}
