use strongroom_errors::{Category, Coded, ErrorCode};
use thiserror::Error;

use crate::fingerprint::Fingerprint;
use crate::random::RandomError;
use crate::spec::{EncryptionAlgorithm, EncryptionKeySpec};

/// Why a message could not be encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// RSA takes short messages only.
    #[error("a message for an RSA key has at most {maximum} bytes, this one has {found}")]
    MessageTooLong {
        /// The most that fits.
        maximum: usize,
        /// Bytes of the message.
        found: usize,
    },
    /// Neither nonce nor ephemeral key without random bytes.
    #[error("nothing could be encrypted without random bytes")]
    Random(#[from] RandomError),
    /// The library refused the public key although it was validated, or has no memory.
    #[error("the cryptographic library refused to encrypt")]
    Refused,
}

impl EncryptError {
    /// Every code of this error, but for those of the errors it wraps.
    pub const CODES: &'static [ErrorCode] = &[Self::MESSAGE_TOO_LONG, Self::REFUSED];

    const MESSAGE_TOO_LONG: ErrorCode = ErrorCode::new(
        "ENCRYPT_MESSAGE_TOO_LONG",
        Category::InvalidRequest,
        "Encrypt a symmetric key with RSA and the message with that key, or use a key of spec ec-p-256.",
    );
    const REFUSED: ErrorCode = ErrorCode::new(
        "ENCRYPT_REFUSED",
        Category::Internal,
        "Check the free memory and the integrity of the stored public key; report it if both are fine.",
    );
}

impl Coded for EncryptError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::MessageTooLong { .. } => Self::MESSAGE_TOO_LONG,
            Self::Random(source) => source.code(),
            Self::Refused => Self::REFUSED,
        }
    }
}

/// Why a message could not be decrypted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The message is for the owner of another key.
    #[error("the message is encrypted for the key {encrypted_for}, not for {key}")]
    WrongKey {
        /// The key that decrypts the message.
        encrypted_for: Fingerprint,
        /// The key that was asked to.
        key: Fingerprint,
    },
    /// The message claims an algorithm that its key does not run.
    #[error("{algorithm} does not work with a key of spec {spec}")]
    AlgorithmMismatch {
        /// The algorithm as claimed.
        algorithm: EncryptionAlgorithm,
        /// The spec of the key.
        spec: EncryptionKeySpec,
    },
    /// The ciphertext is not one that was made for this key. It is not said what is wrong with it: answers to
    /// chosen ciphertexts would let somebody decrypt without the key (Bleichenbacher, Vaudenay, Manger).
    #[error("the message does not decrypt")]
    Failed,
}

impl DecryptError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] =
        &[Self::WRONG_KEY, Self::ALGORITHM_MISMATCH, Self::FAILED];

    const WRONG_KEY: ErrorCode = ErrorCode::new(
        "DECRYPT_WRONG_KEY",
        Category::InvalidRequest,
        "Name the key that the message is encrypted for.",
    );
    const ALGORITHM_MISMATCH: ErrorCode = ErrorCode::new(
        "DECRYPT_ALGORITHM_MISMATCH",
        Category::InvalidRequest,
        "Name the algorithm that the sender used: ECIES for keys of spec ec-p-256, RSA-OAEP for rsa-2048.",
    );
    const FAILED: ErrorCode = ErrorCode::new(
        "DECRYPT_FAILED",
        Category::InvalidRequest,
        "The message was changed or cut, or is encrypted for another key. Ask the sender for it again.",
    );
}

impl Coded for DecryptError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::WrongKey { .. } => Self::WRONG_KEY,
            Self::AlgorithmMismatch { .. } => Self::ALGORITHM_MISMATCH,
            Self::Failed => Self::FAILED,
        }
    }
}
