//! The sequence descriptor: how many samples are active at each step.
//!
//! In: its field. Out: its integers, since the core reads them while it checks. Their values are the core's
//! business.

use crate::descriptor::{Axes, Described, read_attribute};
use crate::memory::{Array, Reading};
use crate::reader::{Attribute, Reader};
use bnns_lstm::binding::Memory;
use bnns_lstm::{Code, Data, DataType, Integers, NDArrayDescriptor, Path};
use numpy::{Element, PyReadonlyArrayDyn};
use pyo3::prelude::*;

/// Read the sequence descriptor of a layer of `seq_len` steps. Where there are integers, the descriptor comes
/// without its data.
pub(crate) fn read_sequence<'a, 'py>(
    reader: &mut Reader<'py>,
    params: &Attribute<'py>,
    seq_len: usize,
) -> PyResult<(NDArrayDescriptor<'a>, Option<Values<'py>>)> {
    const NAME: &str = "sequence_descriptor";
    let Described { mut desc, array } = read_attribute(reader, params, NAME, Axes::OfField)?;
    let Some(array) = array else { return Ok((desc, None)) };
    let Data::Lent(memory) = std::mem::take(&mut desc.data) else { return Ok((desc, None)) };
    if !Values::TYPES.contains(&memory.data_type) {
        // The core says that it holds no integers.
        desc.data = Data::Lent(memory);
        return Ok((desc, None));
    }
    let path = params.path.then(NAME);
    if !can_be_read(reader, &path, &memory, desc.stride[0]) {
        return Ok((desc, None));
    }
    let count = seq_len.saturating_sub(1).saturating_mul(desc.stride[0].max(1)).saturating_add(1);
    let values = match Values::read(&array, &memory, count)? {
        Ok(values) => Some(values),
        Err(code) => {
            let (expected, actual) = ("an array that can be read", "one that is being written");
            reader.report(path, code, expected, actual);
            None
        }
    };
    Ok((desc, values))
}

/// Whether the elements are where Rust can read them; reported if not. The core says the same of arrays of
/// floats, which it never reads while it checks.
fn can_be_read(reader: &mut Reader<'_>, path: &Path, memory: &Memory, stride: usize) -> bool {
    let bytes = memory.element_bytes.max(1);
    let mut axes = memory.shape.iter().zip(&memory.byte_strides);
    // An array that repeats its elements could have any number of them, and copying would take as many.
    let is_odd = |(&extent, &stride): (&usize, &isize)| {
        extent > 1 && (stride == 0 || !stride.unsigned_abs().is_multiple_of(bytes))
    };
    if !memory.address.is_multiple_of(bytes) {
        let expected = format!("an address that is a multiple of {bytes}");
        let actual = format!("0x{:x}", memory.address);
        reader.report(path.then("data"), Code::Misaligned, expected, actual);
    } else if axes.any(is_odd) {
        let expected = format!("multiples of {bytes} bytes other than 0");
        let actual = format!("{:?} bytes", memory.byte_strides);
        reader.report(path.then("stride"), Code::InvalidStride, expected, actual);
    } else if stride != 0 && !memory.is_contiguous() {
        let (expected, actual) = ("a contiguous buffer", "an array with gaps");
        reader.report(path.then("stride"), Code::NotContiguous, expected, actual);
    } else {
        return true;
    }
    false
}

/// Integers of a NumPy array: its own where they lie one behind the other, else a copy.
#[derive(Debug)]
pub(crate) enum HeldSizes<'py, T: Element> {
    Borrowed(PyReadonlyArrayDyn<'py, T>),
    Copied(Vec<T>),
}

impl<'py, T: Element + Copy> HeldSizes<'py, T> {
    /// At least the first `count` integers.
    fn new(array: Reading<'_, 'py, T>, count: usize) -> Self {
        if array.as_slice().is_some() {
            return Self::Borrowed(array.into_guard());
        }
        Self::Copied(array.view().iter().copied().take(count).collect())
    }

    fn as_slice(&self) -> &[T] {
        match self {
            Self::Borrowed(array) => array.as_slice().unwrap_or_default(),
            Self::Copied(values) => values,
        }
    }
}

macro_rules! values {
    ($($variant:ident $type:ident $data_type:ident),* $(,)?) => {
        /// Integers of one of the types that a sequence descriptor can have.
        #[derive(Debug)]
        pub(crate) enum Values<'py> {
            $(
                #[doc = concat!("Of type `", stringify!($type), "`.")]
                $variant(HeldSizes<'py, $type>),
            )*
        }

        impl<'py> Values<'py> {
            /// The types that there are.
            const TYPES: &'static [DataType] = &[$(DataType::$data_type),*];

            /// At least the first `count` integers of an array, in C order; the code says why not.
            fn read(
                array: &Array<'py>,
                memory: &Memory,
                count: usize,
            ) -> PyResult<Result<Self, Code>> {
                Ok(match memory.data_type {
                    $(DataType::$data_type => {
                        array.read()?.map(|array| Self::$variant(HeldSizes::new(array, count)))
                    })*
                    _ => Err(Code::UnsupportedDataType),
                })
            }

            /// The integers for the core.
            pub(crate) fn as_integers(&self) -> Integers<'_> {
                match self {
                    $(Self::$variant(values) => Integers::$variant(values.as_slice()),)*
                }
            }
        }
    };
}

values! {
    U8 u8 UINT8,
    U16 u16 UINT16,
    U32 u32 UINT32,
    U64 u64 UINT64,
    I8 i8 INT8,
    I16 i16 INT16,
    I32 i32 INT32,
    I64 i64 INT64,
}
