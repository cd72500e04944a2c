//! The dataclasses of `bnns_lstm` into the structure of the core.
//!
//! In: an object that should be a `LayerParametersLSTM`. Out: the core's structure, with arrays lent, and
//! the arrays themselves under the same names. What cannot be read is reported and read as nothing.

use crate::class::Class;
use crate::descriptor::{Axes, Described, read_attribute, read_descriptor};
use crate::extensions::read_extensions;
use crate::memory::Array;
use crate::reader::{Attribute, Reader};
use crate::sequence::{Values, read_sequence};
use bnns_lstm::{
    Activation, ActivationFunction, Checkpoints, Code, DataField, DataFields, FilterParameters,
    GateField, GateFields, Gates, LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags,
    LayerParametersLSTM, Path, Side, WeightFields,
};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use std::mem::take;

static LAYER: Class = Class::new("bnns_lstm.descriptors", "LayerParametersLSTM");
static DATA: Class = Class::new("bnns_lstm.descriptors", "LSTMDataDescriptor");
static GATE: Class = Class::new("bnns_lstm.descriptors", "LSTMGateDescriptor");
static ACTIVATION: Class = Class::new("bnns_lstm.activation", "Activation");
static FILTER: Class = Class::new("bnns_lstm.descriptors", "FilterParameters");

/// A layer as its caller described it.
#[derive(Debug)]
pub(crate) struct Layer<'a, 'py> {
    /// The structure; its sequence descriptor has its data in `batch_sizes`.
    pub(crate) params: LayerParametersLSTM<'a>,
    /// The integers of the sequence descriptor.
    pub(crate) batch_sizes: Option<Values<'py>>,
    /// The arrays that the structure lends.
    pub(crate) arrays: LayerArrays<'py>,
}

/// The arrays of a layer.
#[derive(Debug, Default)]
pub(crate) struct LayerArrays<'py> {
    pub(crate) input: DataFields<Option<Array<'py>>>,
    pub(crate) output: DataFields<Option<Array<'py>>>,
    pub(crate) weights: WeightFields<Option<Array<'py>>>,
}

impl<'py> LayerArrays<'py> {
    /// Those of the outputs, or of the incoming gradients.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Array<'py>> {
        self.output.each().into_iter().flatten()
    }

    /// Those of the input and the weights, or of the gradients that are wanted.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Array<'py>> {
        self.input.each().into_iter().chain(self.weights.each()).flatten()
    }
}

/// Read a layer; `None` if the object is none.
pub(crate) fn read_layer<'a, 'py>(
    reader: &mut Reader<'py>,
    params: &Bound<'py, PyAny>,
) -> PyResult<Option<Layer<'a, 'py>>> {
    // The paths of its fields start with their own names.
    read_structure(reader, params, "params", Path::default())
}

/// One of a pair of layers; the paths of its fields start with `name`.
pub(crate) fn read_layer_of_pair<'a, 'py>(
    reader: &mut Reader<'py>,
    params: &Bound<'py, PyAny>,
    name: &'static str,
) -> PyResult<Option<Layer<'a, 'py>>> {
    read_structure(reader, params, name, Path::field(name))
}

