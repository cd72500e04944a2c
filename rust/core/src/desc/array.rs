//! The array descriptor, `BNNSNDArrayDescriptor`.
//!
//! In: slices, views, or hand-written sizes and strides. Out: plain data for `check`, which may be wrong in
//! any field. It does not know what the array is for.

use super::constants::{DataLayout, DataType, NDArrayFlags};
use super::data::{Data, Integers, Memory};
use ndarray::{ArrayView, ArrayViewMut, Dimension};

/// The largest number of dimensions of a descriptor, as in BNNS.
pub const MAX_RANK: usize = 8;

/// `BNNSNDArrayDescriptor`: an array and what its dimensions mean.
///
/// The default, all zero and null, means "absent".
#[derive(Debug, Default)]
pub struct NDArrayDescriptor<'a> {
    /// For gradient outputs: overwrite or add. Not looked at elsewhere.
    pub flags: NDArrayFlags,
    /// What the dimensions mean. Unspecified is C order where all sizes are 0, and SNE for sequences.
    pub layout: DataLayout,
    /// Extents, in elements; 0 takes the extent from the layer's parameters.
    pub size: [usize; MAX_RANK],
    /// Distances, in elements; 0 means contiguous. With a view that is not contiguous, all 0 takes the
    /// view's own.
    pub stride: [usize; MAX_RANK],
    /// The memory.
    pub data: Data<'a>,
    /// Type of the elements.
    pub data_type: DataType,
    /// Lookup table, for Indexed types.
    pub table_data: Data<'a>,
    /// Type of the table's elements.
    pub table_data_type: DataType,
    /// For integer types: value = scale * stored + bias.
    pub data_scale: f32,
    /// For integer types: value = scale * stored + bias.
    pub data_bias: f32,
}

impl<'a> NDArrayDescriptor<'a> {
    /// An array that is not there.
    pub fn absent() -> Self {
        Self::default()
    }

    /// A slice of floats to read, in a layout, with sizes (0 or missing: from the parameters).
    pub fn read(data: &'a [f32], layout: DataLayout, size: &[usize]) -> Self {
        Self::described(Data::from(data), DataType::FLOAT32, layout, size)
    }

    /// A slice of floats to write, in a layout, with sizes (0 or missing: from the parameters).
    pub fn write(data: &'a mut [f32], layout: DataLayout, size: &[usize]) -> Self {
        Self::described(Data::from(data), DataType::FLOAT32, layout, size)
    }

    /// A view to read, in C order of its axes, whatever its strides.
    pub fn view<D: Dimension>(view: ArrayView<'a, f32, D>) -> Self {
        let view = view.into_dyn();
        let (layout, size) = c_order(view.shape());
        Self::described(Data::Read(view), DataType::FLOAT32, layout, &size)
    }

    /// A view to write, in C order of its axes, whatever its strides.
    pub fn view_mut<D: Dimension>(view: ArrayViewMut<'a, f32, D>) -> Self {
        let view = view.into_dyn();
        let (layout, size) = c_order(view.shape());
        Self::described(Data::Write(view), DataType::FLOAT32, layout, &size)
    }

    /// The batch sizes of a sequence descriptor, `[seq_len]`.
    pub fn sequence(batch_sizes: Integers<'a>) -> Self {
        let data = Data::Integers(batch_sizes);
        let data_type = data.memory().map_or(DataType::UNSPECIFIED, |memory| memory.data_type);
        Self::described(data, data_type, DataLayout::VECTOR, &[])
    }

    /// An initial state that stands in the memory of the final state.
    pub fn in_place() -> Self {
        Self { data: Data::InPlace, ..Self::default() }
    }

    /// An array that is lent after the check, in C order of its shape.
    pub fn lent(memory: Memory) -> Self {
        let (layout, size) = c_order(&memory.shape);
        let data_type = memory.data_type;
        Self::described(Data::Lent(memory), data_type, layout, &size)
    }

    fn described(
        data: Data<'a>,
        data_type: DataType,
        layout: DataLayout,
        extents: &[usize],
    ) -> Self {
        let mut size = [0; MAX_RANK];
        for (slot, &extent) in size.iter_mut().zip(extents) {
            *slot = extent;
        }
        Self { layout, size, data, data_type, data_scale: 1.0, ..Self::default() }
    }

    /// Strides in elements, in the order of the sizes.
    #[must_use]
    pub fn with_strides(mut self, strides: &[usize]) -> Self {
        for (slot, &stride) in self.stride.iter_mut().zip(strides) {
            *slot = stride;
        }
        self
    }
}

/// Layout and sizes of a C array: `Vector` for one dimension, else the first index slowest. A shape of
/// more than 8 dimensions keeps its rank in the layout, where `check` finds it.
fn c_order(shape: &[usize]) -> (DataLayout, Vec<usize>) {
    let layout = match shape.len() {
        1 => DataLayout::VECTOR,
        rank => DataLayout::first_major(rank),
    };
    (layout, shape.iter().copied().take(MAX_RANK).collect())
}
