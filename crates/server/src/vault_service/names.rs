//! Texts of requests that name something.

use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_kms::KmsKeyId;

use crate::failure::{CantonCategory, Failure, in_words};

/// A name of the operator's; empty: none.
pub(super) fn key_name(text: &str) -> Result<Option<KeyName>, Failure> {
    KeyName::parse_optional(text).map_err(|error| Failure::unreadable(in_words(&error)))
}

/// A fingerprint, of which Canton says `problem` when it is none.
pub(super) fn fingerprint(text: &str, problem: &str) -> Result<Fingerprint, Failure> {
    text.parse()
        .map_err(|error| Failure::unreadable(format!("{problem}: {}", in_words(&error))))
}

/// The id of a key in a KMS.
pub(super) fn kms_key_id(text: &str) -> Result<KmsKeyId, Failure> {
    KmsKeyId::try_new(text).map_err(|error| {
        Failure::coded(
            "INVALID_KMS_KEY_ID",
            CantonCategory::InvalidGivenCurrentSystemStateResourceMissing,
            format!("Invalid KMS key id: {}", in_words(&error)),
        )
    })
}
