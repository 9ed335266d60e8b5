//! CRC-32C, by which Google and we notice bytes that changed on the way inside of a data centre, where TLS has ended.

use strongroom_kms::{KmsError, KmsOperation};

/// The checksum of some bytes, for a request.
pub(crate) fn of(bytes: &[u8]) -> i64 {
    i64::from(crc32c::crc32c(bytes))
}

/// Checks the bytes of an answer. A checksum that lacks is a wrong one: whoever could take it away could change the bytes.
pub(crate) fn check(
    operation: KmsOperation,
    bytes: &[u8],
    told: Option<i64>,
) -> Result<(), KmsError> {
    if told == Some(of(bytes)) {
        return Ok(());
    }
    Err(KmsError::answer_invalid(
        operation,
        "the checksum of the answer is missing or wrong",
    ))
}

/// Checks that Google found the checksums that we sent.
pub(crate) fn check_arrived(
    operation: KmsOperation,
    verified: impl IntoIterator<Item = bool>,
) -> Result<(), KmsError> {
    if verified.into_iter().all(|verified| verified) {
        return Ok(());
    }
    Err(KmsError::answer_invalid(
        operation,
        "Google did not check what it received by our checksum",
    ))
}

/// Checks that an answer is about the key that was asked for.
pub(crate) fn check_name(
    operation: KmsOperation,
    asked: &str,
    answered: &str,
) -> Result<(), KmsError> {
    let rest = answered.strip_prefix(asked);
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(());
    }
    Err(KmsError::answer_invalid(
        operation,
        "the answer is about another key",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        assert_eq!(of(&[0; 32]), 0x8a91_36aa);
        assert_eq!(of(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_key_is_answered_for_by_one_of_its_versions_and_by_no_other_key() {
        let name = |asked, answered| check_name(KmsOperation::WrapKey, asked, answered).is_ok();
        assert!(name("r/k", "r/k"));
        assert!(name("r/k", "r/k/cryptoKeyVersions/1"));
        assert!(!name("r/k", "r/k2"));
        assert!(!name("r/k/cryptoKeyVersions/1", "r/k/cryptoKeyVersions/12"));
        assert!(!name("r/k", ""));
    }
}
