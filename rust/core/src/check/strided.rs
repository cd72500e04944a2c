//! A checked array: where each element of a field is.
//!
//! In: extents and strides that `check` has proven to lie inside of the memory. Out: `ndarray` views with
//! the field's own axes in C order. It does not know the descriptor that it came from.

use super::lent::{Lent, LentMut};
use crate::error::{Error, Path};
use ndarray::{
    ArrayBase, ArrayView, ArrayViewMut, Axis, Dimension, IxDyn, RawData, ShapeBuilder, StrideShape,
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
    /// A contiguous buffer, in which the elements lie in C order.
    InOrder,
    /// A contiguous buffer, and strides in elements for each axis.
    Buffer { strides: Vec<usize> },
    /// An array's own strides: its axes in the field's order, and the field's axes that it lacks.
    Axes { own_shape: Vec<usize>, order: Vec<usize>, missing: Vec<usize> },
}

impl Strided {
    /// Strides in elements for each axis of the field, in a contiguous buffer.
    pub(super) fn in_buffer(shape: Vec<usize>, strides: Vec<usize>) -> Self {
        let mut next = 1_usize;
        let is_in_order = shape.iter().zip(&strides).rev().all(|(&extent, &stride)| {
            let is_next = extent == 1 || stride == next;
            next = extent.saturating_mul(next);
            is_next
        });
        let source = if is_in_order { Source::InOrder } else { Source::Buffer { strides } };
        Self { shape, source }
    }

    /// For each axis of the field the axis of an array of `own_shape`, `None` for one that it lacks. Each of
    /// the array's axes stands in `axes` once.
    pub(super) fn along_axes(
        shape: Vec<usize>,
        own_shape: Vec<usize>,
        axes: &[Option<usize>],
    ) -> Self {
        let order = axes.iter().copied().flatten().collect();
        let is_missing =
            |(position, axis): (usize, &Option<usize>)| axis.is_none().then_some(position);
        let missing = axes.iter().enumerate().filter_map(is_missing).collect();
        Self { shape, source: Source::Axes { own_shape, order, missing } }
    }

    /// The same elements with one more axis, the fastest one, of extent 1.
    pub(super) fn with_last_axis(mut self) -> Self {
        match &mut self.source {
            Source::InOrder => {}
            Source::Buffer { strides } => strides.push(1),
            Source::Axes { missing, .. } => missing.push(self.shape.len()),
        }
        self.shape.push(1);
        self
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
        array: Lent<'a>,
    ) -> Result<ArrayView<'a, f32, D>, Error> {
        let buffer = |elements| ArrayView::from_shape(self.buffer_shape()?, elements).ok();
        match array {
            Lent::InOrder(elements) => {
                buffer(elements).ok_or_else(|| self.mismatch(path(), &[elements.len()]))
            }
            Lent::Strided(array) => {
                let found = array.raw_dim();
                let view = match &self.source {
                    Source::InOrder | Source::Buffer { .. } => array.to_slice().and_then(buffer),
                    Source::Axes { own_shape, order, missing } => (found.slice() == own_shape)
                        .then(|| permute(array, order, missing))
                        .and_then(|view| view.into_dimensionality().ok()),
                };
                view.ok_or_else(|| self.mismatch(path(), found.slice()))
            }
        }
    }

    /// As [`bind`](Self::bind), to write.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] if it is another array, or if the field has not `D` axes.
    pub fn bind_mut<'a, D: Dimension>(
        &self,
        path: impl FnOnce() -> Path,
        array: LentMut<'a>,
    ) -> Result<ArrayViewMut<'a, f32, D>, Error> {
        let buffer = |elements| ArrayViewMut::from_shape(self.buffer_shape()?, elements).ok();
        match array {
            LentMut::InOrder(elements) => {
                let len = elements.len();
                buffer(elements).ok_or_else(|| self.mismatch(path(), &[len]))
            }
            LentMut::Strided(array) => {
                let found = array.raw_dim();
                let view = match &self.source {
                    Source::InOrder | Source::Buffer { .. } => array.into_slice().and_then(buffer),
                    Source::Axes { own_shape, order, missing } => (found.slice() == own_shape)
                        .then(|| permute(array, order, missing))
                        .and_then(|view| view.into_dimensionality().ok()),
                };
                view.ok_or_else(|| self.mismatch(path(), found.slice()))
            }
        }
    }

    /// Whether the elements lie one behind the other in C order.
    pub fn is_in_order(&self) -> bool {
        self.source == Source::InOrder
    }

    /// Whether an array with the field's axes may have any strides: the one that was checked had gaps.
    pub fn takes_any_strides(&self) -> bool {
        match &self.source {
            Source::InOrder | Source::Buffer { .. } => false,
            Source::Axes { order, missing, .. } => missing.is_empty() && order.is_sorted(),
        }
    }

    /// Extents and strides of the field in a buffer; `None` if it has not `D` axes or is in none.
    fn buffer_shape<D: Dimension>(&self) -> Option<StrideShape<D>> {
        if D::NDIM.is_some_and(|axes| axes != self.shape.len()) {
            return None;
        }
        let dimension = |extents: &[usize]| {
            let mut dimension = D::zeros(extents.len());
            dimension.slice_mut().iter_mut().zip(extents).for_each(|(to, &extent)| *to = extent);
            dimension
        };
        match &self.source {
            Source::InOrder => Some(dimension(&self.shape).into()),
            Source::Buffer { strides } => Some(dimension(&self.shape).strides(dimension(strides))),
            Source::Axes { .. } => None,
        }
    }

    fn mismatch(&self, path: Path, actual: &[usize]) -> Error {
        Error::ArrayMismatch {
            path,
            expected: format!("{:?}", self.shape),
            actual: format!("{actual:?}"),
        }
    }
}

