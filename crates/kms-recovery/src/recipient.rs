use std::{fmt, str::FromStr};

use crate::error::RecoveryError;

/// The public half of a recovery key: an X25519 recipient of age, `age1…`, 62 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    pub(crate) const fn new(recipient: age::x25519::Recipient) -> Self {
        Self(recipient)
    }

    pub(crate) const fn as_age(&self) -> &age::x25519::Recipient {
        &self.0
    }
}

impl FromStr for Recipient {
    type Err = RecoveryError;

    /// # Errors
    /// [`RecoveryError::NoRecipient`].
    fn from_str(text: &str) -> Result<Self, RecoveryError> {
        text.parse()
            .map(Self)
            .map_err(|_why: &str| RecoveryError::NoRecipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}