fn read_structure<'a, 'py>(
    reader: &mut Reader<'py>,
    params: &Bound<'py, PyAny>,
    name: &'static str,
    path: Path,
) -> PyResult<Option<Layer<'a, 'py>>> {
    let whole = Attribute { object: params.clone(), path: Path::field(name) };
    if !LAYER.fits(reader, &whole)? {
        return Ok(None);
    }
    let root = Attribute { path, ..whole };
    // Where the flags cannot be read, nothing can be said about the activations.
    let lstm_flags = reader
        .try_integer(&root, "lstm_flags")?
        .map_or(LayerFlags::LSTM_DEFAULT_ACTIVATIONS, LayerFlags);
    let is_looked_at = !lstm_flags.contains(LayerFlags::LSTM_DEFAULT_ACTIVATIONS);
    let seq_len = reader.integer(&root, "seq_len")?;
    let (sequence_descriptor, batch_sizes) = read_sequence(reader, &root, seq_len)?;
    let (input_descriptor, input) = read_data(reader, &root, Side::Input)?;
    let (output_descriptor, output) = read_data(reader, &root, Side::Output)?;
    let mut gates =
        Gates::try_from_fn(|gate| read_gate(reader, &root, gate.field(), is_looked_at))?;
    let descs = gates.as_mut().map(|_, (desc, _)| take(desc));
    let gates = gates.map(|_, (_, arrays)| arrays);
    let (extensions, projection) = read_extensions(reader, &root)?;
    let params = LayerParametersLSTM {
        input_size: reader.integer(&root, "input_size")?,
        hidden_size: reader.integer(&root, "hidden_size")?,
        batch_size: reader.integer(&root, "batch_size")?,
        num_layers: reader.integer(&root, "num_layers")?,
        seq_len,
        dropout: reader.float(&root, "dropout")?,
        lstm_flags,
        sequence_descriptor,
        input_descriptor,
        output_descriptor,
        input_gate: descs.input,
        forget_gate: descs.forget,
        candidate_gate: descs.candidate,
        output_gate: descs.output,
        hidden_activation: read_activation(reader, &root, "hidden_activation", is_looked_at)?,
        extensions,
    };
    let weights = WeightFields { gates, projection };
    Ok(Some(Layer { params, batch_sizes, arrays: LayerArrays { input, output, weights } }))
}

fn read_data<'a, 'py>(
    reader: &mut Reader<'py>,
    root: &Attribute<'py>,
    side: Side,
) -> PyResult<(LSTMDataDescriptor<'a>, DataFields<Option<Array<'py>>>)> {
    let Some(field) = reader.field(root, side.name())? else { return Ok(Default::default()) };
    if !DATA.fits(reader, &field)? {
        return Ok(Default::default());
    }
    let mut all = DataFields::try_from_fn(|name| {
        let is_sequence = name == DataField::Data;
        let axes = if is_sequence { Axes::Sequence } else { Axes::OfField };
        read_attribute(reader, &field, name.name(), axes)
    })?;
    let descs = all.as_mut().map(|_, described| take(&mut described.desc));
    Ok((LSTMDataDescriptor::from_fields(descs), all.map(|_, described| described.array)))
}

fn read_gate<'a, 'py>(
    reader: &mut Reader<'py>,
    root: &Attribute<'py>,
    name: &'static str,
    is_looked_at: bool,
) -> PyResult<(LSTMGateDescriptor<'a>, GateFields<Option<Array<'py>>>)> {
    let Some(field) = reader.field(root, name)? else { return Ok(Default::default()) };
    if !GATE.fits(reader, &field)? {
        return Ok(Default::default());
    }
    let [iw, iw_upper] = read_input_weights(reader, &field)?;
    let mut read = |name: GateField| read_attribute(reader, &field, name.name(), Axes::OfField);
    let (hw, cw, b) = (read(GateField::Hw)?, read(GateField::Cw)?, read(GateField::B)?);
    let mut all = GateFields { iw, iw_upper, hw, cw, b };
    let activation = read_activation(reader, &field, "activation", is_looked_at)?;
    let descs = all.as_mut().map(|_, described| take(&mut described.desc));
    let arrays = all.map(|_, described| described.array);
    Ok((LSTMGateDescriptor::from_fields(descs, activation), arrays))
}

