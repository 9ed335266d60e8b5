//! What can go wrong with Google Cloud KMS and with no other.

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

/// What can go wrong with Google Cloud KMS and with no other. Errors that every KMS has are
/// [`KmsError`]s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GcpKmsError {
    /// The client could not be made.
    #[error("the client of Google Cloud cannot be made: {reason}")]
    ClientUnusable {
        /// What the client says.
        reason: String,
    },
    /// An access token would travel readable.
    #[error("{endpoint} has no TLS and is not on this machine")]
    EndpointInsecure {
        /// The endpoint that was configured.
        endpoint: String,
    },
    /// The key is of a kind that nothing here uses.
    #[error("KMS key {id} is of the kind {kind}, which the vault has no use for")]
    KeyKindUnknown {
        /// The key.
        id: KmsKeyId,
        /// The algorithm, as Google names it.
        kind: String,
    },
    /// A key was made whose version could not be learnt, so that nobody can use it.
    #[error("the crypto key {crypto_key} was made, but not which version of it")]
    KeyUnnamed {
        /// The resource name of the crypto key.
        crypto_key: String,
        /// Why the version is not known.
        #[source]
        source: Box<KmsError>,
    },
    /// A text names no key, or no key ring.
    #[error("\"{name}\" is no name of a {what} of Google Cloud KMS")]
    NameInvalid {
        /// What it should name: `key` or `key ring`.
        what: &'static str,
        /// The text.
        name: String,
    },
    /// The version that made a wrap is switched off; the primary version is not.
    #[error(
        "the wrap was made by an older version of KMS key {id}, which is disabled or destroyed"
    )]
    OlderVersionUnusable {
        /// The wrapper key.
        id: KmsKeyId,
    },
    /// Without real credentials only this machine is talked to.
    #[error("{endpoint} is not on this machine, so it is not talked to without credentials")]
    RehearsalElsewhere {
        /// The endpoint that was configured, or that Google would be asked at.
        endpoint: String,
    },
    /// Google refuses the request for a reason of its own.
    #[error("Google refuses {operation}: {reason}")]
    RequestRefused {
        /// What was asked.
        operation: KmsOperation,
        /// The code and the message of Google.
        reason: String,
    },
    /// Several versions can be meant.
    #[error("KMS key {id} has several versions, of which {newest} is the newest")]
    VersionAmbiguous {
        /// The key, as it was named.
        id: KmsKeyId,
        /// The resource name of the newest one.
        newest: String,
    },
}

impl GcpKmsError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[
        code::CLIENT_UNUSABLE,
        code::ENDPOINT_INSECURE,
        code::KEY_KIND_UNKNOWN,
        code::KEY_UNNAMED,
        code::NAME_INVALID,
        code::OLDER_VERSION_UNUSABLE,
        code::REHEARSAL_ELSEWHERE,
        code::REQUEST_REFUSED,
        code::VERSION_AMBIGUOUS,
    ];
}

impl Coded for GcpKmsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::ClientUnusable { .. } => code::CLIENT_UNUSABLE,
            Self::EndpointInsecure { .. } => code::ENDPOINT_INSECURE,
            Self::KeyKindUnknown { .. } => code::KEY_KIND_UNKNOWN,
            Self::KeyUnnamed { .. } => code::KEY_UNNAMED,
            Self::NameInvalid { .. } => code::NAME_INVALID,
            Self::OlderVersionUnusable { .. } => code::OLDER_VERSION_UNUSABLE,
            Self::RehearsalElsewhere { .. } => code::REHEARSAL_ELSEWHERE,
            Self::RequestRefused { .. } => code::REQUEST_REFUSED,
            Self::VersionAmbiguous { .. } => code::VERSION_AMBIGUOUS,
        }
    }
}

impl From<GcpKmsError> for KmsError {
    fn from(error: GcpKmsError) -> Self {
        Self::provider(error)
    }
}

mod code {
    use super::{Category, ErrorCode};

    pub(super) const CLIENT_UNUSABLE: ErrorCode = ErrorCode::new(
        "KMS_GCP_CLIENT_UNUSABLE",
        Category::InvalidRequest,
        "Read what the client says. The endpoint must be a URL; credentials and endpoint must be of the same universe.",
    );
    pub(super) const ENDPOINT_INSECURE: ErrorCode = ErrorCode::new(
        "KMS_GCP_ENDPOINT_INSECURE",
        Category::InvalidRequest,
        "Use https://, or a proxy on 127.0.0.1: whoever sees an access token can use it.",
    );
    pub(super) const KEY_KIND_UNKNOWN: ErrorCode = ErrorCode::new(
        "KMS_GCP_KEY_KIND_UNKNOWN",
        Category::Unsupported,
        "Name a key that signs on P-256, P-384, secp256k1, Ed25519 or ML-DSA-65, or decrypts with RSA-2048.",
    );
    pub(super) const KEY_UNNAMED: ErrorCode = ErrorCode::new(
        "KMS_GCP_KEY_UNNAMED",
        Category::FailedPrecondition,
        "Register the key that was left behind by its name, or destroy its version in the KMS; then try again.",
    );
    pub(super) const NAME_INVALID: ErrorCode = ErrorCode::new(
        "KMS_GCP_NAME_INVALID",
        Category::InvalidRequest,
        "Write projects/P/locations/L/keyRings/R/cryptoKeys/K, with /cryptoKeyVersions/N for a private key.",
    );
    pub(super) const OLDER_VERSION_UNUSABLE: ErrorCode = ErrorCode::new(
        "KMS_GCP_OLDER_VERSION_UNUSABLE",
        Category::FailedPrecondition,
        "Enable or restore the older versions of the key; they are needed as long as anything is sealed under them.",
    );
    pub(super) const REHEARSAL_ELSEWHERE: ErrorCode = ErrorCode::new(
        "KMS_GCP_REHEARSAL_ELSEWHERE",
        Category::InvalidRequest,
        "Rehearse against a simulator on 127.0.0.1, or use credentials of Google.",
    );
    pub(super) const REQUEST_REFUSED: ErrorCode = ErrorCode::new(
        "KMS_GCP_REQUEST_REFUSED",
        Category::InvalidRequest,
        "Read what Google says. Labels and key names must be such as Google takes; key ring and location must be there.",
    );
    pub(super) const VERSION_AMBIGUOUS: ErrorCode = ErrorCode::new(
        "KMS_GCP_VERSION_AMBIGUOUS",
        Category::InvalidRequest,
        "Name the version: add /cryptoKeyVersions/N to the name of the key.",
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_say_which_kms() {
        let names: BTreeSet<_> = GcpKmsError::CODES.iter().map(ErrorCode::name).collect();
        assert_eq!(names.len(), GcpKmsError::CODES.len());
        assert!(names.iter().all(|name| name.starts_with("KMS_GCP_")));
    }
}
