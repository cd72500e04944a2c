//! Arrays that are lent for a call.
//!
//! In: elements in C order, or a view with any strides. Out: [`Lent`] and [`LentMut`], which [`Strided`] binds,
//! and what happens to an array that is there without having been checked, or the other way round.

use super::strided::Strided;
use crate::error::{Error, Path};
use ndarray::{ArrayView, ArrayViewD, ArrayViewMut, ArrayViewMutD, Dimension};

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
    fn shape(&self) -> Vec<usize> {
        match self {
            Self::InOrder(elements) => vec![elements.len()],
            Self::Strided(view) => view.shape().to_vec(),
        }
    }
}

impl LentMut<'_> {
    /// Extents, as far as they are known.
    fn shape(&self) -> Vec<usize> {
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

/// Bind an array that must be there exactly when it was checked.
pub(crate) fn bind<'a, D: Dimension>(
    path: impl FnOnce() -> Path,
    checked: Option<&Strided>,
    array: Option<Lent<'a>>,
) -> Result<Option<ArrayView<'a, f32, D>>, Error> {
    match (checked, array) {
        (Some(checked), Some(array)) => checked.bind(path, array).map(Some),
        (None, None) => Ok(None),
        (checked, array) => Err(differing(path(), checked, array.as_ref().map(Lent::shape))),
    }
}

/// As [`bind`], to write.
pub(crate) fn bind_mut<'a, D: Dimension>(
    path: impl FnOnce() -> Path,
    checked: Option<&Strided>,
    array: Option<LentMut<'a>>,
) -> Result<Option<ArrayViewMut<'a, f32, D>>, Error> {
    match (checked, array) {
        (Some(checked), Some(array)) => checked.bind_mut(path, array).map(Some),
        (None, None) => Ok(None),
        (checked, array) => Err(differing(path(), checked, array.as_ref().map(LentMut::shape))),
    }
}

/// Bind an array without which nothing can be computed.
pub(crate) fn bind_required<'a, D: Dimension>(
    path: impl Fn() -> Path,
    checked: Option<&Strided>,
    array: Option<Lent<'a>>,
) -> Result<ArrayView<'a, f32, D>, Error> {
    bind(&path, checked, array)?.ok_or_else(|| differing(path(), None, None))
}

/// An array that is there and was not checked, or the other way round; or one that is missing altogether.
fn differing(path: Path, checked: Option<&Strided>, found: Option<Vec<usize>>) -> Error {
    let expected = match (checked, &found) {
        (Some(checked), _) => format!("{:?}", checked.shape()),
        (None, Some(_)) => "none".to_owned(),
        (None, None) => "an array".to_owned(),
    };
    let actual = found.map_or("none".to_owned(), |shape| format!("{shape:?}"));
    Error::ArrayMismatch { path, expected, actual }
}
