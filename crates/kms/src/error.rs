//! What can go wrong with a KMS, by whose fault it is.

use std::fmt;
use std::time::Duration;

use strongroom_crypto::KeySpec;
use strongroom_errors::{Category, Coded, ErrorCode};

use crate::breaker::CircuitOpen;
use crate::key_id::{KmsKeyId, KmsKeyIdError};
use crate::operation::KmsOperation;
use crate::wrap_context::WrapContextError;

/// A cause that only serves people who read the log: the error of a client library.
pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong with a KMS.
///
/// The caller's fault: [`KeyNotFound`](Self::KeyNotFound), [`WrongPurpose`](Self::WrongPurpose), sizes, specs. The
/// administrator's: [`KeyDisabled`](Self::KeyDisabled), [`KeyPendingDeletion`](Self::KeyPendingDeletion),
/// [`Denied`](Self::Denied), [`CredentialsRejected`](Self::CredentialsRejected). Stored data:
/// [`UnwrapFailed`](Self::UnwrapFailed), [`DecryptFailed`](Self::DecryptFailed). The KMS:
/// [`Throttled`](Self::Throttled), [`Unavailable`](Self::Unavailable), [`TimedOut`](Self::TimedOut),
/// [`AnswerInvalid`](Self::AnswerInvalid).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// The KMS answered something that cannot be: a wrong checksum, a key id that is too long, no public key.
    #[error("the KMS gave an invalid answer to {operation}")]
    AnswerInvalid {
        /// What was asked.
        operation: KmsOperation,
        /// What is wrong with the answer.
        source: AnyError,
    },
    /// The credentials are missing, expired or wrong, or our clock is.
    #[error("the KMS did not accept our credentials")]
    CredentialsRejected {
        /// What the client library says.
        source: AnyError,
    },
    /// The ciphertext does not decrypt under this key. Why is not said.
    #[error("decrypting with KMS key {id} failed")]
    DecryptFailed {
        /// The key that was used.
        id: KmsKeyId,
    },
    /// The credentials are good but do not allow this.
    #[error("the KMS denies {operation}{}", OnKey(.id.as_ref()))]
    Denied {
        /// What was asked.
        operation: KmsOperation,
        /// The key, unless one was to be created.
        id: Option<KmsKeyId>,
    },
    /// An import ended halfway: the KMS has a key that may be without its material.
    #[error("the import into KMS key {id} was interrupted")]
    ImportInterrupted {
        /// The key that was made for it.
        id: KmsKeyId,
        /// Why it ended.
        source: AnyError,
    },
    /// The provider takes in no private keys of this spec.
    #[error("{provider} takes in no {} keys of the spec {spec}", .spec.purpose())]
    ImportUnsupported {
        /// The provider.
        provider: String,
        /// The spec.
        spec: KeySpec,
    },
    /// A text is no key id.
    #[error("the KMS key id is invalid")]
    InvalidKeyId(#[from] KmsKeyIdError),
    /// What should be imported is no sound private key of the spec, or the KMS does not take it for one.
    #[error("the private key cannot be imported")]
    InvalidPrivateKey {
        /// What is wrong with it. Tells nothing of the key.
        source: AnyError,
    },
    /// The pairs are no wrap context.
    #[error("the wrap context is invalid")]
    InvalidWrapContext(#[from] WrapContextError),
    /// The key was disabled by an administrator.
    #[error("KMS key {id} is disabled")]
    KeyDisabled {
        /// The key.
        id: KmsKeyId,
    },
    /// The KMS holds as many keys as it may.
    #[error("the KMS cannot hold another key")]
    KeyLimitReached,
    /// There is no such key, or it is not shown to us.
    #[error("KMS key {id} does not exist")]
    KeyNotFound {
        /// The key.
        id: KmsKeyId,
    },
    /// The key was created a moment ago and has no material yet.
    #[error("KMS key {id} is not ready yet")]
    KeyNotReady {
        /// The key.
        id: KmsKeyId,
    },
    /// The key will be destroyed and is not usable any more.
    #[error("KMS key {id} is scheduled for deletion")]
    KeyPendingDeletion {
        /// The key.
        id: KmsKeyId,
    },
    /// The plaintext, ciphertext or message is longer than the KMS takes.
    #[error("{operation} takes at most {max} bytes, not {actual}")]
    PayloadTooLarge {
        /// What was asked.
        operation: KmsOperation,
        /// The limit, in bytes.
        max: usize,
        /// What was given, in bytes.
        actual: usize,
    },
    /// A failure that only this provider knows; the code is its own.
    #[error("the KMS provider failed")]
    Provider(#[source] ProviderError),
    /// Too many calls.
    #[error("the KMS throttles our calls")]
    Throttled {
        /// How long it asks us to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// No answer in time. Whether the KMS did the work is unknown.
    #[error("the KMS did not answer {operation} in time")]
    TimedOut {
        /// What was asked.
        operation: KmsOperation,
    },
    /// The KMS cannot be reached, or says that it is broken. Whether it did the work is unknown.
    #[error("the KMS is not available")]
    Unavailable {
        /// What the client library says.
        source: AnyError,
    },
    /// The wrap does not open under this key and context. Why is not said.
    #[error("unwrapping with KMS key {id} failed")]
    UnwrapFailed {
        /// The wrapper key that was used.
        id: KmsKeyId,
    },
    /// Something was asked for with a property that this provider cannot give.
    #[error("{provider} does not do this: {property}")]
    UnsupportedRequest {
        /// The provider.
        provider: String,
        /// The property that was asked for: `multi-region`.
        property: &'static str,
    },
    /// The provider holds no keys of this spec.
    #[error("{provider} holds no {} keys of the spec {spec}", .spec.purpose())]
    UnsupportedSpec {
        /// The provider.
        provider: String,
        /// The spec.
        spec: KeySpec,
    },
    /// The key is there, but is of another kind than the operation needs.
    #[error("KMS key {id} is not made for {operation}")]
    WrongPurpose {
        /// The key.
        id: KmsKeyId,
        /// What was asked.
        operation: KmsOperation,
    },
}

impl KmsError {
    /// Every code that this crate gives out; those of [`Self::Provider`] are listed by their crates.
    pub const CODES: &'static [ErrorCode] = &[
        code::ANSWER_INVALID,
        code::CREDENTIALS_REJECTED,
        code::DECRYPT_FAILED,
        code::DENIED,
        code::KEY_DISABLED,
        code::IMPORT_INTERRUPTED,
        code::IMPORT_UNSUPPORTED,
        KmsKeyIdError::CODE,
        code::INVALID_PRIVATE_KEY,
        code::KEY_LIMIT_REACHED,
        code::KEY_NOT_FOUND,
        code::KEY_NOT_READY,
        code::KEY_PENDING_DELETION,
        code::PAYLOAD_TOO_LARGE,
        code::THROTTLED,
        code::TIMED_OUT,
        code::UNAVAILABLE,
        code::UNSUPPORTED_REQUEST,
        code::UNSUPPORTED_SPEC,
        code::UNWRAP_FAILED,
        WrapContextError::CODE,
        code::WRONG_PURPOSE,
    ];

    /// A failure that only one provider knows, kept with its own code.
    pub fn provider(cause: impl Coded + Send + Sync + 'static) -> Self {
        Self::Provider(ProviderError(Box::new(cause)))
    }

    /// Whether the same call may succeed later without anybody doing anything.
    ///
    /// Check [`KmsOperation::is_idempotent`] too before repeating: see [`Self::outcome_is_unknown`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::KeyNotReady { .. } => true,
            other => {
                matches!(
                    other.code().category(),
                    Category::Unavailable | Category::Contention | Category::ResourceExhausted
                ) && !matches!(
                    other,
                    Self::KeyLimitReached | Self::ImportInterrupted { .. }
                )
            }
        }
    }

    /// An answer to `operation` that cannot be; `source` says what is wrong with it.
    #[must_use]
    pub fn answer_invalid(operation: KmsOperation, source: impl Into<AnyError>) -> Self {
        Self::AnswerInvalid {
            operation,
            source: source.into(),
        }
    }

    /// Whether the KMS may have done the work although the call failed. What only a provider knows
    /// ([`Self::Provider`]) may be anything, unless it is that the request was wrong.
    #[must_use]
    pub fn outcome_is_unknown(&self) -> bool {
        match self {
            Self::TimedOut { .. }
            | Self::Unavailable { .. }
            | Self::AnswerInvalid { .. }
            | Self::ImportInterrupted { .. } => true,
            Self::Provider(source) => !matches!(
                source.code().category(),
                Category::InvalidRequest | Category::Unsupported
            ),
            _ => false,
        }
    }

    /// Whether a circuit breaker of ours refused the call: nothing was sent.
    #[must_use]
    pub fn is_circuit_open(&self) -> bool {
        matches!(self, Self::Unavailable { source } if source.is::<CircuitOpen>())
    }

    /// Whether the KMS, or the way to it, is broken: not the request, not our rights, not the key, and not the number of
    /// our calls.
    #[must_use]
    pub fn is_fault_of_kms(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Unavailable { .. } | Self::AnswerInvalid { .. } => true,
            Self::Provider(source) => matches!(
                source.code().category(),
                Category::Unavailable | Category::Internal
            ),
            _ => false,
        }
    }
}

