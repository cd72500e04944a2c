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
    /// An array's own strides: the array's axis for each axis of the field, `None` for one it lacks.
    Axes { own_shape: Vec<usize>, order: Vec<Option<usize>> },
}

impl Strided {
    pub(super) fn in_buffer(shape: Vec<usize>, strides: Vec<usize>) -> Self {
        Self { shape, source: Source::Buffer { strides } }
    }

    pub(super) fn along_axes(
        shape: Vec<usize>,
        own_shape: Vec<usize>,
        order: Vec<Option<usize>>,
    ) -> Self {
        Self { shape, source: Source::Axes { own_shape, order } }
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
        path: &Path,
        array: ArrayViewD<'a, f32>,
    ) -> Result<ArrayView<'a, f32, D>, Error> {
        let mismatch = self.mismatch(path, array.shape());
        let view = match &self.source {
            Source::Buffer { strides } => array.to_slice().and_then(|slice| {
                let shape = IxDyn(&self.shape).strides(IxDyn(strides));
                ArrayViewD::from_shape(shape, slice).ok()
            }),
            Source::Axes { own_shape, order } => {
                (array.shape() == own_shape.as_slice()).then(|| permute(array, order))
            }
        };
        view.and_then(|view| view.into_dimensionality().ok()).ok_or(mismatch)
    }

    /// As [`bind`](Self::bind), to write.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] if it is another array, or if the field has not `D` axes.
    pub fn bind_mut<'a, D: Dimension>(
        &self,
        path: &Path,
        array: ArrayViewMutD<'a, f32>,
    ) -> Result<ArrayViewMut<'a, f32, D>, Error> {
        let mismatch = self.mismatch(path, array.shape());
        let view = match &self.source {
            Source::Buffer { strides } => array.into_slice().and_then(|slice| {
                let shape = IxDyn(&self.shape).strides(IxDyn(strides));
                ArrayViewMutD::from_shape(shape, slice).ok()
            }),
            Source::Axes { own_shape, order } => {
                (array.shape() == own_shape.as_slice()).then(|| permute(array, order))
            }
        };
        view.and_then(|view| view.into_dimensionality().ok()).ok_or(mismatch)
    }

    fn mismatch(&self, path: &Path, actual: &[usize]) -> Error {
        Error::ArrayMismatch {
            path: path.clone(),
            expected: format!("{:?}", self.shape),
            actual: format!("{actual:?}"),
        }
    }
}

/// The array's axes in the field's order, with axes of extent 1 where it lacks one.
fn permute<S: RawData>(array: ArrayBase<S, IxDyn>, order: &[Option<usize>]) -> ArrayBase<S, IxDyn> {
    let present: Vec<usize> = order.iter().copied().flatten().collect();
    let mut view = array.permuted_axes(IxDyn(&present));
    for (position, axis) in order.iter().enumerate() {
        if axis.is_none() {
            view = view.insert_axis(Axis(position));
        }
    }
    view
}
