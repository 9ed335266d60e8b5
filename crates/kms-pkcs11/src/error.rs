//! What can go wrong with a token.

use std::path::PathBuf;

use strongroom_crypto::{KeyError, RandomError};
use strongroom_errors::{Coded, ErrorCode};
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use crate::settings::TokenName;

mod code;

/// What can go wrong with a token. Errors about a single key are [`KmsError`]s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// The token refused a call for a reason that fits to no other error here.
    #[error("the token refused a call")]
    CallRefused {
        /// The function and its return code.
        source: cryptoki::error::Error,
    },
    /// A deletion can be scheduled for 7 to 30 days ahead.
    #[error("a deletion is scheduled {min} to {max} days ahead, not {days}")]
    DeletionWindowInvalid {
        /// What was asked for.
        days: u32,
        /// The shortest.
        min: u32,
        /// The longest.
        max: u32,
    },
    /// Several key objects of one CKA_ID: somebody copied one or imported another under its id.
    #[error("the token holds {count} private keys with the id of {id}")]
    KeyAmbiguous {
        /// The key.
        id: KmsKeyId,
        /// How many there are.
        count: usize,
    },
    /// The token made a key that is not as safe as was asked for; it was destroyed again.
    #[error("the token does not protect a new key: {attribute} is not as it was asked for")]
    KeyUnprotected {
        /// The attribute, as PKCS#11 calls it.
        attribute: &'static str,
    },
    /// The library cannot be loaded or initialized.
    #[error("the PKCS#11 library {} cannot be used", .path.display())]
    ModuleUnusable {
        /// The library.
        path: PathBuf,
        /// What the loader or the library says.
        source: cryptoki::error::Error,
    },
    /// Nothing to cancel.
    #[error("the deletion of {id} is not scheduled")]
    NotPendingDeletion {
        /// The key.
        id: KmsKeyId,
    },
    /// The token does not let us in. It is not asked again with this PIN, since tokens lock themselves after a few tries.
    #[error("the token refused the PIN")]
    PinRefused {
        /// The return code of the token: wrong, locked, expired, not set.
        reason: String,
    },
    /// The public half that the token shows is no valid key.
    #[error("the token shows an invalid public key")]
    PublicKey(#[from] KeyError),
    /// No randomness.
    #[error("no random bytes for a key")]
    Random(#[from] RandomError),
    /// What we stored about a key is not readable.
    #[error("the record of the key \"{label}\" on the token is damaged or newer than this program")]
    RecordDamaged {
        /// The label of the record, which is the id of the key.
        label: String,
    },
    /// The settings cannot work.
    #[error("the settings of the PKCS#11 token are invalid: {what}")]
    SettingsInvalid {
        /// What is wrong with them.
        what: &'static str,
    },
    /// Several tokens have the name.
    #[error("{count} tokens have {token}")]
    TokenAmbiguous {
        /// The name that was looked for.
        token: TokenName,
        /// How many there are.
        count: usize,
    },
    /// No token has the name.
    #[error("no token has {token}; there are: {}", Listed(.present))]
    TokenMissing {
        /// The name that was looked for.
        token: TokenName,
        /// Label and serial number of each token that is there.
        present: Vec<String>,
    },
    /// Neither role can be played with it.
    #[error("the token can neither wrap keys with AES-GCM nor sign with any supported key")]
    TokenUnfit,
    /// The token or its library does not answer.
    #[error("the token is not available")]
    Unavailable {
        /// The function and its return code.
        source: cryptoki::error::Error,
    },
}

impl Pkcs11Error {
    /// Every code that is this crate's own; wrapped errors keep theirs.
    pub const CODES: &'static [ErrorCode] = &[
        code::CALL_REFUSED,
        code::DELETION_WINDOW_INVALID,
        code::KEY_AMBIGUOUS,
        code::KEY_UNPROTECTED,
        code::MODULE_UNUSABLE,
        code::NOT_PENDING_DELETION,
        code::PIN_REFUSED,
        code::RECORD_DAMAGED,
        code::SETTINGS_INVALID,
        code::TOKEN_AMBIGUOUS,
        code::TOKEN_MISSING,
        code::TOKEN_UNFIT,
        code::UNAVAILABLE,
    ];
}

impl Coded for Pkcs11Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::CallRefused { .. } => code::CALL_REFUSED,
            Self::DeletionWindowInvalid { .. } => code::DELETION_WINDOW_INVALID,
            Self::KeyAmbiguous { .. } => code::KEY_AMBIGUOUS,
            Self::KeyUnprotected { .. } => code::KEY_UNPROTECTED,
            Self::ModuleUnusable { .. } => code::MODULE_UNUSABLE,
            Self::NotPendingDeletion { .. } => code::NOT_PENDING_DELETION,
            Self::PinRefused { .. } => code::PIN_REFUSED,
            Self::PublicKey(source) => source.code(),
            Self::Random(source) => source.code(),
            Self::RecordDamaged { .. } => code::RECORD_DAMAGED,
            Self::SettingsInvalid { .. } => code::SETTINGS_INVALID,
            Self::TokenAmbiguous { .. } => code::TOKEN_AMBIGUOUS,
            Self::TokenMissing { .. } => code::TOKEN_MISSING,
            Self::TokenUnfit => code::TOKEN_UNFIT,
            Self::Unavailable { .. } => code::UNAVAILABLE,
        }
    }
}

impl From<Pkcs11Error> for KmsError {
    fn from(error: Pkcs11Error) -> Self {
        match error {
            Pkcs11Error::PinRefused { .. } => Self::CredentialsRejected {
                source: Box::new(error),
            },
            // It was there when the KMS was opened, so it may come back.
            Pkcs11Error::Unavailable { .. } | Pkcs11Error::TokenMissing { .. } => {
                Self::Unavailable {
                    source: Box::new(error),
                }
            }
            Pkcs11Error::PublicKey(_) => Self::answer_invalid(KmsOperation::PublicKey, error),
            other => Self::provider(other),
        }
    }
}

/// Tokens separated by commas, or that there are none.
struct Listed<'a>(&'a [String]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            f.write_str("none")
        } else {
            f.write_str(&self.0.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_say_which_kms() {
        let names: BTreeSet<_> = Pkcs11Error::CODES.iter().map(ErrorCode::name).collect();
        assert_eq!(names.len(), Pkcs11Error::CODES.len());
        assert!(names.iter().all(|name| name.starts_with("KMS_PKCS11_")));
    }

    #[test]
    fn a_refused_pin_is_never_worth_a_retry() {
        let reason = "wrong".to_owned();
        let error = KmsError::from(Pkcs11Error::PinRefused { reason });
        assert!(matches!(error, KmsError::CredentialsRejected { .. }));
        assert!(!error.is_retryable());
    }
}