impl Coded for KmsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AnswerInvalid { .. } => code::ANSWER_INVALID,
            Self::CredentialsRejected { .. } => code::CREDENTIALS_REJECTED,
            Self::DecryptFailed { .. } => code::DECRYPT_FAILED,
            Self::Denied { .. } => code::DENIED,
            Self::ImportInterrupted { .. } => code::IMPORT_INTERRUPTED,
            Self::ImportUnsupported { .. } => code::IMPORT_UNSUPPORTED,
            Self::InvalidKeyId(source) => source.code(),
            Self::InvalidPrivateKey { .. } => code::INVALID_PRIVATE_KEY,
            Self::InvalidWrapContext(source) => source.code(),
            Self::KeyDisabled { .. } => code::KEY_DISABLED,
            Self::KeyLimitReached => code::KEY_LIMIT_REACHED,
            Self::KeyNotFound { .. } => code::KEY_NOT_FOUND,
            Self::KeyNotReady { .. } => code::KEY_NOT_READY,
            Self::KeyPendingDeletion { .. } => code::KEY_PENDING_DELETION,
            Self::PayloadTooLarge { .. } => code::PAYLOAD_TOO_LARGE,
            Self::Provider(source) => source.code(),
            Self::Throttled { .. } => code::THROTTLED,
            Self::TimedOut { .. } => code::TIMED_OUT,
            Self::Unavailable { .. } => code::UNAVAILABLE,
            Self::UnsupportedRequest { .. } => code::UNSUPPORTED_REQUEST,
            Self::UnsupportedSpec { .. } => code::UNSUPPORTED_SPEC,
            Self::UnwrapFailed { .. } => code::UNWRAP_FAILED,
            Self::WrongPurpose { .. } => code::WRONG_PURPOSE,
        }
    }
}

