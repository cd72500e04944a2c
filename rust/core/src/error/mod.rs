//! What can go wrong, said so that the reader can mend it.
//!
//! In: findings of `check`, `plan` and `run`. Out: [`DescriptorError`], a list of [`Issue`]s in reading
//! order, and [`Error`], which every fallible function returns. This module knows no descriptor and no
//! array, only paths, codes and texts.

mod code;
mod path;

pub use code::Code;
pub use path::Path;

use std::fmt;

/// One finding about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Which field, for example `input_gate.iw_desc[0].size[1]`.
    pub path: Path,
    /// What kind of fault, stable across versions.
    pub code: Code,
    /// What the field should have held.
    pub expected: String,
    /// What it held.
    pub actual: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, code, expected, actual } = self;
        write!(f, "{path}: expected {expected}, found {actual} [{}]", code.name())
    }
}

/// All faults of a structure, of the arguments of a call or of a file, in reading order; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", render(.issues))]
pub struct DescriptorError {
    issues: Vec<Issue>,
}

impl DescriptorError {
    /// An error from its issues, sorted into reading order; `None` when there are none.
    pub fn from_issues(mut issues: Vec<Issue>) -> Option<Self> {
        issues.sort_by_cached_key(|issue| issue.path.reading_order());
        (!issues.is_empty()).then_some(Self { issues })
    }

    /// A refusal without a finding, so that an oversight in `check` cannot become a panic.
    pub(crate) fn unexplained() -> Self {
        let issue = Issue {
            path: Path::field("params"),
            code: Code::WrongType,
            expected: "a structure that can be computed".to_owned(),
            actual: "one that check refused without a finding (please report this)".to_owned(),
        };
        Self { issues: vec![issue] }
    }

    /// The issues, at least one, in the order in which the structure's fields stand.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl From<Issue> for DescriptorError {
    fn from(issue: Issue) -> Self {
        Self { issues: vec![issue] }
    }
}

impl From<Issue> for Error {
    fn from(issue: Issue) -> Self {
        Self::Descriptor(issue.into())
    }
}

fn render(issues: &[Issue]) -> String {
    let lines: Vec<String> = issues.iter().map(ToString::to_string).collect();
    match lines.as_slice() {
        [only] => only.clone(),
        _ => format!("{} problems:\n  {}", lines.len(), lines.join("\n  ")),
    }
}

/// A broken promise between modules of this library: what was found. Small, since it comes back from the
/// innermost loops over steps; it becomes [`Error::Internal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

impl From<Broken> for Error {
    fn from(Broken(what): Broken) -> Self {
        Self::Internal { what }
    }
}

/// Everything that a call of this crate can fail with. Whatever the error, no output was written, but for
/// [`Error::Internal`] and [`Error::Interrupted`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The structure says something that cannot be computed.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// An array handed to a planned call is not the one that was planned for.
    #[error("{path}: expected an array of shape {expected}, found {actual}")]
    ArrayMismatch {
        /// Which array.
        path: Path,
        /// The planned shape.
        expected: String,
        /// The shape that came.
        actual: String,
    },
    /// A workspace that was made for another plan.
    #[error("{what}: expected one made for this plan, found one made for another")]
    WrongPlan {
        /// What was handed in.
        what: &'static str,
    },
    /// Packed weights or a plan of another layer, or of another SIMD level.
    #[error("{what}: expected one of this layer at this SIMD level, found one of another")]
    WrongLayer {
        /// What was handed in.
        what: &'static str,
    },
    /// A backward call over checkpoints computes steps again, with the weights of the forward pass.
    #[error("forward weights: expected them for a cache with checkpoints, found none")]
    NoForwardWeights,
    /// Something that this library made does not fit together. Outputs may have been written.
    #[error("internal error: {what} (please report this)")]
    Internal {
        /// What was found.
        what: &'static str,
    },
    /// The caller has ended the call before it was done. Outputs hold anything, a training cache nothing that can
    /// be used; the next call with the same plan, weights and workspace is as any other.
    #[error("the call was interrupted; its outputs hold anything")]
    Interrupted,
    /// The training cache cannot be used for this call.
    #[error("{0}")]
    Cache(Issue),
    /// A call with a cache needs a plan and weights for training.
    #[error("{what}: expected for training, found for inference only")]
    NotForTraining {
        /// What was handed in.
        what: &'static str,
    },
    /// The workspace or the packed weights do not fit into memory.
    #[error("out of memory: {bytes} bytes for {what} could not be allocated")]
    OutOfMemory {
        /// What the memory was for.
        what: &'static str,
        /// How much was asked for.
        bytes: usize,
    },
    /// A file could not be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The requested SIMD level does not exist on this machine.
    #[error("SIMD level: expected one of {available}, found {requested:?}")]
    UnknownLevel {
        /// What was asked for.
        requested: String,
        /// What this machine has, separated by commas.
        available: String,
    },
    /// A route of matrix products that does not exist.
    #[error("products: expected panels or gemm, found {requested:?}")]
    UnknownRoute {
        /// What was asked for.
        requested: String,
    },
    /// The threads could not be started.
    #[error("could not start {n_threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        n_threads: usize,
        /// What the system said.
        reason: String,
    },
}