/// `iw_desc`: one array, or a tuple or list of up to two.
fn read_input_weights<'a, 'py>(
    reader: &mut Reader<'py>,
    gate: &Attribute<'py>,
) -> PyResult<[Described<'a, 'py>; 2]> {
    let mut weights = Default::default();
    let Some(Attribute { object, path }) = reader.optional(gate, GateField::Iw.name())? else {
        return Ok(weights);
    };
    let items = match (object.cast::<PyTuple>(), object.cast::<PyList>()) {
        (Ok(tuple), _) => tuple.iter().collect(),
        (_, Ok(list)) => list.iter().collect(),
        _ => vec![object.clone()],
    };
    if items.len() > 2 {
        let actual = format!("{} arrays", items.len());
        reader.report(path, Code::WrongType, "one array or two", actual);
        return Ok(weights);
    }
    for (index, (slot, object)) in weights.iter_mut().zip(items).enumerate() {
        *slot =
            read_descriptor(reader, &Attribute { object, path: path.at(index) }, Axes::OfField)?;
    }
    Ok(weights)
}

/// An activation, or `None` where there is none or it is not to be looked at; the identity where it was
/// reported.
fn read_activation<'py>(
    reader: &mut Reader<'py>,
    parent: &Attribute<'py>,
    name: &'static str,
    is_looked_at: bool,
) -> PyResult<Option<Activation<'static>>> {
    if !is_looked_at {
        return Ok(None);
    }
    let Some(field) = reader.optional(parent, name)? else { return Ok(None) };
    if !ACTIVATION.fits(reader, &field)? {
        return Ok(Some(Activation::identity()));
    }
    // What is in a per-channel table is not looked at: no function that a gate can have uses one.
    let mut table = |name| -> PyResult<Option<&'static [i32]>> {
        Ok(reader.optional(&field, name)?.map(|_| [].as_slice()))
    };
    Ok(Some(Activation {
        iscale_per_channel: table("iscale_per_channel")?,
        ioffset_per_channel: table("ioffset_per_channel")?,
        ishift_per_channel: table("ishift_per_channel")?,
        function: ActivationFunction(reader.integer(&field, "function")?),
        alpha: reader.float(&field, "alpha")?,
        beta: reader.float(&field, "beta")?,
        iscale: reader.integer(&field, "iscale")?,
        ioffset: reader.integer(&field, "ioffset")?,
        ishift: reader.integer(&field, "ishift")?,
    }))
}

/// How a call is to be run; the defaults for `None` and where something was reported.
pub(crate) fn read_filter<'py>(
    reader: &mut Reader<'py>,
    filter: Option<&Bound<'py, PyAny>>,
) -> PyResult<FilterParameters> {
    let Some(object) = filter else { return Ok(FilterParameters::default()) };
    let field = Attribute { object: object.clone(), path: Path::field("filter_params") };
    if !FILTER.fits(reader, &field)? {
        return Ok(FilterParameters::default());
    }
    for name in ["alloc_memory", "free_memory"] {
        if let Some(Attribute { path, .. }) = reader.optional(&field, name)? {
            reader.report(path, Code::UnsupportedAllocator, "None", "a function");
        }
    }
    Ok(FilterParameters {
        flags: reader.integer(&field, "flags")?,
        n_threads: reader.integer(&field, "n_threads")?,
        seed: reader.integer(&field, "seed")?,
        checkpoints: read_checkpoints(reader, &field)?,
    })
}

/// `checkpoint_steps`: 0, a number of steps, or "sqrt".
fn read_checkpoints<'py>(
    reader: &mut Reader<'py>,
    filter: &Attribute<'py>,
) -> PyResult<Checkpoints> {
    let Some(field) = reader.field(filter, "checkpoint_steps")? else {
        return Ok(Checkpoints::EveryStep);
    };
    if let Ok(text) = field.object.cast::<PyString>() {
        let text = text.to_string_lossy();
        if text != "sqrt" {
            let expected = "a number of steps, or \"sqrt\"";
            reader.report(field.path, Code::UnknownChoice, expected, format!("{text:?}"));
        }
        return Ok(Checkpoints::SquareRoot);
    }
    Ok(match reader.parse_integer::<usize>(&field)? {
        None | Some(0) => Checkpoints::EveryStep,
        Some(every) => Checkpoints::Every(every),
    })
}
