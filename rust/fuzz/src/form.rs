//! Where the elements of an array are.
//!
//! In: a field's extents and a choice of layout, strides and gaps. Out: [`Form`], the numbers of its
//! descriptor and the place of each element, computed from the specification alone.

use super::layouts::layouts;
use arbitrary::Arbitrary;
use bnns_lstm::{DataLayout, NDArrayDescriptor};
use ndarray::{ArrayView, ArrayViewMut, IxDyn, ShapeBuilder};

/// One of the forms that a field may have.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Choice {
    layout: u8,
    /// Leave out leading axes of extent 1.
    is_short: bool,
    has_sizes: bool,
    /// A view with gaps instead of a buffer with explicit strides.
    is_view: bool,
    first_stride: u8,
    gap: u8,
}

/// A field in a form.
#[derive(Debug)]
pub struct Form {
    layout: DataLayout,
    size: Vec<usize>,
    /// Fastest first, as `extents`.
    strides: Vec<usize>,
    extents: Vec<usize>,
    is_view: bool,
    /// The place of each element, in C order of the field.
    pub places: Vec<usize>,
}

impl Choice {
    /// The form of a field with these extents in C order. `must_have_sizes` keeps a diagonal peephole from
    /// being taken for a matrix.
    pub fn form(self, axes: &[usize], is_sequence: bool, must_have_sizes: bool) -> Form {
        let mut kept = axes.to_vec();
        while self.is_short && !is_sequence && kept.len() > 2 && kept[0] == 1 {
            kept.remove(0);
        }
        let layouts = layouts(kept.len(), is_sequence);
        let layout = layouts[usize::from(self.layout) % layouts.len()];
        // For each stride its axis, fastest first.
        let order: Vec<usize> = match layout {
            DataLayout::COLUMN_MAJOR_MATRIX => vec![0, 1],
            DataLayout::NSE => vec![2, 0, 1],
            _ => (0..kept.len()).rev().collect(),
        };
        let extents: Vec<usize> = order.iter().map(|&axis| kept[axis]).collect();
        let size = match layout {
            _ if !self.has_sizes && !must_have_sizes => Vec::new(),
            _ if layout.0 & 0xffff == 0x8001 => kept.clone(),
            _ => extents.clone(),
        };
        let mut strides = Vec::new();
        let mut next = 1 + usize::from(self.first_stride % 3);
        for extent in &extents {
            strides.push(next);
            next = next * extent + usize::from(self.gap % 4);
        }
        let mut places = vec![0];
        for (axis, &extent) in kept.iter().enumerate() {
            let stride = order.iter().position(|&other| other == axis).map_or(0, |at| strides[at]);
            places = places
                .iter()
                .flat_map(|place| (0..extent).map(move |index| place + index * stride))
                .collect();
        }
        Form { layout, size, strides, extents, is_view: self.is_view, places }
    }
}

impl Form {
    /// Floats from the first to the last.
    pub fn len(&self) -> usize {
        self.places.iter().max().map_or(0, |last| last + 1)
    }

    fn slowest_first(&self) -> (Vec<usize>, Vec<usize>) {
        let reversed = |numbers: &[usize]| numbers.iter().rev().copied().collect();
        (reversed(&self.extents), reversed(&self.strides))
    }

    /// A descriptor over a buffer of at least `len` floats.
    pub fn read<'a>(&self, buffer: &'a [f32]) -> NDArrayDescriptor<'a> {
        if !self.is_view {
            return NDArrayDescriptor::read(buffer, self.layout, &self.size)
                .with_strides(&self.strides);
        }
        let (shape, strides) = self.slowest_first();
        let view = ArrayView::from_shape(IxDyn(&shape).strides(IxDyn(&strides)), buffer);
        self.of_view(NDArrayDescriptor::view(view.expect("the buffer is long enough")))
    }

    /// As `read`, to write.
    pub fn write<'a>(&self, buffer: &'a mut [f32]) -> NDArrayDescriptor<'a> {
        if !self.is_view {
            return NDArrayDescriptor::write(buffer, self.layout, &self.size)
                .with_strides(&self.strides);
        }
        let (shape, strides) = self.slowest_first();
        let view = ArrayViewMut::from_shape(IxDyn(&shape).strides(IxDyn(&strides)), buffer);
        self.of_view(NDArrayDescriptor::view_mut(view.expect("the buffer is long enough")))
    }

    fn of_view<'a>(&self, mut desc: NDArrayDescriptor<'a>) -> NDArrayDescriptor<'a> {
        desc.layout = self.layout;
        desc.size = [0; 8];
        desc.size[..self.size.len()].copy_from_slice(&self.size);
        desc
    }
}
