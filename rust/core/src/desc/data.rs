//! The memory that a descriptor points to.
//!
//! In: slices and `ndarray` views of a Rust caller, or the measurements of an array that a binding layer
//! lends after the check. Out: [`Memory`], the numbers that `check` reasons with. Nothing here reads a
//! float.

use super::constants::DataType;
use ndarray::{ArrayViewD, ArrayViewMutD, aview1};
use std::borrow::Cow;
use std::mem::size_of;

/// What a descriptor points to.
#[derive(Debug, Default)]
pub enum Data<'a> {
    /// Nothing: the array is absent, zero, or not wanted.
    #[default]
    Null,
    /// Floats to read.
    Read(ArrayViewD<'a, f32>),
    /// Floats to write, and to read before that.
    Write(ArrayViewMutD<'a, f32>),
    /// Integers to read: the batch sizes of a sequence descriptor.
    Integers(Integers<'a>),
    /// In `input_descriptor` only: the state is in the memory of the same descriptor of
    /// `output_descriptor`, and the final state is written over it.
    InPlace,
    /// An array known by its measurements; whoever lends it supplies the view after the check.
    Lent(Memory),
}

/// A slice of one of the integer types that a sequence descriptor can have.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub enum Integers<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
}

/// Where an array is and how it is laid out, in numbers: nothing here can be dereferenced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Address of the first element.
    pub address: usize,
    /// Extents, as a C array.
    pub shape: Vec<usize>,
    /// Distance between neighbours along each axis, in bytes.
    pub byte_strides: Vec<isize>,
    /// Bytes of an element.
    pub element_bytes: usize,
    /// Type of an element; [`DataType::UNSPECIFIED`] for one that BNNS does not have.
    pub data_type: DataType,
    /// What the lender calls the type, for messages.
    pub type_name: String,
    /// Whether it may be written.
    pub writable: bool,
}

impl Memory {
    /// Number of elements, `None` where it does not fit.
    pub fn len(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent))
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Whether the elements lie one behind the other, in C order.
    pub fn is_contiguous(&self) -> bool {
        if self.shape.len() != self.byte_strides.len() {
            return false;
        }
        let mut expected = isize::try_from(self.element_bytes).ok();
        self.is_empty()
            || self.shape.iter().zip(&self.byte_strides).rev().all(|(&extent, &stride)| {
                let fits = extent == 1 || Some(stride) == expected;
                expected =
                    expected.and_then(|bytes| bytes.checked_mul(isize::try_from(extent).ok()?));
                fits
            })
    }

    fn of_floats(address: *const f32, shape: &[usize], strides: &[isize], writable: bool) -> Self {
        let bytes = size_of::<f32>().cast_signed();
        Self {
            address: address.addr(),
            shape: shape.to_vec(),
            // Along an axis with one element a stride can be any number.
            byte_strides: strides.iter().map(|stride| stride.saturating_mul(bytes)).collect(),
            element_bytes: size_of::<f32>(),
            data_type: DataType::FLOAT32,
            type_name: "f32".to_owned(),
            writable,
        }
    }

    fn of_integers<T>(slice: &[T], data_type: DataType, type_name: &str) -> Self {
        Self {
            address: slice.as_ptr().addr(),
            shape: vec![slice.len()],
            byte_strides: vec![size_of::<T>().cast_signed()],
            element_bytes: size_of::<T>(),
            data_type,
            type_name: type_name.to_owned(),
            writable: false,
        }
    }
}

impl Data<'_> {
    /// The measurements of the memory; `None` where there is no array of its own.
    pub fn memory(&self) -> Option<Cow<'_, Memory>> {
        let measured = match self {
            Self::Null | Self::InPlace => return None,
            Self::Read(view) => {
                Memory::of_floats(view.as_ptr(), view.shape(), view.strides(), false)
            }
            Self::Write(view) => {
                Memory::of_floats(view.as_ptr(), view.shape(), view.strides(), true)
            }
            Self::Integers(integers) => integers.memory(),
            Self::Lent(memory) => return Some(Cow::Borrowed(memory)),
        };
        Some(Cow::Owned(measured))
    }

    /// Whether there is no array.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Integers<'_> {
    fn memory(self) -> Memory {
        match self {
            Self::U8(slice) => Memory::of_integers(slice, DataType::UINT8, "u8"),
            Self::U16(slice) => Memory::of_integers(slice, DataType::UINT16, "u16"),
            Self::U32(slice) => Memory::of_integers(slice, DataType::UINT32, "u32"),
            Self::U64(slice) => Memory::of_integers(slice, DataType::UINT64, "u64"),
            Self::I8(slice) => Memory::of_integers(slice, DataType::INT8, "i8"),
            Self::I16(slice) => Memory::of_integers(slice, DataType::INT16, "i16"),
            Self::I32(slice) => Memory::of_integers(slice, DataType::INT32, "i32"),
            Self::I64(slice) => Memory::of_integers(slice, DataType::INT64, "i64"),
        }
    }

    /// The value at `index`, whatever the type; `None` outside of the slice.
    pub fn get(self, index: usize) -> Option<i128> {
        match self {
            Self::U8(slice) => slice.get(index).map(|&value| value.into()),
            Self::U16(slice) => slice.get(index).map(|&value| value.into()),
            Self::U32(slice) => slice.get(index).map(|&value| value.into()),
            Self::U64(slice) => slice.get(index).map(|&value| value.into()),
            Self::I8(slice) => slice.get(index).map(|&value| value.into()),
            Self::I16(slice) => slice.get(index).map(|&value| value.into()),
            Self::I32(slice) => slice.get(index).map(|&value| value.into()),
            Self::I64(slice) => slice.get(index).map(|&value| value.into()),
        }
    }
}

impl<'a> From<&'a [f32]> for Data<'a> {
    fn from(slice: &'a [f32]) -> Self {
        Self::Read(aview1(slice).into_dyn())
    }
}

impl<'a> From<&'a mut [f32]> for Data<'a> {
    fn from(slice: &'a mut [f32]) -> Self {
        Self::Write(ndarray::aview_mut1(slice).into_dyn())
    }
}
