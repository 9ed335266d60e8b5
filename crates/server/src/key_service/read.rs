//! What several requests hold.

use strongroom_crypto::{Fingerprint, KeyName, KeyUsages};
use strongroom_proto::read_usages;

use crate::failure::{Failure, in_words};

/// The key that a request names.
pub(super) fn fingerprint(text: &str) -> Result<Fingerprint, Failure> {
    text.parse()
        .map_err(|error| Failure::unreadable(format!("Field `fingerprint`: {}", in_words(&error))))
}

/// A label; empty: none.
pub(super) fn name(text: &str) -> Result<Option<KeyName>, Failure> {
    KeyName::parse_optional(text)
        .map_err(|error| Failure::unreadable(format!("Field `name`: {}", in_words(&error))))
}

/// Usages; none if there are none.
pub(super) fn usages(message: &'static str, numbers: &[i32]) -> Result<Option<KeyUsages>, Failure> {
    let usages = read_usages(message, numbers)?;
    Ok(Some(usages).filter(|usages| !usages.is_empty()))
}