/// An error of a provider's own, with its code.
pub struct ProviderError(Box<dyn Coded + Send + Sync>);

impl fmt::Debug for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for ProviderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Coded for ProviderError {
    fn code(&self) -> ErrorCode {
        self.0.code()
    }
}

/// " on key X" where a key is concerned.
struct OnKey<'a>(Option<&'a KmsKeyId>);

impl fmt::Display for OnKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |id| write!(f, " on key {id}"))
    }
}

mod code {
    use strongroom_errors::{Category, ErrorCode};

    pub(super) const ANSWER_INVALID: ErrorCode = ErrorCode::new(
        "KMS_ANSWER_INVALID",
        Category::Internal,
        "Check that the endpoint is the KMS you mean and that nothing in between changes answers; then report it.",
    );
    pub(super) const CREDENTIALS_REJECTED: ErrorCode = ErrorCode::new(
        "KMS_CREDENTIALS_REJECTED",
        Category::PermissionDenied,
        "Renew the credentials of this process, and check that the machine's clock is right.",
    );
    pub(super) const DECRYPT_FAILED: ErrorCode = ErrorCode::new(
        "KMS_DECRYPT_FAILED",
        Category::InvalidRequest,
        "Check that the message was encrypted to this key's public half and arrived complete.",
    );
    pub(super) const DENIED: ErrorCode = ErrorCode::new(
        "KMS_DENIED",
        Category::PermissionDenied,
        "Give the process the KMS permission for this operation, or use a key that it may use.",
    );
    pub(super) const IMPORT_INTERRUPTED: ErrorCode = ErrorCode::new(
        "KMS_IMPORT_INTERRUPTED",
        Category::Unavailable,
        "Delete the key that was made for the import, which may be without its material, and import again.",
    );
    pub(super) const IMPORT_UNSUPPORTED: ErrorCode = ErrorCode::new(
        "KMS_IMPORT_UNSUPPORTED",
        Category::Unsupported,
        "Have the KMS make a new key and move to it, or use a KMS that takes in keys of this spec.",
    );
    pub(super) const INVALID_PRIVATE_KEY: ErrorCode = ErrorCode::new(
        "KMS_PRIVATE_KEY_INVALID",
        Category::InvalidRequest,
        "Check that the key is a sound private key of the spec that was named.",
    );
    pub(super) const KEY_DISABLED: ErrorCode = ErrorCode::new(
        "KMS_KEY_DISABLED",
        Category::FailedPrecondition,
        "Enable the key in the KMS, or find out who disabled it and why.",
    );
    pub(super) const KEY_LIMIT_REACHED: ErrorCode = ErrorCode::new(
        "KMS_KEY_LIMIT_REACHED",
        Category::ResourceExhausted,
        "Delete keys that are not used any more, or have the limit of the KMS raised.",
    );
    pub(super) const KEY_NOT_FOUND: ErrorCode = ErrorCode::new(
        "KMS_KEY_NOT_FOUND",
        Category::NotFound,
        "Check the key id, and that account, region, key ring or key file are those where the key was made.",
    );
    pub(super) const KEY_NOT_READY: ErrorCode = ErrorCode::new(
        "KMS_KEY_NOT_READY",
        Category::Unavailable,
        "Try again in a few seconds.",
    );
    pub(super) const KEY_PENDING_DELETION: ErrorCode = ErrorCode::new(
        "KMS_KEY_PENDING_DELETION",
        Category::FailedPrecondition,
        "Cancel the deletion in the KMS at once if anything still depends on this key; afterwards it is lost for good.",
    );
    pub(super) const PAYLOAD_TOO_LARGE: ErrorCode = ErrorCode::new(
        "KMS_PAYLOAD_TOO_LARGE",
        Category::InvalidRequest,
        "Send less: sign the hash of a long message; seal a large key under a data key instead of directly.",
    );
    pub(super) const THROTTLED: ErrorCode = ErrorCode::new(
        "KMS_THROTTLED",
        Category::ResourceExhausted,
        "Try again later; if it happens often, have the quota raised or use sealing under a data key.",
    );
    pub(super) const TIMED_OUT: ErrorCode = ErrorCode::new(
        "KMS_TIMED_OUT",
        Category::Unavailable,
        "Check the network to the KMS and try again.",
    );
    pub(super) const UNAVAILABLE: ErrorCode = ErrorCode::new(
        "KMS_UNAVAILABLE",
        Category::Unavailable,
        "Check the network to the KMS and its status page, and try again.",
    );
    pub(super) const UNSUPPORTED_REQUEST: ErrorCode = ErrorCode::new(
        "KMS_UNSUPPORTED_REQUEST",
        Category::Unsupported,
        "Ask for a key without this property, or use a KMS that has it.",
    );
    pub(super) const UNSUPPORTED_SPEC: ErrorCode = ErrorCode::new(
        "KMS_UNSUPPORTED_SPEC",
        Category::Unsupported,
        "Choose a key spec that this KMS holds, or keep the key in the vault (custody envelope).",
    );
    pub(super) const UNWRAP_FAILED: ErrorCode = ErrorCode::new(
        "KMS_UNWRAP_FAILED",
        Category::DataCorrupted,
        "Check that the database belongs to this KMS and was not edited; otherwise restore it from a backup.",
    );
    pub(super) const WRONG_PURPOSE: ErrorCode = ErrorCode::new(
        "KMS_WRONG_PURPOSE",
        Category::FailedPrecondition,
        "Name a key that was made for this: a symmetric one for wrapping, a signing one for signing.",
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;

    use super::*;

    #[test]
    fn codes_are_distinct_and_named_after_the_kms() {
        let names: BTreeSet<_> = KmsError::CODES.iter().map(ErrorCode::name).collect();
        assert_eq!(names.len(), KmsError::CODES.len());
        assert!(names.iter().all(|name| name.starts_with("KMS_")));
    }

    #[test]
    fn only_what_passes_by_itself_may_be_retried() {
        let id = || KmsKeyId::try_new("key").unwrap();
        assert!(KmsError::Throttled { retry_after: None }.is_retryable());
        assert!(
            KmsError::TimedOut {
                operation: KmsOperation::Sign
            }
            .is_retryable()
        );
        assert!(
            KmsError::Unavailable {
                source: io::Error::from(io::ErrorKind::ConnectionReset).into()
            }
            .is_retryable()
        );
        assert!(KmsError::KeyNotReady { id: id() }.is_retryable());
        assert!(!KmsError::KeyLimitReached.is_retryable());
        let interrupted = KmsError::ImportInterrupted {
            id: id(),
            source: "no answer".into(),
        };
        assert!(!interrupted.is_retryable() && interrupted.outcome_is_unknown());
        assert!(!KmsError::KeyNotFound { id: id() }.is_retryable());
        assert!(!KmsError::UnwrapFailed { id: id() }.is_retryable());
        assert!(
            !KmsError::Denied {
                operation: KmsOperation::Sign,
                id: None
            }
            .is_retryable()
        );
    }

    #[test]
    fn a_denial_names_the_key_only_if_there_is_one() {
        let id = KmsKeyId::try_new("alias/vault").unwrap();
        let denied = KmsError::Denied {
            operation: KmsOperation::WrapKey,
            id: Some(id),
        };
        assert_eq!(
            denied.to_string(),
            "the KMS denies wrap_key on key alias/vault"
        );
        let denied = KmsError::Denied {
            operation: KmsOperation::GenerateWrapperKey,
            id: None,
        };
        assert_eq!(denied.to_string(), "the KMS denies generate_wrapper_key");
    }

    #[test]
    fn an_error_of_a_provider_keeps_its_own_code() {
        let error = KmsError::provider(KmsKeyIdError::Empty);
        assert_eq!(error.code().name(), "KMS_KEY_ID_INVALID");
        assert!(!error.is_retryable());
    }
}
