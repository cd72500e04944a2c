//! One array descriptor against what its field must hold.
//!
//! In: a descriptor, the axes of its field and whether the field is written. Out: a [`Strided`] whose every
//! element lies in the memory, or findings. It does not know the layer.

use super::issues::Issues;
use super::layout::{Axis, Dimension, Form, dimensions};
use super::name::ArrayName;
use super::overlap::Span;
use super::strided::Strided;
use super::strides::{self, Distinct};
use crate::desc::{Data, DataType, Memory, NDArrayDescriptor};
use crate::error::Code;

/// Bytes of an element.
const FLOAT: usize = size_of::<f32>();

/// What a field must hold.
#[derive(Debug)]
pub(super) struct ArrayRule<'f> {
    pub(super) name: ArrayName,
    /// Axes in C order, slowest first.
    pub(super) axes: &'f [Axis],
    pub(super) is_sequence: bool,
    pub(super) is_output: bool,
}

/// A field that holds.
#[derive(Debug, Clone)]
pub(super) struct CheckedArray {
    pub(super) layout: Strided,
    pub(super) span: Span,
}

impl CheckedArray {
    /// The same elements with one more axis, the fastest one, of extent 1.
    pub(super) fn with_last_axis(self) -> Self {
        Self { layout: self.layout.with_last_axis(), ..self }
    }
}

/// The memory of the arrays of a record.
pub(super) fn spans<'a>(
    arrays: impl IntoIterator<Item = &'a Option<CheckedArray>>,
) -> impl Iterator<Item = &'a Span> {
    arrays.into_iter().flatten().map(|array| &array.span)
}

/// Check one non-null float array; `None` where something was reported, about it or about a size of it.
pub(super) fn check_array(
    issues: &mut Issues,
    field: &ArrayRule<'_>,
    desc: &NDArrayDescriptor<'_>,
) -> Option<CheckedArray> {
    let before = issues.count();
    let Some(memory) = desc.data.memory() else {
        if matches!(desc.data, Data::InPlace) {
            let path = field.name.then("data");
            issues.push(path, Code::WrongType, "an array", "the in-place mark of an initial state");
        }
        return None;
    };
    check_type(issues, field, desc, &memory);
    check_table(issues, field.name, desc);
    check_memory(issues, field, &memory);
    let array = check_layout(issues, field, desc, &memory)?;
    (issues.count() == before && !issues.is_array_reported(field.name)).then_some(array)
}

fn check_type(
    issues: &mut Issues,
    field: &ArrayRule<'_>,
    desc: &NDArrayDescriptor<'_>,
    memory: &Memory,
) {
    let here = || field.name.then("data_type");
    let declared = desc.data_type;
    match declared.name() {
        None if declared == DataType::UNSPECIFIED && memory.data_type == DataType::UNSPECIFIED => {
            issues.push(here(), Code::UnsupportedDataType, "Float32", memory.type_name.as_str());
        }
        None => {
            let actual = format!("0x{:x}", declared.0);
            issues.push(here(), Code::UnknownDataType, "Float32", actual);
        }
        Some(name) if declared != DataType::FLOAT32 => {
            issues.push(here(), Code::UnsupportedDataType, "Float32", name);
        }
        Some(name) if memory.data_type != declared || memory.element_bytes != FLOAT => {
            let actual = format!("an array of {}", memory.type_name);
            issues.push(here(), Code::DataTypeMismatch, name, actual);
        }
        Some(_) => {}
    }
}

/// A lookup table belongs to the Indexed types.
pub(super) fn check_table(issues: &mut Issues, name: ArrayName, desc: &NDArrayDescriptor<'_>) {
    if !desc.table_data.is_null() && !desc.data_type.is_indexed() {
        let here = name.then("table_data");
        issues.push(here, Code::UnexpectedTable, "no table for this data type", "a table");
    }
}

fn check_memory(issues: &mut Issues, field: &ArrayRule<'_>, memory: &Memory) {
    let here = || field.name.then("data");
    if field.is_output && !memory.writable {
        issues.push(here(), Code::ReadOnly, "writable memory", "a read-only array");
    }
    // A type that BNNS does not have may be aligned to less than its size.
    let is_known = memory.data_type != DataType::UNSPECIFIED && memory.element_bytes > 0;
    if is_known && !memory.address.is_multiple_of(memory.element_bytes) {
        let expected = format!("an address that is a multiple of {}", memory.element_bytes);
        let actual = format!("0x{:x}", memory.address);
        issues.push(here(), Code::Misaligned, expected, actual);
    }
}

