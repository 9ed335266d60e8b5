//! Tags of a key: short texts that a KMS keeps beside it and shows to whoever may look at the key.

use std::fmt;

use async_trait::async_trait;

use crate::error::KmsError;
use crate::key_id::KmsKeyId;

/// The longest name and the longest value, in characters: those of Google's labels, the shortest of all clouds.
pub const MAX_TAG_CHARS: usize = 63;

/// The third role, which a KMS may play beside the two others: keeps tags of keys.
///
/// Who may write tags is decided by the KMS and not by the database, so that a tag can hold what the operator of the database
/// must not write. A tag is not secret, and no key: it changes nothing of what its key does.
///
/// Names and values are those that every cloud takes ([`check_tag`]). Clouds promise no more than that a new value is seen soon:
/// whoever reads may see the one before for some seconds. No cloud compares before it writes; the last writer wins.
#[async_trait]
pub trait KeyTags: fmt::Debug + Send + Sync {
    /// The value of the tag `name` of a key in any state but destroyed; none if the key has no such tag.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`]; [`KmsError::Denied`] if tags may not be read; that the KMS does not answer.
    async fn tag(&self, key: &KmsKeyId, name: &str) -> Result<Option<String>, KmsError>;

    /// Gives a key the tag `name` = `value`, in the place of one of that name. Its other tags stay. Idempotent.
    ///
    /// # Errors
    /// [`KmsError::UnsupportedRequest`] for what is no tag in every cloud; [`KmsError::KeyNotFound`];
    /// [`KmsError::KeyPendingDeletion`] where such keys cannot be changed; [`KmsError::Denied`]; that the KMS does not answer,
    /// or that the key has too many tags.
    async fn set_tag(&self, key: &KmsKeyId, name: &str, value: &str) -> Result<(), KmsError>;
}

/// Refuses what is not a tag in every cloud: names begin with a small letter, and names and values consist of small letters,
/// digits, `-` and `_`, at most [`MAX_TAG_CHARS`].
///
/// # Errors
/// [`KmsError::UnsupportedRequest`].
pub fn check_tag(provider: &str, name: &str, value: &str) -> Result<(), KmsError> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
    let fits = |text: &str| text.len() <= MAX_TAG_CHARS && text.bytes().all(allowed);
    let begins = name.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
    if begins && fits(name) && fits(value) {
        Ok(())
    } else {
        Err(KmsError::UnsupportedRequest {
            provider: provider.to_owned(),
            property: "a tag that not every cloud takes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_every_cloud_takes() {
        let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
        for (name, value, fits) in [
            ("a", "", true),
            ("a-b_1", "0-z_", true),
            (&longest, &longest, true),
            ("", "a", false),
            ("1a", "a", false),
            ("-a", "a", false),
            ("A", "a", false),
            ("a", "A", false),
            ("a", "ä", false),
            ("a", "a:b", false),
            (&too_long, "a", false),
            ("a", &too_long, false),
        ] {
            assert_eq!(
                check_tag("kms", name, value).is_ok(),
                fits,
                "{name}={value}"
            );
        }
    }
}
