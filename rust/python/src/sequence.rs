//! The sequence descriptor: how many samples are active at each step.
//!
//! In: its field. Out: its integers in memory of our own, since the core reads them while it checks. Their
//! values are the core's business.

use crate::descriptor::{Axes, Lent, read_attribute};
use crate::memory::Array;
use crate::reader::{Field, Reader};
use bnns_lstm::{Code, Data, DataType, Integers, Memory, NDArrayDescriptor};
use pyo3::prelude::*;

/// Read the sequence descriptor of a layer of `seq_len` steps. Where there are integers, the descriptor comes
/// without its data.
pub(crate) fn read_sequence<'a, 'py>(
    reader: &mut Reader<'py>,
    params: &Field<'py>,
    seq_len: usize,
) -> PyResult<(NDArrayDescriptor<'a>, Option<Values>)> {
    const NAME: &str = "sequence_descriptor";
    let Lent { mut desc, array } = read_attribute(reader, params, NAME, Axes::OfField)?;
    let Some(array) = array else { return Ok((desc, None)) };
    let Data::Lent(memory) = std::mem::take(&mut desc.data) else { return Ok((desc, None)) };
    let path = params.path.then(NAME);
    let stride = desc.stride[0];
    if repeats_elements(&memory) {
        let (expected, actual) = ("strides other than 0", "an array that repeats its elements");
        reader.report(path.then("stride"), Code::InvalidStride, expected, actual);
        return Ok((desc, None));
    }
    if stride != 0 && !memory.is_contiguous() {
        let (expected, actual) = ("a contiguous buffer", "an array with gaps");
        reader.report(path.then("stride"), Code::NotContiguous, expected, actual);
        return Ok((desc, None));
    }
    let count = seq_len.saturating_sub(1).saturating_mul(stride.max(1)).saturating_add(1);
    let values = match Values::read(&array, &memory, count)? {
        Some(Ok(values)) => Some(values),
        Some(Err(code)) => {
            let (expected, actual) = ("an array that can be read", "one that is being written");
            reader.report(path, code, expected, actual);
            None
        }
        // The core says that it holds no integers.
        None => {
            desc.data = Data::Lent(memory);
            None
        }
    };
    Ok((desc, values))
}

/// Whether the array has more elements than memory: copying it could take any amount.
fn repeats_elements(memory: &Memory) -> bool {
    let mut axes = memory.shape.iter().zip(&memory.byte_strides);
    axes.any(|(&extent, &stride)| extent > 1 && stride == 0)
}

macro_rules! values {
    ($($variant:ident $type:ident $data_type:ident),* $(,)?) => {
        /// Integers of one of the types that a sequence descriptor can have.
        #[derive(Debug)]
        pub(crate) enum Values {
            $(
                #[doc = concat!("Of type `", stringify!($type), "`.")]
                $variant(Vec<$type>),
            )*
        }

        impl Values {
            /// The first `count` integers of an array, in C order; `None` if it holds no integers, and a
            /// code where it cannot be read.
            fn read(
                array: &Array<'_>,
                memory: &Memory,
                count: usize,
            ) -> PyResult<Option<Result<Self, Code>>> {
                Ok(Some(match memory.data_type {
                    $(DataType::$data_type => array.read::<$type>()?.map(|guard| {
                        Self::$variant(guard.view().iter().copied().take(count).collect())
                    }),)*
                    _ => return Ok(None),
                }))
            }

            /// The integers for the core.
            pub(crate) fn as_integers(&self) -> Integers<'_> {
                match self {
                    $(Self::$variant(values) => Integers::$variant(values),)*
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
