//! A checked array: where each element of a field is.
//!
//! In: extents and strides that `check` has proven to lie inside of the memory. Out: `ndarray` views with
//! the field's own axes in C order. It does not know the descriptor that it came from.

use crate::error::{Error, Path};
use ndarray::{
    ArrayBase, ArrayView, ArrayViewD, ArrayViewMut, ArrayViewMutD, Axis, Dimension, IxDyn, RawData,
    ShapeBuilder,
};

/// How a field with the axes of [`shape`](Self::shape) lies in its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strided {
    shape: Vec<usize>,
    source: Source,
}

/// Where the strides come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A contiguous buffer, and strides in elements for each axis.
    Buffer { strides: Vec<usize> },
    /// An array's own strides: its axes in the field's order, and the field's axes that it lacks.
    Axes { own_shape: Vec<usize>, order: Vec<usize>, missing: Vec<usize> },
}

impl Strided {
    pub(super) fn in_buffer(shape: Vec<usize>, strides: Vec<usize>) -> Self {
        Self { shape, source: Source::Buffer { strides } }
    }

    pub(super) fn along_axes(
        shape: Vec<usize>,
        own_shape: Vec<usize>,
        axes: &[Option<usize>],
    ) -> Self {
        let order = axes.iter().copied().flatten().collect();
        let is_missing = |(position, axis): (usize, &Option<usize>)| axis.is_none().then_some(position);
        let missing = axes.iter().enumerate().filter_map(is_missing).collect();
        Self { shape, source: Source::Axes { own_shape, order, missing } }
    }

    /// Extents of the field's axes, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The field as a view of the array that was checked, with its axes in C order.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] if it is another array, or if the field has not `D` axes.
    pub fn bind<'a, D: Dimension>(
        &self,
        path: impl FnOnce() -> Path,
        array: ArrayViewD<'a, f32>,
    ) -> Result<ArrayView<'a, f32, D>, Error> {
        let found = array.raw_dim();
        let view = match &self.source {
            Source::Buffer { strides } => array.to_slice().and_then(|slice| {
                let shape = IxDyn(&self.shape).strides(IxDyn(strides));
                ArrayViewD::from_shape(shape, slice).ok()
            }),
            Source::Axes { own_shape, order, missing } => {
                (array.shape() == own_shape.as_slice()).then(|| permute(array, order, missing))
            }
        };
        view.and_then(|view| view.into_dimensionality().ok())
            .ok_or_else(|| self.mismatch(path(), &found))
    }

    /// As [`bind`](Self::bind), to write.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] if it is another array, or if the field has not `D` axes.
    pub fn bind_mut<'a, D: Dimension>(
        &self,
        path: impl FnOnce() -> Path,
        array: ArrayViewMutD<'a, f32>,
    ) -> Result<ArrayViewMut<'a, f32, D>, Error> {
        let found = array.raw_dim();
        let view = match &self.source {
            Source::Buffer { strides } => array.into_slice().and_then(|slice| {
                let shape = IxDyn(&self.shape).strides(IxDyn(strides));
                ArrayViewMutD::from_shape(shape, slice).ok()
            }),
            Source::Axes { own_shape, order, missing } => {
                (array.shape() == own_shape.as_slice()).then(|| permute(array, order, missing))
            }
        };
        view.and_then(|view| view.into_dimensionality().ok())
            .ok_or_else(|| self.mismatch(path(), &found))
    }

    fn mismatch(&self, path: Path, actual: &IxDyn) -> Error {
        Error::ArrayMismatch {
            path,
            expected: format!("{:?}", self.shape),
            actual: format!("{:?}", actual.as_array_view().to_vec()),
        }
    }
}

/// The array's axes in the field's order, with axes of extent 1 where it lacks one.
fn permute<S: RawData>(
    array: ArrayBase<S, IxDyn>,
    order: &[usize],
    missing: &[usize],
) -> ArrayBase<S, IxDyn> {
    let permuted = array.permuted_axes(IxDyn(order));
    missing.iter().fold(permuted, |view, &position| view.insert_axis(Axis(position)))
}
