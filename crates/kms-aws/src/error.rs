//! What can go wrong with AWS KMS and with no other.

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

/// What can go wrong with AWS KMS and with no other. Errors that every KMS has are
/// [`KmsError`]s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AwsKmsError {
    /// Whoever is between could read the data keys that travel there.
    #[error("{endpoint} is neither encrypted nor on this machine")]
    EndpointInsecure {
        /// The endpoint, as it was configured or as the environment has it.
        endpoint: String,
    },
    /// The key is of a kind that nothing here uses.
    #[error("KMS key {id} is of the kind {kind}, which the vault has no use for")]
    KeyKindUnknown {
        /// The key.
        id: KmsKeyId,
        /// Key spec and usage, as AWS names them.
        kind: String,
    },
    /// Neither the configuration nor the environment names a region.
    #[error("no AWS region is configured")]
    NoRegion,
    /// Without real credentials only this machine is talked to.
    #[error("{endpoint} is not on this machine, so it is not talked to without credentials")]
    RehearsalElsewhere {
        /// The endpoint that was configured, or that AWS would be asked at.
        endpoint: String,
    },
    /// AWS refuses the request for a reason of its own.
    #[error("AWS refuses {operation}: {reason}")]
    RequestRefused {
        /// What was asked.
        operation: KmsOperation,
        /// The code and the message of AWS.
        reason: String,
    },
}

impl AwsKmsError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[
        code::ENDPOINT_INSECURE,
        code::KEY_KIND_UNKNOWN,
        code::NO_REGION,
        code::REHEARSAL_ELSEWHERE,
        code::REQUEST_REFUSED,
    ];
}

impl Coded for AwsKmsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::EndpointInsecure { .. } => code::ENDPOINT_INSECURE,
            Self::KeyKindUnknown { .. } => code::KEY_KIND_UNKNOWN,
            Self::NoRegion => code::NO_REGION,
            Self::RehearsalElsewhere { .. } => code::REHEARSAL_ELSEWHERE,
            Self::RequestRefused { .. } => code::REQUEST_REFUSED,
        }
    }
}

impl From<AwsKmsError> for KmsError {
    fn from(error: AwsKmsError) -> Self {
        Self::provider(error)
    }
}

mod code {
    use super::{Category, ErrorCode};

    pub(super) const ENDPOINT_INSECURE: ErrorCode = ErrorCode::new(
        "KMS_AWS_ENDPOINT_INSECURE",
        Category::InvalidRequest,
        "Use https://, or a proxy on 127.0.0.1, and look into AWS_ENDPOINT_URL too: data keys travel there readable inside of TLS.",
    );
    pub(super) const KEY_KIND_UNKNOWN: ErrorCode = ErrorCode::new(
        "KMS_AWS_KEY_KIND_UNKNOWN",
        Category::Unsupported,
        "Name a key that signs on P-256, P-384, secp256k1, Ed25519 or ML-DSA-65, or decrypts with RSA-2048.",
    );
    pub(super) const NO_REGION: ErrorCode = ErrorCode::new(
        "KMS_AWS_NO_REGION",
        Category::InvalidRequest,
        "Set region in the section of this KMS, or the environment variable AWS_REGION.",
    );
    pub(super) const REHEARSAL_ELSEWHERE: ErrorCode = ErrorCode::new(
        "KMS_AWS_REHEARSAL_ELSEWHERE",
        Category::InvalidRequest,
        "Rehearse against a simulator on 127.0.0.1, or use credentials of AWS.",
    );
    pub(super) const REQUEST_REFUSED: ErrorCode = ErrorCode::new(
        "KMS_AWS_REQUEST_REFUSED",
        Category::InvalidRequest,
        "Read what AWS says. Tags, labels and key ids must be such as AWS takes; the service must be offered in the region.",
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_say_which_kms() {
        let names: BTreeSet<_> = AwsKmsError::CODES.iter().map(ErrorCode::name).collect();
        assert_eq!(names.len(), AwsKmsError::CODES.len());
        assert!(names.iter().all(|name| name.starts_with("KMS_AWS_")));
    }
}
