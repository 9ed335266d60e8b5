//! What a key of a KMS is for.

use std::fmt;

use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};

/// What a key of a KMS is for, where it lists its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Wraps keys.
    Wrapper,
    /// Signs.
    Signing(SigningKeySpec),
    /// Decrypts.
    Encryption(EncryptionKeySpec),
}

impl KeyKind {
    /// The spec of an external key; `None` for a wrapper key.
    #[must_use]
    pub const fn spec(self) -> Option<KeySpec> {
        match self {
            Self::Wrapper => None,
            Self::Signing(spec) => Some(KeySpec::Signing(spec)),
            Self::Encryption(spec) => Some(KeySpec::Encryption(spec)),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec() {
            None => f.write_str("wrapper"),
            Some(spec) => write!(f, "{} {spec}", spec.purpose()),
        }
    }
}
