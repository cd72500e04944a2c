//! One array descriptor against what its field must hold.
//!
//! In: a descriptor, the axes of its field and whether the field is written. Out: a [`Strided`] whose every
//! element lies in the memory, or findings. It does not know the layer.

use super::issues::Issues;
use super::layout::{Axis, Dimensions, dimensions};
use super::overlap::Span;
use super::strided::Strided;
use crate::desc::{Data, DataType, MAX_RANK, Memory, NDArrayDescriptor};
use crate::error::{Code, Path};

/// What a field must hold.
#[derive(Debug)]
pub(super) struct Field<'f> {
    pub(super) path: Path,
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

/// Check one non-null float array; `None` where something was reported.
pub(super) fn check_array(
    issues: &mut Issues,
    field: &Field<'_>,
    desc: &NDArrayDescriptor<'_>,
) -> Option<CheckedArray> {
    let before = issues.count();
    let Some(memory) = desc.data.memory() else {
        report_in_place(issues, field, desc);
        return None;
    };
    check_type(issues, field, desc, &memory);
    if field.is_output && !memory.writable {
        issues.push(field.path.then("data"), Code::ReadOnly, "writable memory", "a read-only array");
    }
    let layout = check_layout(issues, field, desc, &memory)?;
    (issues.count() == before && !issues.is_reported(&field.path)).then_some(layout)
}

fn report_in_place(issues: &mut Issues, field: &Field<'_>, desc: &NDArrayDescriptor<'_>) {
    if matches!(desc.data, Data::InPlace) {
        let path = field.path.then("data");
        issues.push(path, Code::WrongType, "an array", "the in-place mark of an initial state");
    }
}

fn check_type(
    issues: &mut Issues,
    field: &Field<'_>,
    desc: &NDArrayDescriptor<'_>,
    memory: &Memory,
) {
    let here = field.path.then("data_type");
    let declared = desc.data_type;
    match declared.name() {
        _ if declared == DataType::UNSPECIFIED && memory.data_type == DataType::UNSPECIFIED => {
            issues.push(here, Code::UnsupportedDataType, "Float32", memory.type_name.as_str());
        }
        None => {
            let actual = format!("0x{:x}", declared.0);
            issues.push(here, Code::UnknownDataType, "Float32", actual);
        }
        Some(name) if declared != DataType::FLOAT32 => {
            issues.push(here, Code::UnsupportedDataType, "Float32", name);
        }
        Some(name) if memory.data_type != declared => {
            let actual = format!("an array of {}", memory.type_name);
            issues.push(here, Code::DataTypeMismatch, name, actual);
        }
        Some(_) => {}
    }
    if !desc.table_data.is_null() && !declared.is_indexed() {
        let path = field.path.then("table_data");
        issues.push(path, Code::UnexpectedTable, "no table for this data type", "a table");
    }
    if memory.element_bytes > 0 && !memory.address.is_multiple_of(memory.element_bytes) {
        let expected = format!("an address that is a multiple of {}", memory.element_bytes);
        let actual = format!("0x{:x}", memory.address);
        issues.push(field.path.then("data"), Code::Misaligned, expected, actual);
    }
}

fn check_layout(
    issues: &mut Issues,
    field: &Field<'_>,
    desc: &NDArrayDescriptor<'_>,
    memory: &Memory,
) -> Option<CheckedArray> {
    let no_sizes = desc.size.iter().all(|&size| size == 0);
    let dims =
        dimensions(issues, &field.path, desc.layout, no_sizes, field.axes, field.is_sequence)?;
    let sizes = check_sizes(issues, field, desc, &dims)?;
    let rank = sizes.len();
    let explicit = desc.stride.iter().take(rank).any(|&stride| stride != 0);
    let shape: Vec<usize> = field.axes.iter().map(|axis| axis.extent).collect();
    if !explicit && !memory.is_contiguous() {
        return along_own_axes(issues, field, memory, &dims, &sizes, shape);
    }
    if !memory.is_contiguous() {
        let here = field.path.then("stride");
        issues.push(here, Code::NotContiguous, "a contiguous buffer", "an array with gaps");
        return None;
    }
    let extents: Vec<usize> =
        (0..rank).map(|stride| size_of_stride(&dims, &sizes, stride)).collect();
    let strides = check_strides(issues, field, desc, &extents)?;
    let elements = check_bounds(issues, field, &extents, &strides, memory)?;
    let mut by_axis = vec![1; shape.len()];
    for dimension in &dims.each {
        *by_axis.get_mut(dimension.axis)? = *strides.get(dimension.stride)?;
    }
    let span = Span::new(
        field.path.clone(),
        memory,
        elements,
        extents.iter().copied().zip(strides.iter().copied()),
    );
    Some(CheckedArray { layout: Strided::in_buffer(shape, by_axis), span })
}

/// The sizes with zeros filled in; `None` if one contradicts the parameters.
fn check_sizes(
    issues: &mut Issues,
    field: &Field<'_>,
    desc: &NDArrayDescriptor<'_>,
    dims: &Dimensions,
) -> Option<Vec<usize>> {
    let mut sizes = Vec::with_capacity(MAX_RANK);
    let mut fits = true;
    for (index, dimension) in dims.each.iter().enumerate() {
        let axis = field.axes.get(dimension.axis)?;
        let size = desc.size.get(index).copied()?;
        if size != 0 && size != axis.extent {
            fits = false;
            let expected = format!("{} ({})", axis.extent, axis.name);
            issues.push(
                field.path.then("size").at(index),
                Code::SizeMismatch,
                expected,
                size.to_string(),
            );
        }
        sizes.push(axis.extent);
    }
    fits.then_some(sizes)
}

