//! `LSTMExtensions` of Python into that of the core.
//!
//! In: the attribute `extensions` of a layer. Out: the core's extensions, or none, and the array that they lend. What
//! cannot be read is reported and read as nothing; what makes no sense is the core's business.

use crate::class::Class;
use crate::descriptor::{Axes, Described, read_attribute};
use crate::memory::Array;
use crate::reader::{Attribute, Reader};
use bnns_lstm::{Code, Coupled, LSTMExtensions};
use pyo3::prelude::*;
use pyo3::types::PyString;

static EXTENSIONS: Class = Class::new("bnns_lstm.descriptors", "LSTMExtensions");

/// The extensions of a layer, and the projection's array.
pub(crate) fn read_extensions<'a, 'py>(
    reader: &mut Reader<'py>,
    layer: &Attribute<'py>,
) -> PyResult<(Option<LSTMExtensions<'a>>, Option<Array<'py>>)> {
    let Some(field) = reader.optional(layer, "extensions")? else { return Ok((None, None)) };
    if !EXTENSIONS.fits(reader, &field)? {
        return Ok((None, None));
    }
    let mut clip = |name| -> PyResult<Option<f32>> {
        let Some(field) = reader.optional(&field, name)? else { return Ok(None) };
        reader.parse_float(&field)
    };
    let (cell_clip, gate_clip) = (clip("cell_clip")?, clip("gate_clip")?);
    let gate_clip_hidden = reader.boolean(&field, "gate_clip_hidden")?.unwrap_or(true);
    let coupled = read_coupled(reader, &field)?;
    let reverse = reader.boolean(&field, "reverse")?.unwrap_or_default();
    let projection_size = match reader.optional(&field, "projection_size")? {
        Some(field) => reader.parse_integer(&field)?,
        None => None,
    };
    let Described { desc: projection_desc, array } =
        read_attribute(reader, &field, "projection_desc", Axes::OfField)?;
    let extensions = LSTMExtensions {
        cell_clip,
        gate_clip,
        gate_clip_hidden,
        coupled,
        reverse,
        projection_size,
        projection_desc,
    };
    Ok((Some(extensions), array))
}

/// `coupled`: `None`, "forget" or "input".
fn read_coupled<'py>(
    reader: &mut Reader<'py>,
    extensions: &Attribute<'py>,
) -> PyResult<Option<Coupled>> {
    const EXPECTED: &str = "\"forget\", \"input\" or None";
    let Some(field) = reader.optional(extensions, "coupled")? else { return Ok(None) };
    let Ok(text) = field.object.cast::<PyString>() else {
        reader.report_type(&field, EXPECTED)?;
        return Ok(None);
    };
    Ok(match &*text.to_string_lossy() {
        "forget" => Some(Coupled::Forget),
        "input" => Some(Coupled::Input),
        other => {
            reader.report(field.path.clone(), Code::UnknownChoice, EXPECTED, format!("{other:?}"));
            None
        }
    })
}
