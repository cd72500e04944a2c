//! Lent arrays bound to what was checked.
//!
//! In: an array that is lent, and where its elements were found to be. Out: a view with the field's own axes, or
//! the error for an array that is there without having been checked, or the other way round.

use super::lent::{Lent, LentMut};
use super::strided::Strided;
use crate::error::{Error, Path};
use ndarray::{ArrayView, ArrayViewMut, Dimension};

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
