//! What became of the attempts to open a vault.

use strongroom_errors::Coded;
use strongroom_kms::KmsError;
use strongroom_store::WrapRecord;

use super::VaultError;

/// One wrap that did not open the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrapAttempt {
    /// The configured name of the KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// The code of the failure.
    pub code: &'static str,
    /// What happened, in words.
    pub reason: String,
}

impl WrapAttempt {
    pub(crate) fn new(wrap: &WrapRecord, error: &VaultError) -> Self {
        Self {
            kms: wrap.kms.clone(),
            wrapper_key_id: wrap.wrapper_key_id.clone(),
            code: error.code().name(),
            reason: match error {
                VaultError::Kms(source) => in_words(source),
                other => other.to_string(),
            },
        }
    }
}

/// What a KMS said, with the part of it that says why: an error of its provider, or that it was not asked at all.
pub(crate) fn in_words(error: &KmsError) -> String {
    match error {
        KmsError::Provider(source) => source.to_string(),
        KmsError::Unavailable { source } if error.is_circuit_open() => format!("{error}: {source}"),
        other => other.to_string(),
    }
}