/// The array's axes in the field's order, with axes of extent 1 where it lacks one.
fn permute<S: RawData>(
    array: ArrayBase<S, IxDyn>,
    order: &[usize],
    missing: &[usize],
) -> ArrayBase<S, IxDyn> {
    missing.iter().fold(array.permuted_axes(order), |view, &axis| view.insert_axis(Axis(axis)))
}

#[cfg(test)]
mod tests {
    use super::{Lent, LentMut, Strided};
    use crate::error::Path;
    use ndarray::{Array1, Axis, Ix2, Ix3, Slice, aview1};

    fn path() -> Path {
        Path::field("b_desc")
    }

    fn is(value: f32, index: usize) -> bool {
        value.to_bits() == (index as f32).to_bits()
    }

    fn numbers(len: u16) -> Array1<f32> {
        (0..len).map(f32::from).collect()
    }

    #[test]
    fn a_buffer_is_seen_through_the_strides_of_the_field() {
        let buffer = numbers(30).into_dyn();
        let strided = Strided::in_buffer(vec![3, 4], vec![1, 7]);
        let view = strided.bind::<Ix2>(path, Lent::Strided(buffer.view())).unwrap();
        assert_eq!(view.dim(), (3, 4));
        assert!(view.indexed_iter().all(|((i, j), &value)| is(value, i + 7 * j)));
    }

    #[test]
    fn a_buffer_may_be_lent_as_elements_or_as_a_view() {
        let numbers: Vec<f32> = (0..12).map(|number| number as f32).collect();
        let field = Strided::in_buffer(vec![3, 1, 4], vec![4, 77, 1]);
        assert!(field.is_in_order());
        let view = field.bind::<Ix3>(path, Lent::InOrder(&numbers)).unwrap();
        assert_eq!((view.dim(), view.to_slice()), ((3, 1, 4), Some(numbers.as_slice())));
        assert_eq!(
            view,
            field.bind::<Ix3>(path, Lent::Strided(aview1(&numbers).into_dyn())).unwrap()
        );
        assert!(field.bind::<Ix3>(path, Lent::InOrder(&numbers[1..])).is_err());
        assert!(field.bind::<Ix2>(path, Lent::InOrder(&numbers)).is_err());

        let turned = Strided::in_buffer(vec![3, 4], vec![1, 3]);
        assert!(!turned.is_in_order());
        let view = turned.bind::<Ix2>(path, Lent::InOrder(&numbers)).unwrap();
        assert!(view.indexed_iter().all(|((i, j), &value)| is(value, i + 3 * j)));
    }

