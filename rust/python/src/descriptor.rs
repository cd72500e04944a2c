//! Array fields: `None`, a NumPy array, or an `NDArrayDescriptor`.
//!
//! In: what a field holds. Out: the core's descriptor, which lends the array, and the array itself. What the
//! caller left open is filled in from the array; whether it makes sense is the core's business.

use crate::class::Class;
use crate::memory::{Array, measure};
use crate::reader::{Attribute, Reader};
use bnns_lstm::binding::Memory;
use bnns_lstm::{Code, Data, DataLayout, DataType, MAX_RANK, NDArrayDescriptor, NDArrayFlags};
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};

/// What the axes of an array mean where nobody says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axes {
    /// `[seq_len, batch, elements]`.
    Sequence,
    /// The field's own, in C order.
    OfField,
}

/// A descriptor, and the array that it lends.
#[derive(Debug, Default)]
pub(crate) struct Described<'a, 'py> {
    pub(crate) desc: NDArrayDescriptor<'a>,
    pub(crate) array: Option<Array<'py>>,
}

/// Sizes or strides.
type Extents = [usize; MAX_RANK];

/// The array attribute `name` of an object; absent where it was reported.
pub(crate) fn read_attribute<'a, 'py>(
    reader: &mut Reader<'py>,
    parent: &Attribute<'py>,
    name: &'static str,
    axes: Axes,
) -> PyResult<Described<'a, 'py>> {
    match reader.optional(parent, name)? {
        Some(field) => read_descriptor(reader, &field, axes),
        None => Ok(Described::default()),
    }
}

/// What an array field holds; absent where it was reported.
pub(crate) fn read_descriptor<'a, 'py>(
    reader: &mut Reader<'py>,
    field: &Attribute<'py>,
    axes: Axes,
) -> PyResult<Described<'a, 'py>> {
    static CLASS: Class = Class::new("bnns_lstm.descriptors", "NDArrayDescriptor");
    let class = CLASS.get(reader.py)?;
    if field.object.is_none() {
        return Ok(Described::default());
    }
    if reader.attempt(field.object.is_instance(&class))?.unwrap_or(false) {
        return read_fields(reader, field, axes);
    }
    let expected = "a NumPy array (without a mask), an NDArrayDescriptor or None";
    Ok(match measure(reader, field, expected)? {
        Some((array, memory)) => {
            let layout = layout_of(&memory.shape, axes);
            let size = sizes_of(&memory.shape, layout);
            let desc = NDArrayDescriptor { layout, size, ..NDArrayDescriptor::lent(memory) };
            Described { desc, array: Some(array) }
        }
        None => Described::default(),
    })
}

/// An `NDArrayDescriptor`.
fn read_fields<'a, 'py>(
    reader: &mut Reader<'py>,
    field: &Attribute<'py>,
    axes: Axes,
) -> PyResult<Described<'a, 'py>> {
    let layout = read_number(reader, field, "layout")?.map(DataLayout);
    let size = read_extents(reader, field, "size")?;
    let data_type = read_number(reader, field, "data_type")?.map(DataType);
    let table_data_type = read_number(reader, field, "table_data_type")?.map(DataType);
    let table = read_array(reader, field, "table_data")?;
    let mut desc = NDArrayDescriptor {
        flags: NDArrayFlags(reader.integer(field, "flags")?),
        layout: layout.unwrap_or_default(),
        size: size.unwrap_or_default(),
        stride: read_extents(reader, field, "stride")?.unwrap_or_default(),
        data: Data::Null,
        data_type: data_type.unwrap_or_default(),
        table_data: table.map_or(Data::Null, |(_, memory)| Data::Lent(memory)),
        table_data_type: table_data_type.unwrap_or_default(),
        data_scale: reader.float(field, "data_scale")?,
        data_bias: reader.float(field, "data_bias")?,
    };
    let Some((mut array, mut memory)) = read_array(reader, field, "data")? else {
        return Ok(Described { desc, array: None });
    };
    desc.data_type = data_type.unwrap_or(memory.data_type);
    let own_layout = layout_of(&memory.shape, axes);
    if size.is_some() {
        desc.layout = layout.unwrap_or(own_layout);
    } else {
        let given = layout.filter(|&layout| layout != DataLayout::UNSPECIFIED);
        desc.layout = given.unwrap_or(own_layout);
        if let Some(surplus) = surplus_axes(reader, field, desc.layout, &memory.shape) {
            array = array.without_leading(surplus);
            memory.shape.drain(..surplus);
            memory.byte_strides.drain(..surplus);
            desc.size = sizes_of(&memory.shape, desc.layout);
        }
    }
    check_length(reader, field, "size", desc.layout)?;
    check_length(reader, field, "stride", desc.layout)?;
    desc.data = Data::Lent(memory);
    Ok(Described { desc, array: Some(array) })
}

