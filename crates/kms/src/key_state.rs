//! What may be done with a key of a KMS now.

use std::fmt;

/// What may be done with a key of a KMS now. A key that is gone has no state: asking for it is
/// [`KmsError::KeyNotFound`](crate::KmsError::KeyNotFound).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// Switched off by an administrator; it can be enabled again.
    Disabled,
    /// Usable.
    Enabled,
    /// Just created, its material not there yet; ask again.
    PendingCreation,
    /// Its destruction is scheduled and can still be cancelled.
    PendingDeletion,
}

impl KeyState {
    /// Whether the key wraps, unwraps, signs and decrypts.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Enabled)
    }

    /// The stable name: `enabled`, `disabled`, `pending-creation`, `pending-deletion`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::PendingCreation => "pending-creation",
            Self::PendingDeletion => "pending-deletion",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