/// The strides in memory order with zeros filled in, in elements.
fn check_strides(
    issues: &mut Issues,
    field: &Field<'_>,
    desc: &NDArrayDescriptor<'_>,
    sizes_in_order: &[usize],
) -> Option<Vec<usize>> {
    let mut strides: Vec<usize> = Vec::with_capacity(sizes_in_order.len());
    let mut fits = true;
    for index in 0..sizes_in_order.len() {
        let given = desc.stride.get(index).copied()?;
        let previous = strides.last().copied().unwrap_or(1);
        let natural = if index == 0 {
            1
        } else {
            let extent = sizes_in_order.get(index - 1).copied()?;
            let Some(stride) = extent.checked_mul(previous) else {
                overflow(issues, field);
                return None;
            };
            stride
        };
        if given != 0 && given < previous {
            fits = false;
            let here = field.path.then("stride").at(index);
            issues.push(here, Code::StrideOrder, format!("at least {previous}"), given.to_string());
        }
        strides.push(if given == 0 { natural } else { given });
    }
    fits.then_some(strides)
}

/// The number of elements from the first to the last, both included.
fn check_bounds(
    issues: &mut Issues,
    field: &Field<'_>,
    extents: &[usize],
    strides: &[usize],
    memory: &Memory,
) -> Option<usize> {
    let mut last = 0_usize;
    for (&extent, &stride) in extents.iter().zip(strides) {
        if field.is_output && extent > 1 && stride <= last {
            let expected = format!("strides of more than {last} where faster dimensions end");
            let here = field.path.then("stride");
            issues.push(here, Code::SelfOverlap, expected, stride.to_string());
            return None;
        }
        let reach = extent.checked_sub(1)?.checked_mul(stride);
        let Some(sum) = reach.and_then(|reach| last.checked_add(reach)) else {
            overflow(issues, field);
            return None;
        };
        last = sum;
    }
    let bytes = last.checked_add(1).and_then(|count| count.checked_mul(size_of::<f32>()));
    if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        overflow(issues, field);
        return None;
    }
    let available = memory.len().unwrap_or(0);
    if last >= available {
        let expected = format!("memory of at least {} elements", last + 1);
        let here = field.path.then("data");
        issues.push(here, Code::OutOfBounds, expected, format!("{available} elements"));
        return None;
    }
    Some(last + 1)
}

fn size_of_stride(dims: &Dimensions, sizes: &[usize], stride: usize) -> usize {
    dims.each
        .iter()
        .zip(sizes)
        .find(|(dimension, _)| dimension.stride == stride)
        .map_or(1, |(_, &size)| size)
}

/// An array that is not contiguous and has no explicit strides is taken as it is.
fn along_own_axes(
    issues: &mut Issues,
    field: &Field<'_>,
    memory: &Memory,
    dims: &Dimensions,
    sizes: &[usize],
    shape: Vec<usize>,
) -> Option<CheckedArray> {
    let rank = sizes.len();
    let position = |index: usize| if dims.c_order { index } else { rank - 1 - index };
    let mut own_shape: Vec<usize> = (0..rank).map(|index| sizes[position(index)]).collect();
    if own_shape != memory.shape {
        let expected = format!("a contiguous buffer, or an array of shape {own_shape:?}");
        let actual = format!("an array with gaps, of shape {:?}", memory.shape);
        issues.push(field.path.then("size"), Code::NotContiguous, expected, actual);
        return None;
    }
    let strides = own_strides(issues, field, memory)?;
    let mut by_stride: Vec<(usize, usize)> =
        own_shape.iter().copied().zip(strides.iter().copied()).collect();
    by_stride.sort_by_key(|&(extent, stride)| (stride, extent));
    let (extents, sorted): (Vec<usize>, Vec<usize>) = by_stride.into_iter().unzip();
    let whole = Memory { shape: vec![usize::MAX], ..memory.clone() };
    let elements = check_bounds(issues, field, &extents, &sorted, &whole)?;
    let mut order = vec![None; shape.len()];
    for (index, dimension) in dims.each.iter().enumerate() {
        *order.get_mut(dimension.axis)? = Some(position(index));
    }
    let span = Span::new(field.path.clone(), memory, elements, own_shape.iter().copied().zip(strides));
    own_shape.truncate(rank);
    Some(CheckedArray { layout: Strided::along_axes(shape, own_shape, order), span })
}

/// An array's own strides in elements, all positive.
fn own_strides(issues: &mut Issues, field: &Field<'_>, memory: &Memory) -> Option<Vec<usize>> {
    let mut strides = Vec::with_capacity(memory.shape.len());
    for (index, (&extent, &bytes)) in memory.shape.iter().zip(&memory.byte_strides).enumerate() {
        let usable = usize::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes > 0 && bytes.is_multiple_of(memory.element_bytes.max(1)));
        match usable {
            _ if extent == 1 => strides.push(1),
            Some(bytes) => strides.push(bytes / memory.element_bytes.max(1)),
            None => {
                let expected = format!("a positive multiple of {} bytes", memory.element_bytes);
                let actual = format!("{bytes} bytes along axis {index} of the array");
                issues.push(field.path.then("stride"), Code::InvalidStride, expected, actual);
                return None;
            }
        }
    }
    Some(strides)
}

fn overflow(issues: &mut Issues, field: &Field<'_>) {
    let expected = "sizes and strides whose product fits the address space";
    issues.push(field.path.then("size"), Code::SizeOverflow, expected, "an overflow");
}
