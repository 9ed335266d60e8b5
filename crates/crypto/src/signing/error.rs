//! Why nothing was signed, and why a signature is not accepted.

use strongroom_errors::{Category, Coded, ErrorCode};

use crate::fingerprint::Fingerprint;
use crate::spec::{SignatureFormat, SigningAlgorithm, SigningKeySpec};
use crate::usage::KeyUsages;

const USAGE_REFUSED: ErrorCode = ErrorCode::new(
    "KEY_USAGE_REFUSED",
    Category::InvalidRequest,
    "Use a key that has the usage, or generate one: the usages of a key never change.",
);
const NO_ALGORITHM: ErrorCode = ErrorCode::new(
    "SIGNING_ALGORITHM_NOT_ALLOWED",
    Category::InvalidRequest,
    "Use a key of a spec that one of the allowed algorithms runs on.",
);

/// Why a message was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key may not sign this (Canton: `InvalidKeyUsage`).
    #[error("key {fingerprint} has the usages {usages}; needed is one of {wanted}")]
    InvalidKeyUsage {
        /// The key.
        fingerprint: Fingerprint,
        /// What it may sign.
        usages: KeyUsages,
        /// What the caller allows.
        wanted: KeyUsages,
    },
    /// No allowed algorithm runs on the key (Canton: `NoMatchingAlgorithmSpec`).
    #[error("no allowed signing algorithm runs on keys of spec {spec}")]
    NoMatchingAlgorithm {
        /// The spec of the key.
        spec: SigningKeySpec,
    },
    /// The library failed.
    #[error("the cryptographic library failed to sign")]
    Library,
}

impl SignError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[USAGE_REFUSED, NO_ALGORITHM, Self::LIBRARY];

    const LIBRARY: ErrorCode = ErrorCode::new(
        "SIGNING_FAILED",
        Category::Internal,
        "Report this: it is a bug, memory is exhausted, or the system has no random numbers.",
    );
}

impl Coded for SignError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidKeyUsage { .. } => USAGE_REFUSED,
            Self::NoMatchingAlgorithm { .. } => NO_ALGORITHM,
            Self::Library => Self::LIBRARY,
        }
    }
}

/// Why a signature is not accepted; in the order in which the checks are made (section 6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Another key made it (Canton: `SignatureWithWrongKey`).
    #[error("the signature was made by key {signed_by}, not by {key}")]
    SignatureWithWrongKey {
        /// The key that was to verify.
        key: Fingerprint,
        /// The key that the signature names.
        signed_by: Fingerprint,
    },
    /// The algorithm it names does not run on the key (Canton: `KeyAlgoSpecsMismatch`).
    #[error(
        "the signature names the algorithm {algorithm}, which does not run on keys of spec {spec}"
    )]
    KeyAlgorithmMismatch {
        /// The algorithm that the signature names.
        algorithm: SigningAlgorithm,
        /// The spec of the key.
        spec: SigningKeySpec,
    },
    /// The algorithm it names is not allowed here (Canton: `UnsupportedAlgorithmSpec`).
    #[error("the signing algorithm {algorithm} is not allowed")]
    UnsupportedAlgorithm {
        /// The algorithm that the signature names.
        algorithm: SigningAlgorithm,
    },
    /// It names no algorithm, and no allowed one runs on the key (Canton: `NoMatchingAlgorithmSpec`).
    #[error("no allowed signing algorithm runs on keys of spec {spec}")]
    NoMatchingAlgorithm {
        /// The spec of the key.
        spec: SigningKeySpec,
    },
    /// The key may not sign this (Canton: `InvalidKeyUsage`).
    #[error("key {fingerprint} has the usages {usages}; needed is one of {wanted}")]
    InvalidKeyUsage {
        /// The key.
        fingerprint: Fingerprint,
        /// What it may sign.
        usages: KeyUsages,
        /// What the caller allows.
        wanted: KeyUsages,
    },
    /// The algorithm does not write this format (Canton: `UnsupportedSignatureFormat`).
    #[error("signatures of {algorithm} have the format {}, this one says {format}", algorithm.format())]
    UnsupportedSignatureFormat {
        /// The algorithm.
        algorithm: SigningAlgorithm,
        /// The format that the signature names.
        format: SignatureFormat,
    },
    /// The signature does not fit the message and the key (Canton: `InvalidSignature`). It is not said why.
    #[error("the signature is not valid")]
    InvalidSignature,
}

impl VerifyError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[
        Self::WRONG_KEY,
        Self::ALGORITHM_MISMATCH,
        NO_ALGORITHM,
        USAGE_REFUSED,
        Self::FORMAT_UNSUPPORTED,
        Self::INVALID,
    ];

    const WRONG_KEY: ErrorCode = ErrorCode::new(
        "SIGNATURE_WRONG_KEY",
        Category::InvalidRequest,
        "Verify with the public key whose fingerprint the signature names.",
    );
    const ALGORITHM_MISMATCH: ErrorCode = ErrorCode::new(
        "SIGNATURE_ALGORITHM_MISMATCH",
        Category::InvalidRequest,
        "The signature contradicts its key: ask its maker for a new one.",
    );
    const FORMAT_UNSUPPORTED: ErrorCode = ErrorCode::new(
        "SIGNATURE_FORMAT_UNSUPPORTED",
        Category::InvalidRequest,
        "Give Ed25519 signatures as R and S (64 bytes, concat), all others as DER.",
    );
    const INVALID: ErrorCode = ErrorCode::new(
        "SIGNATURE_INVALID",
        Category::InvalidRequest,
        "Check that message, signature and public key are those that belong together; do not trust the message.",
    );
}

impl Coded for VerifyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SignatureWithWrongKey { .. } => Self::WRONG_KEY,
            Self::KeyAlgorithmMismatch { .. } => Self::ALGORITHM_MISMATCH,
            Self::UnsupportedAlgorithm { .. } | Self::NoMatchingAlgorithm { .. } => NO_ALGORITHM,
            Self::InvalidKeyUsage { .. } => USAGE_REFUSED,
            Self::UnsupportedSignatureFormat { .. } => Self::FORMAT_UNSUPPORTED,
            Self::InvalidSignature => Self::INVALID,
        }
    }
}
