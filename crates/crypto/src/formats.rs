//! Encodings of keys: from bytes to checked parts, and back.
//!
//! Everything here is strict: DER only, no trailing bytes, named curves only, and each key is checked against the
//! spec that was declared (reference: keys-and-schemes, sections 4.7, 4.8 and 6.1).

mod curve;
mod file;
mod kind;
mod private;
mod spki;

pub(crate) use self::curve::Curve;
pub(crate) use self::file::{Half, KeyFile, Shape};
pub(crate) use self::kind::KeyKind;
pub(crate) use self::private::{
    EXPANDED_LENGTH, Parsed, SEED_LENGTH, canonical_rsa, encode_pkcs8, parse_pkcs1, parse_pkcs8,
    parse_sec1,
};
pub use self::spki::spki_of_key_bits;
pub(crate) use self::spki::{
    detect_public, detect_rsa, ec_point, key_bits, public_from_encoded, public_pem, spki_of_bits,
    validate_spki,
};

use crate::key_error::KeyError;

/// A key that was read from a format which may be an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated<K> {
    /// The key, in the current format.
    pub key: K,
    /// Whether the bytes were in a legacy format: a store then writes the row again.
    pub was_legacy: bool,
}

/// Decodes one DER structure that fills `bytes`.
fn from_der<'a, T>(structure: &'static str, bytes: &'a [u8]) -> Result<T, KeyError>
where
    T: der::Decode<'a, Error = der::Error>,
{
    T::from_der(bytes).map_err(|source| der_error(structure, source))
}

fn der_error(structure: &'static str, source: der::Error) -> KeyError {
    use der::{ErrorKind, Tag};
    match source.kind() {
        ErrorKind::TrailingData { remaining, .. } => KeyError::TrailingBytes {
            count: remaining.into(),
        },
        // Where a curve is to be named there are its numbers. They could describe a curve on which a private key
        // leaks, or another generator (CVE-2020-0601).
        ErrorKind::TagUnexpected {
            expected: Some(Tag::ObjectIdentifier),
            actual: Tag::Sequence,
        } => KeyError::ExplicitCurve,
        _ => KeyError::Malformed { structure, source },
    }
}

/// Refuses a part of a key that has not the length of all of its kind.
pub(crate) fn expect_length(
    part: &'static str,
    expected: usize,
    bytes: &[u8],
) -> Result<(), KeyError> {
    if bytes.len() == expected {
        Ok(())
    } else {
        Err(KeyError::Length {
            part,
            expected,
            found: bytes.len(),
        })
    }
}
