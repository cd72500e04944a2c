//! The arrays of a file.
//!
//! In: the bytes of a file, which the crate `safetensors` takes apart. Out: [`Entries`], arrays by name as float32,
//! with a finding for what does not fit; and the bytes of a file. Floats of 16 bits become float32 exactly, those of
//! 64 bits are rounded, and refused where that overflows. It knows no LSTM but the names and shapes that are wanted.

use super::super::memory::zeros;
use super::super::parameters::Parameters;
use crate::error::{Code, DescriptorError, Error, Issue, Path};
use ndarray::{Array3, ArrayViewD, ArrayViewMutD};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, View};
use std::borrow::Cow;

/// How many surplus entries get an issue of their own.
const MOST: usize = 20;

/// The metadata of a file.
pub(super) type Metadata = Vec<(String, String)>;

/// An array that is wanted: its name in the file, its name in the LSTM, its shape.
pub(super) type Wanted = (String, String, Vec<usize>);

/// The arrays of a file by name.
#[derive(Debug)]
pub(super) struct Entries<'f>(SafeTensors<'f>);

impl<'f> Entries<'f> {
    /// Take a file apart.
    pub(super) fn read(content: &'f [u8]) -> Result<(Self, Metadata), DescriptorError> {
        // The header's length, 8 bytes, comes first; then JSON.
        let is_foreign = content.get(8) != Some(&b'{');
        let issue = |reason: String| {
            let code = if is_foreign { Code::ForeignFile } else { Code::DamagedFile };
            let expected = "a whole safetensors file";
            let path = Path::field("file");
            DescriptorError::from(Issue {
                path,
                code,
                expected: expected.to_owned(),
                actual: reason,
            })
        };
        let damaged = |reason: safetensors::SafeTensorError| {
            let kind = format!("a damaged one ({reason})");
            issue(if is_foreign { "another kind of file".to_owned() } else { kind })
        };
        let (_, header) = SafeTensors::read_metadata(content).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(content).map_err(damaged)?;
        let metadata = header.metadata().iter().flatten();
        let metadata = metadata.map(|(name, text)| (name.clone(), text.clone())).collect();
        Ok((Self(tensors), metadata))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The names, sorted.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names = self.0.names();
        names.sort_unstable();
        names
    }

    /// The shape of an array.
    pub(super) fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.tensor(name).ok().map(|tensor| tensor.shape().to_vec())
    }

    /// What is missing, surplus under a prefix, or of another shape or type.
    pub(super) fn issues(&self, wanted: &[Wanted], prefix: &str, others: &[&str]) -> Vec<Issue> {
        let mut issues = Vec::new();
        for (name, _, shape) in wanted {
            let issue = |code, expected: String, actual: String| {
                Some(Issue { path: Path::entry(name.as_str()), code, expected, actual })
            };
            issues.extend(match self.0.tensor(name) {
                Err(_) => {
                    let expected = format!("an array of shape {shape:?}");
                    issue(Code::MissingEntry, expected, "no such entry".to_owned())
                }
                Ok(tensor) if tensor.shape() != shape => {
                    let (expected, actual) =
                        (format!("{shape:?}"), format!("{:?}", tensor.shape()));
                    issue(Code::SizeMismatch, expected, actual)
                }
                Ok(tensor) => type_issue(name, &tensor),
            });
        }
        let is_known =
            |name: &&str| wanted.iter().any(|(own, ..)| own == name) || others.contains(name);
        let under = self.names().into_iter().filter(|name| name.starts_with(prefix));
        let surplus: Vec<_> = under.filter(|name| !is_known(name)).collect();
        let known: Vec<_> = wanted.iter().map(|(name, ..)| name.as_str()).collect();
        let known = format!("only {}", known.join(", "));
        for name in surplus.iter().take(MOST) {
            let (path, code) = (Path::entry(*name), Code::UnexpectedEntry);
            let (expected, actual) = (known.clone(), "an unexpected entry".to_owned());
            issues.push(Issue { path, code, expected, actual });
        }
        if surplus.len() > MOST {
            let actual = format!("{} more unexpected entries", surplus.len() - MOST);
            let path = Path::entry(format!("entries under {prefix:?}"));
            issues.push(Issue { path, code: Code::UnexpectedEntry, expected: known, actual });
        }
        issues
    }

    /// Copy the arrays, which have no [`issues`](Self::issues).
    pub(super) fn fill(&self, wanted: &[Wanted], to: &mut Parameters) -> Result<(), Error> {
        for (name, own, _) in wanted {
            let what = "an array that was found is not there";
            let tensor = self.0.tensor(name).map_err(|_| Error::Internal { what })?;
            let array = to.get_mut(own).ok_or(Error::Internal { what })?;
            decode(name, &tensor, array)?;
        }
        Ok(())
    }

    /// An initial state, if the file has one.
    pub(super) fn state(&self, name: &'static str) -> Result<Option<Array3<f32>>, Error> {
        let Ok(tensor) = self.0.tensor(name) else { return Ok(None) };
        if let Some(issue) = type_issue(name, &tensor) {
            return Err(issue.into());
        }
        let &[stack, samples, values] = tensor.shape() else {
            return Err(Error::from(Issue {
                path: Path::entry(name),
                code: Code::SizeMismatch,
                expected: "[layers * directions, batch, hidden]".to_owned(),
                actual: format!("{:?}", tensor.shape()),
            }));
        };
        // The file holds as many numbers.
        let mut state = zeros((stack, samples, values), "states")?;
        decode(name, &tensor, state.view_mut().into_dyn())?;
        Ok(Some(state))
    }
}