/// Sizes and strides stand for the layout's dimensions: as many as it has, or all 8 of the C structure, or
/// none. A shorter list would be filled up with zeros, which mean something else.
fn check_length<'py>(
    reader: &mut Reader<'py>,
    parent: &Attribute<'py>,
    name: &'static str,
    layout: DataLayout,
) -> PyResult<()> {
    let rank = (layout.0 >> 16) as usize;
    let Some(field) = reader.optional(parent, name)? else { return Ok(()) };
    let Some(length) = reader.attempt(field.object.len())? else { return Ok(()) };
    if rank != 0 && length != rank && length != 0 && length < MAX_RANK {
        let expected = format!("{rank} values, one for each dimension of the layout");
        reader.report(field.path, Code::RankMismatch, expected, length.to_string());
    }
    Ok(())
}

fn read_array<'py>(
    reader: &mut Reader<'py>,
    parent: &Attribute<'py>,
    name: &'static str,
) -> PyResult<Option<(Array<'py>, Memory)>> {
    match reader.optional(parent, name)? {
        Some(field) => measure(reader, &field, "a NumPy array (without a mask) or None"),
        None => Ok(None),
    }
}

/// An enum value that may be `None`.
fn read_number<'py>(
    reader: &mut Reader<'py>,
    parent: &Attribute<'py>,
    name: &'static str,
) -> PyResult<Option<u32>> {
    match reader.optional(parent, name)? {
        Some(field) => reader.parse_integer(&field),
        None => Ok(None),
    }
}

/// Up to 8 integers in any sequence, or `None`.
fn read_extents<'py>(
    reader: &mut Reader<'py>,
    parent: &Attribute<'py>,
    name: &'static str,
) -> PyResult<Option<Extents>> {
    static SEQUENCE: Class = Class::new("collections.abc", "Sequence");
    let Some(field) = reader.optional(parent, name)? else { return Ok(None) };
    let object = &field.object;
    // Bytes are sequences of integers to Python, and a text without letters is one; nobody means them as
    // extents.
    let is_text = object.is_instance_of::<PyBytes>()
        || object.is_instance_of::<PyByteArray>()
        || object.is_instance_of::<PyString>();
    let sequence = SEQUENCE.get(reader.py)?;
    let is_sequence = object.cast::<PyUntypedArray>().is_ok()
        || !is_text && reader.attempt(object.is_instance(&sequence))?.unwrap_or(false);
    let length = if is_sequence { reader.attempt(object.len())? } else { None };
    let Some(length) = length else {
        reader.report_type(&field, "a sequence of integers or None")?;
        return Ok(None);
    };
    if length > MAX_RANK {
        let actual = format!("{length} dimensions");
        reader.report(field.path, Code::RankMismatch, "at most 8 dimensions", actual);
        return Ok(None);
    }
    let mut extents = Extents::default();
    for (index, extent) in extents.iter_mut().enumerate().take(length) {
        let path = field.path.at(index);
        let Some(object) = reader.attempt(object.get_item(index))? else {
            reader.report(path, Code::WrongType, "an integer", "an item that cannot be read");
            continue;
        };
        *extent = reader.parse_integer(&Attribute { object, path })?.unwrap_or_default();
    }
    Ok(Some(extents))
}

/// The layout of a C array.
fn layout_of(shape: &[usize], axes: Axes) -> DataLayout {
    match shape.len() {
        1 => DataLayout::VECTOR,
        3 if axes == Axes::Sequence => DataLayout::SNE,
        rank => DataLayout::first_major(rank),
    }
}

/// The sizes of a C array in the order in which a layout lists them.
fn sizes_of(shape: &[usize], layout: DataLayout) -> Extents {
    let mut sizes = Extents::default();
    let in_order = sizes.iter_mut().take(shape.len());
    if lists_slowest_first(layout) {
        in_order.zip(shape).for_each(|(size, &extent)| *size = extent);
    } else {
        in_order.zip(shape.iter().rev()).for_each(|(size, &extent)| *size = extent);
    }
    sizes
}

/// Whether it is one of the layouts `kDFirstMajor`.
fn lists_slowest_first(layout: DataLayout) -> bool {
    layout.0 & 0xffff == 0x8001
}

/// How many leading axes of one element an array has beyond the rank of its layout. `None` for an array that
/// does not have that rank otherwise, which is reported: without explicit sizes its own must be the ones meant.
fn surplus_axes(
    reader: &mut Reader<'_>,
    field: &Attribute<'_>,
    layout: DataLayout,
    shape: &[usize],
) -> Option<usize> {
    let named = [
        DataLayout::VECTOR,
        DataLayout::ROW_MAJOR_MATRIX,
        DataLayout::COLUMN_MAJOR_MATRIX,
        DataLayout::SNE,
        DataLayout::NSE,
    ];
    if !named.contains(&layout) && layout.0 & 0xfffe != 0x8000 {
        // No layout of an LSTM: the core says so.
        return Some(0);
    }
    let rank = (layout.0 >> 16) as usize;
    let surplus = shape.len().checked_sub(rank);
    let leading = surplus.filter(|&surplus| shape.iter().take(surplus).all(|&extent| extent == 1));
    if leading.is_none() {
        let expected = format!("a layout with the array's rank {}, or explicit sizes", shape.len());
        let actual = format!("0x{:x} of rank {rank}", layout.0);
        reader.report(field.path.then("layout"), Code::RankMismatch, expected, actual);
    }
    leading
}
