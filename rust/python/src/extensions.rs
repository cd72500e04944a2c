//! `LSTMExtensions` of Python into that of the core.
//!
//! In: the attribute `extensions` of a layer. Out: the core's extensions, or none. What cannot be read is reported and
//! read as nothing; what makes no sense is the core's business.

use crate::class::Class;
use crate::reader::{Attribute, Reader};
use bnns_lstm::{Code, Coupled, LSTMExtensions};
use pyo3::prelude::*;
use pyo3::types::PyString;

static EXTENSIONS: Class = Class::new("bnns_lstm.descriptors", "LSTMExtensions");

/// The extensions of a layer.
pub(crate) fn read_extensions<'py>(
    reader: &mut Reader<'py>,
    layer: &Attribute<'py>,
) -> PyResult<Option<LSTMExtensions>> {
    let Some(field) = reader.optional(layer, "extensions")? else { return Ok(None) };
    if !EXTENSIONS.fits(reader, &field)? {
        return Ok(None);
    }
    let mut clip = |name| -> PyResult<Option<f32>> {
        let Some(field) = reader.optional(&field, name)? else { return Ok(None) };
        reader.parse_float(&field)
    };
    Ok(Some(LSTMExtensions {
        cell_clip: clip("cell_clip")?,
        gate_clip: clip("gate_clip")?,
        gate_clip_hidden: reader.boolean(&field, "gate_clip_hidden")?.unwrap_or(true),
        coupled: read_coupled(reader, &field)?,
        reverse: reader.boolean(&field, "reverse")?.unwrap_or_default(),
    }))
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
