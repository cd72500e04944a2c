//! Files of LSTMs: the same as the Python package's, in both directions, and everything that is refused.
//!
//! `tests/python/support/crate_files.py` says what the stored files are. `UPDATE_DATA=1 cargo test --features
//! safetensors --test files` writes those of this side anew.

#![allow(missing_docs)]

#[path = "files/both_ways.rs"]
mod both_ways;
#[path = "files/refused.rs"]
mod refused;
#[path = "files/torch.rs"]
mod torch;

use bnns_lstm::Error;
use bnns_lstm::ndarray::{ArrayD, IxDyn};
use safetensors::{Dtype, SafeTensors, View};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Arrays by name.
pub(crate) type Arrays = BTreeMap<String, ArrayD<f32>>;

/// The arrays of a file of float32, and its metadata.
pub(crate) fn content(bytes: &[u8]) -> (Arrays, BTreeMap<String, String>) {
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    let arrays = tensors.tensors().into_iter().map(|(name, tensor)| {
        assert_eq!(tensor.dtype(), Dtype::F32);
        let numbers = tensor.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b));
        let array = ArrayD::from_shape_vec(IxDyn(tensor.shape()), numbers.collect()).unwrap();
        (name, array)
    });
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let metadata = header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone()));
    (arrays.collect(), metadata.collect())
}

/// An array of a file, of any type.
pub(crate) struct Raw(pub(crate) Dtype, pub(crate) Vec<usize>, pub(crate) Vec<u8>);

impl View for Raw {
    fn dtype(&self) -> Dtype {
        self.0
    }

    fn shape(&self) -> &[usize] {
        &self.1
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.2)
    }

    fn data_len(&self) -> usize {
        self.2.len()
    }
}

/// An array of float32.
pub(crate) fn floats(array: &ArrayD<f32>) -> Raw {
    let bytes = array.iter().flat_map(|number| number.to_le_bytes()).collect();
    Raw(Dtype::F32, array.shape().to_vec(), bytes)
}

/// The bytes of a file.
pub(crate) fn file(
    arrays: impl IntoIterator<Item = (String, Raw)>,
    metadata: &[(&str, &str)],
) -> Vec<u8> {
    let metadata = metadata.iter().map(|&(name, text)| (name.to_owned(), text.to_owned()));
    safetensors::serialize(arrays, Some(metadata.collect())).unwrap()
}

/// Path and code of each finding of an error.
pub(crate) fn findings<T>(result: Result<T, Error>) -> Vec<(String, &'static str)> {
    match result {
        Err(Error::Descriptor(error)) => {
            error.issues().iter().map(|i| (i.path.to_string(), i.code.name())).collect()
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => Vec::new(),
    }
}
