//! An LSTM to and from files of safetensors.
//!
//! In: the bytes of a file. Out: an [`Lstm`], or every reason why not; and the way back. The files are those of the
//! Python package: weights by their names, initial states as `state.h` and `state.c`, and in the metadata `format`,
//! `version` and the configuration as JSON (`metadata`, with `reader`, `functions` and `json`). Weights of `PyTorch`
//! have no configuration: it follows from names and shapes (`torch`). The crate `safetensors` reads and writes the
//! bytes; `entries` makes arrays of them. No memory is asked for by a number that a file contains.

mod entries;
mod functions;
mod json;
mod metadata;
mod reader;
mod torch;

use super::batch::{LstmState, check_state};
use super::module::Lstm;
use super::parameters::Parameters;
use super::structure::check_config;
use crate::error::{Code, DescriptorError, Error, Issue, Path};
use crate::plan::Options;
use entries::Entries;
use metadata::Described;
use std::fs;

/// The names of initial states.
const STATES: [&str; 2] = ["state.h", "state.c"];

impl Lstm {
    /// An LSTM from a file that [`save`](Self::save), or `LSTM.save` of the Python package, has written.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for a file that cannot be read, [`Error::Descriptor`] with every reason why it is not taken,
    /// [`Error::OutOfMemory`].
    pub fn load(path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        Self::from_bytes(&read(path.as_ref())?)
    }

    /// As [`load`](Self::load), from the content of a file.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_bytes(content: &[u8]) -> Result<Self, Error> {
        let (entries, metadata) = Entries::read(content)?;
        let Described { config, lengths } = metadata::read(&metadata, entries.len())?;
        check_config(&config, 0, config.own_issues())?;
        let names = super::parameters::shapes(&config);
        let names: Vec<_> =
            names.into_iter().map(|(name, shape)| (name.clone(), name, shape)).collect();
        let issues = entries.issues(&names, "", &STATES);
        DescriptorError::from_issues(issues).map_or(Ok(()), Err)?;
        let mut parameters = Parameters::zeros(&config)?;
        entries.fill(&names, &mut parameters)?;
        let mut lstm = Self::with(config, Options::default(), parameters);
        lstm.initial_state = state_of(&entries)?;
        lstm.lengths = lengths;
        lstm.check_carried()?;
        Ok(lstm)
    }

    /// Write configuration and weights as a file, which [`load`](Self::load), and `LSTM.load` of the Python package,
    /// read. What was there before stays until the new file is complete.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for a file that cannot be written, and those of [`to_bytes`](Self::to_bytes).
    pub fn save(&self, path: impl AsRef<std::path::Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let content = self.to_bytes()?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".incomplete");
        let incomplete = path.with_file_name(name);
        fs::write(&incomplete, content).map_err(|reason| failed(&incomplete, &reason))?;
        fs::rename(&incomplete, path).map_err(|reason| failed(path, &reason))
    }

    /// The content of the file that [`save`](Self::save) writes.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLayer`] where weights of an LSTM with another configuration were put in the place of its own.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.parameters.check(&self.config)?;
        let mut arrays: Vec<_> = self.parameters.iter().collect();
        if let Some(LstmState { h, c }) = &self.initial_state {
            let [h_name, c_name] = STATES;
            arrays.extend([(h_name, h.view().into_dyn()), (c_name, c.view().into_dyn())]);
        }
        entries::write(arrays, metadata::write(&self.config, self.lengths.as_deref()))
    }

    /// An LSTM with the weights of `PyTorch`'s `nn.LSTM`, from a safetensors file of a state dict. `prefix` is what
    /// stands before the LSTM's own names, such as `"encoder.lstm."`; other entries of the file are not looked at.
    ///
    /// Sizes, layers, directions and biases follow from names and shapes. Whether the batch is the first axis, and
    /// dropout, are not said there; they are as [`Lstm::builder`] has them. Weights of 16 bits become float32 exactly,
    /// those of 64 bits are rounded.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), naming everything that is missing, surplus, of another shape or not supported.
    pub fn from_torch(path: impl AsRef<std::path::Path>, prefix: &str) -> Result<Self, Error> {
        Self::from_torch_bytes(&read(path.as_ref())?, prefix)
    }

    /// As [`from_torch`](Self::from_torch), from the content of a file.
    ///
    /// # Errors
    ///
    /// As [`from_torch`](Self::from_torch).
    pub fn from_torch_bytes(content: &[u8], prefix: &str) -> Result<Self, Error> {
        let (entries, _) = Entries::read(content)?;
        let config = torch::config_of(&entries, prefix)?;
        check_config(&config, 0, Vec::new())?;
        let names = super::parameters::shapes(&config);
        let names: Vec<_> = names
            .into_iter()
            .map(|(name, shape)| (format!("{prefix}{name}"), name, shape))
            .collect();
        let issues = entries.issues(&names, prefix, &[]);
        DescriptorError::from_issues(issues).map_or(Ok(()), Err)?;
        let mut parameters = Parameters::zeros(&config)?;
        entries.fill(&names, &mut parameters)?;
        Ok(Self::with(config, Options::default(), parameters))
    }

    /// Whether initial states and lengths fit the configuration and each other.
    fn check_carried(&self) -> Result<(), DescriptorError> {
        let mut issues = Vec::new();
        let samples = self.initial_state.as_ref().map(|state| state.h.shape()[1]);
        if let (Some(state), Some(samples)) = (&self.initial_state, samples) {
            check_state(&self.config, samples, state, "state", &mut issues);
        }
        if let Some(lengths) = &self.lengths {
            let wanted = samples.unwrap_or(lengths.len());
            if lengths.is_empty() || lengths.len() != wanted {
                let expected = format!("{}, one for each sample", wanted.max(1));
                issues.push(Issue {
                    path: Path::field("lengths"),
                    code: Code::SizeMismatch,
                    expected,
                    actual: lengths.len().to_string(),
                });
            }
        }
        DescriptorError::from_issues(issues).map_or(Ok(()), Err)
    }
}

/// The initial states that a file carries.
fn state_of(entries: &Entries<'_>) -> Result<Option<LstmState>, Error> {
    let [h, c] = STATES.map(|name| entries.state(name));
    match (h?, c?) {
        (Some(h), Some(c)) => Ok(Some(LstmState { h, c })),
        (None, None) => Ok(None),
        (h, _) => Err(Error::from(Issue {
            path: Path::entry(STATES[usize::from(h.is_some())]),
            code: Code::MissingEntry,
            expected: "both initial states, state.h and state.c".to_owned(),
            actual: "only one of them".to_owned(),
        })),
    }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|reason| failed(path, &reason))
}

fn failed(path: &std::path::Path, reason: &std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), reason: reason.to_string() }
}