fn type_issue(name: &str, tensor: &TensorView<'_>) -> Option<Issue> {
    let is_float = matches!(tensor.dtype(), Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64);
    (!is_float).then(|| Issue {
        path: Path::entry(name),
        code: Code::UnsupportedDataType,
        expected: "F16, BF16, F32 or F64".to_owned(),
        actual: format!("{:?}", tensor.dtype()),
    })
}

/// Copy an array of floats of any type.
fn decode(
    name: &str,
    tensor: &TensorView<'_>,
    mut to: ArrayViewMutD<'_, f32>,
) -> Result<(), Error> {
    fn each<const N: usize>(
        bytes: &[u8],
        to: &mut ArrayViewMutD<'_, f32>,
        read: impl Fn([u8; N]) -> f32,
    ) {
        let numbers = bytes.as_chunks::<N>().0;
        to.iter_mut().zip(numbers).for_each(|(to, &bytes)| *to = read(bytes));
    }
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::F16 => each(bytes, &mut to, |bytes| half(u16::from_le_bytes(bytes))),
        Dtype::BF16 => {
            each(bytes, &mut to, |bytes| {
                f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)
            });
        }
        Dtype::F64 => {
            each(bytes, &mut to, |bytes| f64::from_le_bytes(bytes) as f32);
            let is_too_large = |bytes: &[u8; 8]| {
                let number = f64::from_le_bytes(*bytes);
                number.is_finite() && !(number as f32).is_finite()
            };
            if let Some(bytes) = bytes.as_chunks::<8>().0.iter().find(|&bytes| is_too_large(bytes))
            {
                return Err(Error::from(Issue {
                    path: Path::entry(name),
                    code: Code::OutOfRange,
                    expected: "numbers of float32".to_owned(),
                    actual: f64::from_le_bytes(*bytes).to_string(),
                }));
            }
        }
        _ => each(bytes, &mut to, f32::from_le_bytes),
    }
    Ok(())
}

/// A number of IEEE half precision: sign, 5 bits of exponent (bias 15), 10 bits of fraction.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) =
        (u32::from(bits >> 15) << 31, u32::from(bits >> 10) & 31, u32::from(bits) & 1023);
    let magnitude = match exponent {
        // Subnormal: the fraction in units of 2^-24.
        0 => (fraction as f32) / 16_777_216.0,
        31 => f32::from_bits(0x7f80_0000 | fraction << 13),
        _ => f32::from_bits((exponent + 112) << 23 | fraction << 13),
    };
    f32::from_bits(magnitude.to_bits() | sign)
}

/// An array to be written.
struct Floats(Vec<usize>, Vec<u8>);

impl View for Floats {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.1)
    }

    fn data_len(&self) -> usize {
        self.1.len()
    }
}

/// The bytes of a file with these arrays.
pub(super) fn write(
    arrays: Vec<(&str, ArrayViewD<'_, f32>)>,
    metadata: Metadata,
) -> Result<Vec<u8>, Error> {
    let views = arrays.into_iter().map(|(name, array)| {
        let bytes = array.iter().flat_map(|number| number.to_le_bytes()).collect();
        (name, Floats(array.shape().to_vec(), bytes))
    });
    safetensors::serialize(views, Some(metadata.into_iter().collect()))
        .map_err(|_| Error::Internal { what: "a file could not be put together" })
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn half_precision_is_exact() {
        // From the definition of binary16 in IEEE 754: smallest, subnormal and normal, largest, special.
        let cases = [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3c00, 1.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xc000, -2.0),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
    }
}
