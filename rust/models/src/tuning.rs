//! How often threads look before they wait in earnest: never, as loom tries every order anyway.

pub(crate) const LOOKS: usize = 0;
pub(crate) const PAUSES: usize = 0;
pub(crate) const YIELDS: usize = 0;
pub(crate) const BETWEEN_QUESTIONS: u64 = 0;