    #[test]
    fn a_field_that_was_checked_with_gaps_takes_any_strides_of_its_own_axes() {
        let elements = numbers(12).into_shape_with_order((3, 4)).unwrap();
        let columns = elements.t().as_standard_layout().into_owned();
        let own = Strided::along_axes(vec![3, 4], vec![3, 4], &[Some(0), Some(1)]);
        for same in [elements.view(), columns.t()] {
            let view = own.bind::<Ix2>(path, Lent::Strided(same.into_dyn())).unwrap();
            assert_eq!(view, elements);
        }
        assert!(own.takes_any_strides());
        let turned = Strided::along_axes(vec![3, 4], vec![4, 3], &[Some(1), Some(0)]);
        let longer = Strided::along_axes(vec![3, 1], vec![3], &[Some(0), None]);
        let in_order = Strided::in_buffer(vec![3, 4], vec![4, 1]);
        for other in [turned, longer, in_order, Strided::in_buffer(vec![3, 4], vec![1, 3])] {
            assert!(!other.takes_any_strides(), "{other:?}");
        }
    }

    #[test]
    fn an_array_with_gaps_is_not_lent_as_elements() {
        let mut numbers: Vec<f32> = (0..12).map(|number| number as f32).collect();
        let field = Strided::along_axes(vec![3, 4], vec![3, 4], &[Some(0), Some(1)]);
        assert!(field.bind::<Ix2>(path, Lent::InOrder(&numbers)).is_err());
        assert!(field.bind_mut::<Ix2>(path, LentMut::InOrder(&mut numbers)).is_err());
    }

    #[test]
    fn strides_of_an_input_may_overlap() {
        let buffer = numbers(6).into_dyn();
        let strided = Strided::in_buffer(vec![3, 4], vec![1, 1]);
        let view = strided.bind::<Ix2>(path, Lent::Strided(buffer.view())).unwrap();
        assert!(is(view[[2, 3]], 5));
    }

    #[test]
    fn an_array_with_gaps_keeps_its_strides_and_gains_the_axes_it_lacks() {
        let mut array = numbers(60).into_shape_with_order((6, 10)).unwrap();
        let strided = Strided::along_axes(vec![5, 1, 3], vec![3, 5], &[Some(1), None, Some(0)]);
        let mut with_gaps = array.view_mut();
        with_gaps.slice_axis_inplace(Axis(0), Slice::new(0, None, 2));
        with_gaps.slice_axis_inplace(Axis(1), Slice::new(0, None, 2));
        let view = strided.bind_mut::<Ix3>(path, LentMut::Strided(with_gaps.into_dyn())).unwrap();
        assert_eq!(view.dim(), (5, 1, 3));
        assert!(view.indexed_iter().all(|((i, _, j), &value)| is(value, 20 * j + 2 * i)));
    }

    #[test]
    fn one_more_axis_of_one_element_changes_no_element() {
        let buffer = numbers(12).into_dyn();
        let array = numbers(12).into_shape_with_order((4, 3)).unwrap();
        let fields = [
            (Strided::in_buffer(vec![3, 4], vec![1, 3]), buffer.view()),
            (
                Strided::along_axes(vec![3, 4], vec![4, 3], &[Some(1), Some(0)]),
                array.view().into_dyn(),
            ),
        ];
        for (field, array) in fields {
            let two = field.bind::<Ix2>(path, Lent::Strided(array.view())).unwrap();
            let longer = field.clone().with_last_axis();
            assert_eq!(longer.shape(), [3, 4, 1]);
            let three = longer.bind::<Ix3>(path, Lent::Strided(array.view())).unwrap();
            assert_eq!(three.index_axis(Axis(2), 0), two);
        }
    }

    #[test]
    fn another_array_than_the_checked_one_is_an_error() {
        let strided = Strided::in_buffer(vec![3, 4], vec![4, 1]);
        assert!(strided.bind::<Ix2>(path, Lent::Strided(numbers(11).view().into_dyn())).is_err());
        assert!(strided.bind::<Ix3>(path, Lent::Strided(numbers(12).view().into_dyn())).is_err());
        let error = strided
            .bind_mut::<Ix2>(path, LentMut::Strided(numbers(3).view_mut().into_dyn()))
            .unwrap_err();
        assert_eq!(error.to_string(), "b_desc: expected an array of shape [3, 4], found [3]");
        let strided = Strided::along_axes(vec![3, 4], vec![3, 4], &[Some(0), Some(1)]);
        assert!(strided.bind::<Ix2>(path, Lent::Strided(numbers(12).view().into_dyn())).is_err());
    }
}
