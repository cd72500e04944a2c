//! The reader of the golden cases.
//!
//! The `.npz` files of `tests/golden` come in; each goes out as a [`Golden`], a layer with its
//! inputs, expected outputs, incoming gradients and expected gradients. It must not know how any
//! of them is computed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use npyz::{DType, NpyFile, Order, TypeChar};
use serde::Deserialize;
use zip::ZipArchive;

use crate::activation;
use crate::backward::Incoming;
use crate::compare::widen;
use crate::layer::{
    Activation, Gate, Gates, Inputs, Layer, Outputs, Peephole, Projection, Variant,
};

/// An array as it is stored, in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The extents.
    pub shape: Vec<usize>,
    /// The elements, the last index running fastest.
    pub values: Vec<f32>,
}

/// One golden case.
#[derive(Clone, Debug)]
pub struct Golden {
    /// The file's name without its ending.
    pub name: String,
    /// The layer with its weights.
    pub layer: Layer,
    /// What the layer reads.
    pub inputs: Inputs,
    /// The outputs expected.
    pub outputs: Outputs,
    /// The incoming gradients; all three are present.
    pub incoming: Incoming,
    /// The gradients expected, by the names of [`crate::Gradients::named`]. Those with respect to
    /// initial states are missing where the states are.
    pub gradients: BTreeMap<String, Tensor>,
    /// Every array of real numbers in the file under its own name, those above included.
    pub arrays: BTreeMap<String, Tensor>,
}

/// The member `meta` of a file.
#[derive(Deserialize)]
struct Meta {
    input_size: usize,
    hidden_size: usize,
    batch_size: usize,
    num_layers: usize,
    seq_len: usize,
    bidirectional: bool,
    activations: BTreeMap<String, (String, f64, f64)>,
}

/// All members of one file.
#[derive(Default)]
struct Members {
    meta: String,
    batch_sizes: Option<Vec<usize>>,
    arrays: BTreeMap<String, Tensor>,
}

/// The directory that holds the golden cases.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

/// The files of the golden cases, sorted by name.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn files() -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory())?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "npz"));
    paths.sort();
    Ok(paths)
}

/// Reads all golden cases, sorted by name.
///
/// # Errors
///
/// If the directory or a file cannot be read, or is not what the golden directory's own
/// description says.
pub fn load_all() -> io::Result<Vec<Golden>> {
    files()?.iter().map(|path| load(path)).collect()
}

/// Reads one golden case.
///
/// # Errors
///
/// If the file cannot be read, or is not what the golden directory's own description says; the
/// message names the file.
pub fn load(path: &Path) -> io::Result<Golden> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let in_file = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
    let members = read_members(path).map_err(in_file)?;
    assemble(&name, members).map_err(in_file)
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

fn read_members(path: &Path) -> io::Result<Members> {
    let mut archive = ZipArchive::new(File::open(path)?)?;
    let mut members = Members::default();
    for index in 0..archive.len() {
        let file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let array = NpyFile::new(file)?;
        let shape: Vec<usize> = array.shape().iter().map(|&extent| extent as usize).collect();
        if array.order() != Order::C {
            return Err(invalid(format!("{name} is not in C order")));
        }
        let kind = match array.dtype() {
            DType::Plain(kind) => kind.type_char(),
            _ => return Err(invalid(format!("{name} has records"))),
        };
        match kind {
            TypeChar::UnicodeStr => members.meta = array.into_vec::<String>()?.concat(),
            TypeChar::Uint => {
                let sizes = array.into_vec::<u32>()?;
                members.batch_sizes = Some(sizes.into_iter().map(|n| n as usize).collect());
            }
            _ => {
                let values = array.into_vec::<f32>()?;
                members.arrays.insert(name, Tensor { shape, values });
            }
        }
    }
    Ok(members)
}

fn assemble(name: &str, members: Members) -> io::Result<Golden> {
    let Members { meta, batch_sizes, arrays } = members;
    let meta: Meta = serde_json::from_str(&meta)?;
    let optional = |name: &str| arrays.get(name).map(|tensor| widen(&tensor.values));
    let required = |name: &str| optional(name).ok_or_else(|| invalid(format!("no {name}")));
    let [input, forget, candidate, output] =
        ["input", "forget", "candidate", "output"].map(|gate| read_gate(gate, &meta, &arrays));
    let layer = Layer {
        input_size: meta.input_size,
        hidden_size: meta.hidden_size,
        batch_size: meta.batch_size,
        num_layers: meta.num_layers,
        seq_len: meta.seq_len,
        bidirectional: meta.bidirectional,
        gates: Gates { input: input?, forget: forget?, candidate: candidate?, output: output? },
        hidden_activation: read_activation("hidden", &meta)?,
        variant: Variant::default(),
        projection: arrays.get("projection").and_then(|tensor| {
            let size = *tensor.shape.get(2)?;
            Some(Projection { size, weights: widen(&tensor.values) })
        }),
        batch_sizes,
    };
    let inputs = Inputs { x: required("x")?, h0: optional("h0"), c0: optional("c0") };
    layer.check().and_then(|()| inputs.check(&layer)).map_err(invalid)?;
    let outputs = Outputs { y: required("y")?, hn: required("hn")?, cn: required("cn")? };
    let incoming = Incoming {
        dy: Some(required("dy")?),
        dhn: Some(required("dhn")?),
        dcn: Some(required("dcn")?),
    };
    let gradients = arrays.iter().filter_map(|(name, tensor)| {
        name.strip_prefix("grad.").map(|name| (name.to_owned(), tensor.clone()))
    });
    let gradients = gradients.collect();
    Ok(Golden { name: name.to_owned(), layer, inputs, outputs, incoming, gradients, arrays })
}

fn read_activation(gate: &str, meta: &Meta) -> io::Result<Activation> {
    let entry = meta.activations.get(gate);
    let (name, alpha, beta) = entry.ok_or_else(|| invalid(format!("no activation of {gate}")))?;
    let function = activation::number(name).ok_or_else(|| invalid(format!("unknown {name}")))?;
    Ok(Activation { function, alpha: *alpha, beta: *beta })
}

fn read_gate(gate: &str, meta: &Meta, arrays: &BTreeMap<String, Tensor>) -> io::Result<Gate> {
    let optional = |name: &str| arrays.get(&format!("{gate}.{name}"));
    let required = |name: &str| {
        let found = optional(name).map(|tensor| widen(&tensor.values));
        found.ok_or_else(|| invalid(format!("no {gate}.{name}")))
    };
    let mut iw = vec![required("iw0")?];
    if meta.num_layers > 1 {
        let upper = required("iw1")?;
        let per_layer = (upper.len() / (meta.num_layers - 1)).max(1);
        iw.extend(upper.chunks(per_layer).map(<[f64]>::to_vec));
    }
    let cw = optional("cw").map(|tensor| (tensor.shape.len(), widen(&tensor.values)));
    Ok(Gate {
        iw,
        hw: required("hw")?,
        cw: match cw {
            None => Peephole::None,
            Some((4, weights)) => Peephole::Full(weights),
            Some((3, weights)) => Peephole::Diagonal(weights),
            Some((rank, _)) => return Err(invalid(format!("{gate}.cw of rank {rank}"))),
        },
        b: optional("b").map(|tensor| widen(&tensor.values)),
        activation: read_activation(gate, meta)?,
    })
}
