//! Sizes that both sides keep, beside those that every KMS has.

use strongroom_kms::{KmsError, KmsOperation};
use tonic::Status;

use crate::error::DriverError;

/// The largest gRPC message, in bytes. Payloads have at most 8 KiB; the rest is for labels, tags and contexts.
pub(crate) const MAX_GRPC_BYTES: usize = 64 * 1024;

/// The longest signature and the longest public key, in bytes: ML-DSA-87 signs with 4627.
pub(crate) const MAX_RESULT_BYTES: usize = 8192;

/// The longest private key that travels, in bytes: one of ML-DSA-65 in both of its forms has about 4100.
pub(crate) const MAX_PRIVATE_KEY_BYTES: usize = 8192;

/// The longest name of a driver, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 64;

/// Refuses an answer whose length in bytes is not allowed.
pub(crate) fn check_answer(
    operation: KmsOperation,
    field: &'static str,
    bytes: &[u8],
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<(), KmsError> {
    if allowed.contains(&bytes.len()) {
        Ok(())
    } else {
        Err(invalid_answer(operation, field))
    }
}

/// An answer that cannot be.
pub(crate) fn invalid_answer(operation: KmsOperation, field: &'static str) -> KmsError {
    KmsError::answer_invalid(operation, DriverError::InvalidAnswer { field })
}

/// A request that cannot be.
pub(crate) fn invalid_request(field: &'static str) -> Status {
    crate::status::to_status(&DriverError::InvalidRequest { field }.into())
}

/// Keys in one answer of a search; ids of at most 300 characters leave room for them in a message.
pub(crate) const FOUND_KEYS: usize = 100;
