use aws_lc_rs::error::Unspecified;
use strongroom_errors::{Category, Coded, ErrorCode};
use thiserror::Error;

use super::{MAX_PAYLOAD_RECIPIENTS, PayloadPurpose};
use crate::encoding::EncodingError;
use crate::encryption::EncryptError;
use crate::fingerprint::Fingerprint;
use crate::random::RandomError;

/// Why a payload was not sealed or not opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// It is for nobody.
    #[error("a payload has at least one recipient")]
    NoRecipients,
    /// It is for more than one container takes.
    #[error("a payload has at most {MAX_PAYLOAD_RECIPIENTS} recipients, this one has {found}")]
    TooManyRecipients {
        /// How many there are.
        found: usize,
    },
    /// Two recipients have the same key.
    #[error("the key {fingerprint} is named twice among the recipients")]
    RecipientTwice {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A purpose is 1 to 255 bytes of text without control characters.
    #[error("a purpose has 1 to 255 bytes and no control characters")]
    Purpose,
    /// A payload names its sender if it is signed, and only then.
    #[error("a payload that names its sender is signed, and no other")]
    SenderAndSignature,
    /// The bytes do not begin like a payload.
    #[error("this is no payload")]
    NotAPayload,
    /// A later release made it.
    #[error("this release does not know version {found} of payloads")]
    UnknownVersion {
        /// The version as read.
        found: u8,
    },
    /// What stands before the chunks was cut, or nobody can have written it so.
    #[error("the front of the payload is broken: {what}")]
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
    /// What stands before the chunks is not in our encoding.
    #[error("the front of the payload is broken")]
    Encoding(#[from] EncodingError),
    /// It was made for something else than what the caller expects.
    #[error("the payload was made for \"{found}\", not for \"{expected}\"")]
    OtherPurpose {
        /// What it is for.
        found: PayloadPurpose,
        /// What was expected.
        expected: PayloadPurpose,
    },
    /// Changed, cut, or put together from several; or the secret is not the one of this header. It is not said which.
    #[error("the payload is not authentic")]
    NotAuthentic,
    /// The secret could not be encrypted to a recipient.
    #[error("the payload could not be encrypted to a recipient")]
    Encrypt(#[from] EncryptError),
    /// No secret and no salt without random bytes.
    #[error("no payload without random bytes")]
    Random(#[from] RandomError),
    /// The library has no memory, or the payload is longer than any can be.
    #[error("the cryptographic library refused to seal")]
    Refused,
}

impl PayloadError {
    /// Every code of this error, but for those of the errors it wraps.
    pub const CODES: &'static [ErrorCode] = &[
        Self::RECIPIENTS,
        Self::PURPOSE_INVALID,
        Self::UNSIGNED,
        Self::NOT_RECOGNISED,
        Self::VERSION_UNKNOWN,
        Self::MALFORMED,
        Self::OTHER_PURPOSE,
        Self::NOT_AUTHENTIC,
        Self::REFUSED,
    ];

    const RECIPIENTS: ErrorCode = ErrorCode::new(
        "PAYLOAD_RECIPIENTS_INVALID",
        Category::InvalidRequest,
        "Name 1 to 1024 recipients, each of them once; of two members with the same key name one.",
    );
    const PURPOSE_INVALID: ErrorCode = ErrorCode::new(
        "PAYLOAD_PURPOSE_INVALID",
        Category::InvalidRequest,
        "Say in a few words of plain text what the payload is for.",
    );
    const UNSIGNED: ErrorCode = ErrorCode::new(
        "PAYLOAD_SENDER_UNSIGNED",
        Category::InvalidRequest,
        "Do not trust the payload; ask who is named as its sender for a signed one.",
    );
    const NOT_RECOGNISED: ErrorCode = ErrorCode::new(
        "PAYLOAD_NOT_RECOGNISED",
        Category::InvalidRequest,
        "Give what `strongroom encrypt --to MEMBER` wrote; a message to one key needs its fingerprint: `decrypt --key`.",
    );
    const VERSION_UNKNOWN: ErrorCode = ErrorCode::new(
        "PAYLOAD_VERSION_UNKNOWN",
        Category::Unsupported,
        "Open it with the release of the sender, or ask the sender for one of an older version.",
    );
    const MALFORMED: ErrorCode = ErrorCode::new(
        "PAYLOAD_MALFORMED",
        Category::InvalidRequest,
        "The payload was cut or changed. Ask the sender for it again.",
    );
    const OTHER_PURPOSE: ErrorCode = ErrorCode::new(
        "PAYLOAD_PURPOSE_DIFFERS",
        Category::InvalidRequest,
        "If it is wanted for what it was made, name that purpose: `--purpose`. Otherwise do not use it.",
    );
    const NOT_AUTHENTIC: ErrorCode = ErrorCode::new(
        "PAYLOAD_NOT_AUTHENTIC",
        Category::InvalidRequest,
        "Discard what was already received of it: it was changed, cut, or put together. Ask the sender for it again.",
    );
    const REFUSED: ErrorCode = ErrorCode::new(
        "PAYLOAD_REFUSED",
        Category::ResourceExhausted,
        "Check the free memory of the process.",
    );
}

impl Coded for PayloadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoRecipients | Self::TooManyRecipients { .. } | Self::RecipientTwice { .. } => {
                Self::RECIPIENTS
            }
            Self::Purpose => Self::PURPOSE_INVALID,
            Self::SenderAndSignature => Self::UNSIGNED,
            Self::NotAPayload => Self::NOT_RECOGNISED,
            Self::UnknownVersion { .. } => Self::VERSION_UNKNOWN,
            Self::Malformed { .. } | Self::Encoding(_) => Self::MALFORMED,
            Self::OtherPurpose { .. } => Self::OTHER_PURPOSE,
            Self::NotAuthentic => Self::NOT_AUTHENTIC,
            Self::Encrypt(source) => source.code(),
            Self::Random(source) => source.code(),
            Self::Refused => Self::REFUSED,
        }
    }
}

/// For what is done with lengths and keys that are known to be right.
pub(super) fn refused(_: Unspecified) -> PayloadError {
    PayloadError::Refused
}
