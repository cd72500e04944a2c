//! The training cache of a call: bytes in an array of the caller.
//!
//! In: an object that should be such an array. Out: the array, or what is wrong with it. What the bytes mean
//! is the core's business.

use crate::memory::{Array, measure};
use crate::reader::{Attribute, Reader};
use bnns_lstm::binding::Memory;
use bnns_lstm::{Code, DataType, Path};
use pyo3::prelude::*;

/// What happens to a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Fill,
    Read,
}

/// Where it stands among the arguments.
pub(crate) fn path() -> Path {
    Path::field("cache")
}

/// Report a cache that shares memory with one of these arrays, which a call reads or writes meanwhile.
pub(crate) fn check_apart<'a, 'py: 'a>(
    reader: &mut Reader<'py>,
    cache: Option<&Array<'py>>,
    arrays: impl Iterator<Item = &'a Array<'py>>,
) -> PyResult<()> {
    let Some(cache) = cache else { return Ok(()) };
    let own = cache.span()?;
    for array in arrays {
        let other = array.span()?;
        if own.start < other.end && other.start < own.end {
            let (expected, actual) =
                ("memory that no other array uses", "an overlap with one".to_owned());
            reader.report(path(), Code::Overlap, expected, actual);
            break;
        }
    }
    Ok(())
}

/// The array of a cache; `None` where none was given, and where something was reported.
pub(crate) fn read_cache<'py>(
    reader: &mut Reader<'py>,
    cache: Option<&Bound<'py, PyAny>>,
    used: Use,
) -> PyResult<Option<Array<'py>>> {
    let Some(object) = cache else { return Ok(None) };
    let field = Attribute { object: object.clone(), path: path() };
    let expected = "a NumPy array of uint8 (without a mask) or None";
    let Some((array, memory)) = measure(reader, &field, expected)? else { return Ok(None) };
    let Memory { data_type, type_name, shape, byte_strides, element_bytes, writable, .. } = memory;
    let mut report = |code, expected: &str, actual: String| {
        reader.report(path(), code, expected, actual);
    };
    if data_type != DataType::UINT8 {
        report(Code::UnsupportedDataType, "uint8", type_name);
    }
    match (shape.as_slice(), byte_strides.as_slice()) {
        ([length], &[stride]) => {
            let is_contiguous = usize::try_from(stride) == Ok(element_bytes);
            if *length > 1 && !is_contiguous {
                report(Code::NotContiguous, "contiguous bytes", format!("a stride of {stride}"));
            }
        }
        (shape, _) => {
            report(Code::RankMismatch, "1 dimension", format!("{} dimensions", shape.len()));
        }
    }
    if used == Use::Fill && !writable {
        report(Code::ReadOnly, "writable memory", "a read-only array".to_owned());
    }
    Ok(Some(array))
}
