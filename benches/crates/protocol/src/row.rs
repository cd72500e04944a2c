//! The arrays of a row.
//!
//! In: the folder in which `benches/python/lib/crate_files.py` writes, and the name of a row. Out: a [`Row`].

use crate::failure::Failure;
use ndarray::{Array1, Array2, Array3, ArrayD, Dimension, Ix1, Ix2, Ix3};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is done with the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One step, whose final states are the initial ones of the next call.
    Step,
    /// A sequence from zero states.
    Forward,
    /// The same with samples of different lengths; outputs beyond their ends are 0.
    Ragged,
    /// Outputs and the gradients of input and weights, given those of the outputs.
    Train,
}

/// One direction of one layer; rows are those of the input, forget, candidate and output gate, H each.
#[derive(Debug)]
pub struct Weights {
    /// Input weights, `[4H, I]`.
    pub w: Array2<f32>,
    /// Hidden weights, `[4H, H]`.
    pub r: Array2<f32>,
    /// Biases, `[4H]`: the first of the two of the files; the second is 0.
    pub b: Array1<f32>,
}

/// A layer and what it reads.
#[derive(Debug)]
pub struct Row {
    /// What is done.
    pub kind: Kind,
    /// Inputs, `[T, B, I]`.
    pub x: Array3<f32>,
    /// Gradients of the outputs, `[T, B, D * H]`.
    pub dy: Array3<f32>,
    /// Steps of each sample, the longest first.
    pub lengths: Vec<usize>,
    /// By layer, then by direction.
    pub weights: Vec<Vec<Weights>>,
    /// Units of a layer and direction, H.
    pub hidden: usize,
    /// Before the names of the files.
    stem: PathBuf,
}

type Arrays = BTreeMap<String, ArrayD<f32>>;

impl Row {
    /// Read the files of a row. Its name begins with its kind.
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Self, Failure> {
        let kind = match name.split('.').next() {
            Some("step") => Kind::Step,
            Some("forward") => Kind::Forward,
            Some("ragged") => Kind::Ragged,
            Some("train") => Kind::Train,
            _ => return Err(format!("{name} is no row").into()),
        };
        let stem = folder.join(name);
        let mut call = read(&file(&stem, "call.safetensors"))?;
        let lengths = take::<Ix1>(&mut call, "lengths")?;
        let mut arrays = read(&file(&stem, "weights.safetensors"))?;
        let mut weights = Vec::new();
        while arrays.contains_key(&format!("weight_ih_l{}", weights.len())) {
            let forward = Weights::take(&mut arrays, &format!("l{}", weights.len()))?;
            let backward = format!("l{}_reverse", weights.len());
            let mut directions = vec![forward];
            if arrays.contains_key(&format!("weight_ih_{backward}")) {
                directions.push(Weights::take(&mut arrays, &backward)?);
            }
            weights.push(directions);
        }
        let lowest = weights.first().ok_or("a file without weights")?;
        Ok(Self {
            kind,
            x: take::<Ix3>(&mut call, "x")?,
            dy: take::<Ix3>(&mut call, "dy")?,
            lengths: lengths.iter().map(|&length| length as usize).collect(),
            hidden: lowest[0].r.ncols(),
            weights,
            stem,
        })
    }

    /// The weights by PyTorch's names.
    pub fn weights_file(&self) -> PathBuf {
        file(&self.stem, "weights.safetensors")
    }

    /// The layer as a model: `x`, `h0`, `c0` and, in ragged rows, `lengths` to `y` `[T, B, D * H]`, `hn`, `cn`.
    pub fn onnx_file(&self) -> PathBuf {
        file(&self.stem, "onnx")
    }

    /// Steps, samples, and values of an input.
    pub fn sizes(&self) -> (usize, usize, usize) {
        self.x.dim()
    }

    /// 1 or 2.
    pub fn directions(&self) -> usize {
        self.weights[0].len()
    }

    /// The shape of initial and final states, `[L * D, B, H]`.
    pub fn states(&self) -> [usize; 3] {
        [self.weights.len() * self.directions(), self.x.dim().1, self.hidden]
    }
}

impl Weights {
    fn take(arrays: &mut Arrays, place: &str) -> Result<Self, Failure> {
        Ok(Self {
            w: take::<Ix2>(arrays, &format!("weight_ih_{place}"))?,
            r: take::<Ix2>(arrays, &format!("weight_hh_{place}"))?,
            b: take::<Ix1>(arrays, &format!("bias_ih_{place}"))?,
        })
    }
}

fn file(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// All arrays of a file.
fn read(path: &Path) -> Result<Arrays, Failure> {
    let content = fs::read(path)?;
    let mut found = Arrays::new();
    for (name, view) in SafeTensors::deserialize(&content)?.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("{name} is of type {:?}", view.dtype()).into());
        }
        let (values, _) = view.data().as_chunks::<4>();
        let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        found.insert(name, ArrayD::from_shape_vec(view.shape(), values)?);
    }
    Ok(found)
}

fn take<D: Dimension>(arrays: &mut Arrays, name: &str) -> Result<ndarray::Array<f32, D>, Failure> {
    let found = arrays.remove(name).ok_or_else(|| format!("{name} is missing"))?;
    Ok(found.into_dimensionality::<D>()?)
}
