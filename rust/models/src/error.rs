//! What can go wrong in the files of the core.

/// Something that cannot be, as the core says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

/// The errors that these files make.
#[derive(Debug)]
#[expect(dead_code, reason = "a failed check prints them")]
pub(crate) enum Error {
    OutOfMemory { what: &'static str, bytes: usize },
    Interrupted,
    Broken(Broken),
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}