fn check_layout(
    issues: &mut Issues,
    field: &ArrayRule<'_>,
    desc: &NDArrayDescriptor<'_>,
    memory: &Memory,
) -> Option<CheckedArray> {
    let form = Form::of(issues, field.name, desc, field.axes, field.is_sequence)?;
    if field.axes.iter().any(|axis| axis.extent == 0) {
        return None;
    }
    let dims = dimensions(issues, field.name, form, field.axes)?;
    let extents = check_sizes(issues, field, desc, &dims)?;
    let given = desc.stride.get(..extents.len())?;
    let is_explicit = given.iter().any(|&stride| stride != 0);
    if memory.is_contiguous() {
        in_buffer(issues, field, given, memory, &dims, &extents)
    } else if is_explicit {
        let here = field.name.then("stride");
        issues.push(here, Code::NotContiguous, "a contiguous buffer", "an array with gaps");
        None
    } else {
        along_own_axes(issues, field, memory, &dims, &extents)
    }
}

/// The extents in the order of the strides; `None` if a size contradicts the parameters.
fn check_sizes(
    issues: &mut Issues,
    field: &ArrayRule<'_>,
    desc: &NDArrayDescriptor<'_>,
    dims: &[Dimension],
) -> Option<Vec<usize>> {
    let mut extents = vec![1; dims.len()];
    let mut fits = true;
    for (index, (dimension, &size)) in dims.iter().zip(&desc.size).enumerate() {
        let axis = field.axes.get(dimension.axis)?;
        if size != 0 && size != axis.extent {
            fits = false;
            let here = field.name.then("size").at(index);
            let expected = format!("{} ({})", axis.extent, axis.name);
            issues.push(here, Code::SizeMismatch, expected, size.to_string());
        }
        *extents.get_mut(dimension.stride)? = axis.extent;
    }
    fits.then_some(extents)
}

/// A contiguous array is a buffer, in which the descriptor's strides say where the elements are.
fn in_buffer(
    issues: &mut Issues,
    field: &ArrayRule<'_>,
    given: &[usize],
    memory: &Memory,
    dims: &[Dimension],
    extents: &[usize],
) -> Option<CheckedArray> {
    let strides = strides::fill(issues, field.name, extents, given)?;
    let needed = strides::count(issues, field.name, extents, &strides, distinct(field))?;
    let available = memory.len().unwrap_or(0);
    if needed > available {
        let expected = format!("memory of at least {needed} elements");
        let here = field.name.then("data");
        issues.push(here, Code::OutOfBounds, expected, format!("{available} elements"));
        return None;
    }
    let shape: Vec<usize> = field.axes.iter().map(|axis| axis.extent).collect();
    // An axis with one element has no stride of its own.
    let mut by_axis = vec![1; shape.len()];
    for dimension in dims {
        if *shape.get(dimension.axis)? > 1 {
            *by_axis.get_mut(dimension.axis)? = *strides.get(dimension.stride)?;
        }
    }
    let span = span(field, memory, &by_axis);
    Some(CheckedArray { layout: Strided::in_buffer(shape, by_axis), span })
}

/// An array that is not contiguous and has no explicit strides is taken as it is.
fn along_own_axes(
    issues: &mut Issues,
    field: &ArrayRule<'_>,
    memory: &Memory,
    dims: &[Dimension],
    extents: &[usize],
) -> Option<CheckedArray> {
    // The array's axes in C order are those of the descriptor, the largest stride first.
    let own_shape: Vec<usize> = extents.iter().rev().copied().collect();
    if own_shape != memory.shape {
        let expected = format!("a contiguous buffer, or an array of shape {own_shape:?}");
        let actual = format!("an array with gaps, of shape {:?}", memory.shape);
        issues.push(field.name.then("size"), Code::NotContiguous, expected, actual);
        return None;
    }
    let own_strides = strides::own(issues, field.name, memory)?;
    let mut fastest_first: Vec<(usize, usize)> =
        own_strides.iter().copied().zip(own_shape.iter().copied()).collect();
    fastest_first.sort_unstable();
    let (sorted, extents): (Vec<usize>, Vec<usize>) = fastest_first.into_iter().unzip();
    strides::count(issues, field.name, &extents, &sorted, distinct(field))?;

    let shape: Vec<usize> = field.axes.iter().map(|axis| axis.extent).collect();
    let mut order = vec![None; shape.len()];
    let mut by_axis = vec![1; shape.len()];
    for dimension in dims {
        let own_axis = own_shape.len().checked_sub(1)?.checked_sub(dimension.stride)?;
        *order.get_mut(dimension.axis)? = Some(own_axis);
        *by_axis.get_mut(dimension.axis)? = *own_strides.get(own_axis)?;
    }
    let span = span(field, memory, &by_axis);
    Some(CheckedArray { layout: Strided::along_axes(shape, own_shape, &order), span })
}

/// Whether the elements must be distinct: two results cannot go to one place.
fn distinct(field: &ArrayRule<'_>) -> Distinct {
    if field.is_output { Distinct::Required } else { Distinct::NotRequired }
}

fn span(field: &ArrayRule<'_>, memory: &Memory, by_axis: &[usize]) -> Span {
    let extents = field.axes.iter().map(|axis| axis.extent);
    Span::new(field.name, memory, extents.zip(by_axis.iter().copied()))
}
