//! Which core a thread runs on: no matter here.

/// A core that helping threads leave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Core;

impl Core {
    pub(super) const NONE: Self = Self;

    pub(super) fn current() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as the core has it")]
    pub(super) fn move_off(self) {}
}
