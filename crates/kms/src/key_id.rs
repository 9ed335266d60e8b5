//! The name of a key inside a KMS.

use std::fmt;
use std::str::FromStr;

use strongroom_errors::{Category, Coded, ErrorCode};

/// The provider's own name of a key, kept exactly as the provider or the operator gave it: an id, an ARN, an alias, a
/// resource name.
///
/// 1 to 300 characters (reference: kms, section 2) without control characters, since it is printed into logs.
///
/// ```
/// use strongroom_kms::KmsKeyId;
/// let id: KmsKeyId = "arn:aws:kms:eu-central-1:123456789012:alias/vault".parse()?;
/// assert!(id.as_str().ends_with("alias/vault"));
/// assert!(KmsKeyId::try_new("x".repeat(301)).is_err());
/// # Ok::<(), strongroom_kms::KmsKeyIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KmsKeyId(String);

impl KmsKeyId {
    /// The longest id, in characters.
    pub const MAX_CHARS: usize = 300;

    /// Takes an id as given.
    ///
    /// # Errors
    /// [`KmsKeyIdError`] if it is empty, longer than [`Self::MAX_CHARS`] or has a control character.
    pub fn try_new(id: impl Into<String>) -> Result<Self, KmsKeyIdError> {
        let id = id.into();
        let chars = id.chars().count();
        if chars == 0 {
            return Err(KmsKeyIdError::Empty);
        }
        if chars > Self::MAX_CHARS {
            return Err(KmsKeyIdError::TooLong { chars });
        }
        if id.chars().any(char::is_control) {
            return Err(KmsKeyIdError::ControlCharacter);
        }
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KmsKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KmsKeyId {
    type Err = KmsKeyIdError;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::try_new(id)
    }
}

/// Why a text is no [`KmsKeyId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsKeyIdError {
    /// A control character, which would garble a log.
    #[error("a KMS key id must not contain control characters")]
    ControlCharacter,
    /// Nothing there.
    #[error("a KMS key id must not be empty")]
    Empty,
    /// More than [`KmsKeyId::MAX_CHARS`] characters.
    #[error("a KMS key id has at most {max} characters, this one has {chars}", max = KmsKeyId::MAX_CHARS)]
    TooLong {
        /// How many there are.
        chars: usize,
    },
}

impl KmsKeyIdError {
    pub(crate) const CODE: ErrorCode = ErrorCode::new(
        "KMS_KEY_ID_INVALID",
        Category::InvalidRequest,
        "Give the key id, ARN, alias or resource name as the KMS shows it; at most 300 characters.",
    );
}

impl Coded for KmsKeyIdError {
    fn code(&self) -> ErrorCode {
        Self::CODE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_300_characters_is_taken_and_one_of_301_refused() {
        assert!(KmsKeyId::try_new("é".repeat(300)).is_ok());
        assert_eq!(
            KmsKeyId::try_new("é".repeat(301)),
            Err(KmsKeyIdError::TooLong { chars: 301 })
        );
    }

    #[test]
    fn an_empty_id_and_one_that_breaks_a_log_line_are_refused() {
        assert_eq!("".parse::<KmsKeyId>(), Err(KmsKeyIdError::Empty));
        assert_eq!(
            "a\nb".parse::<KmsKeyId>(),
            Err(KmsKeyIdError::ControlCharacter)
        );
    }
}
