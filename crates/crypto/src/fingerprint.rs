//! The identity of a key.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use strongroom_errors::{Category, Coded, ErrorCode};

use crate::spec::{KeySpec, SigningKeySpec};

/// The identity of a key: a hash of its public half.
///
/// `1220 || hex(SHA-256(00 00 00 0c || data))`, 68 lower-case hexadecimal digits, where `data` is the DER
/// SubjectPublicKeyInfo, and for Ed25519 the bare 32 bytes of the public key. `12 20` says SHA-256 of 32 bytes
/// (multihash); `0c` is the hash purpose of key fingerprints (reference: keys-and-schemes, section 3).
///
/// Orders as its text does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A text that is not a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// Not 68 lower-case hexadecimal digits that start with `1220`.
    #[error("{text:?} is not a fingerprint: 68 lower-case hexadecimal digits that start with 1220")]
    Malformed {
        /// What was given, cut to 80 characters.
        text: String,
    },
}

impl FingerprintError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[Self::MALFORMED];

    const MALFORMED: ErrorCode = ErrorCode::new(
        "FINGERPRINT_MALFORMED",
        Category::InvalidRequest,
        "Copy the fingerprint from the list of keys, all 68 characters of it.",
    );
}

impl Coded for FingerprintError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed { .. } => Self::MALFORMED,
        }
    }
}

/// The hash purpose of key fingerprints, as the hash takes it: a 32-bit big-endian integer.
const PURPOSE: [u8; 4] = 12i32.to_be_bytes();

/// Multihash: SHA-256, 32 bytes.
const MULTIHASH_PREFIX: &str = "1220";

impl Fingerprint {
    /// How many characters the text form has.
    pub const TEXT_LENGTH: usize = 68;

    /// The fingerprint of the public key in `spki`, a DER SubjectPublicKeyInfo with an uncompressed point.
    #[must_use]
    pub fn of(spec: KeySpec, spki: &[u8]) -> Self {
        match (spec, spki.last_chunk::<32>()) {
            (KeySpec::Signing(SigningKeySpec::EcCurve25519), Some(raw)) => Self::digest(raw),
            _ => Self::digest(spki),
        }
    }

    fn digest(data: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&PURPOSE);
        context.update(data);
        let mut hash = [0; 32];
        // SHA-256 has 32 bytes: the two lengths are equal and every byte is written.
        for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Self(hash)
    }

    /// A fingerprint from its 32 hash bytes, without the multihash prefix.
    #[must_use]
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The text form, 68 bytes of ASCII, without an allocation.
    #[must_use]
    pub fn to_hex(&self) -> [u8; Self::TEXT_LENGTH] {
        let mut text = [0; Self::TEXT_LENGTH];
        if let Some((prefix, digits)) = text.split_first_chunk_mut::<4>() {
            *prefix = *b"1220";
            HEXLOWER.encode_mut(&self.0, digits);
        }
        text
    }

    /// The 32 hash bytes, without the multihash prefix.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_hex()).unwrap_or_default())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let malformed = || FingerprintError::Malformed {
            text: text.chars().take(80).collect(),
        };
        let digits = text.strip_prefix(MULTIHASH_PREFIX).ok_or_else(malformed)?;
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() {
            return Err(malformed());
        }
        let decoded = HEXLOWER.decode_mut(digits.as_bytes(), &mut hash);
        decoded.map_err(|_partial| malformed())?;
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8032, section 7.1, test 1, and its fingerprint computed with `sha256sum`.
    const RFC_8032_SPKI: &str =
        "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn spki() -> Vec<u8> {
        HEXLOWER.decode(RFC_8032_SPKI.as_bytes()).unwrap()
    }

    #[test]
    fn an_ed25519_fingerprint_covers_the_bare_key() {
        let spec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
        let bare = &spki()[12..];
        assert_eq!(Fingerprint::of(spec, &spki()), Fingerprint::digest(bare));
        assert_eq!(
            Fingerprint::of(spec, &spki()).to_string(),
            "1220035a791d845bbb8195615e7eccd7a57c2ec4075c2e88695f194bab4e0194a889"
        );
    }

    #[test]
    fn another_fingerprint_covers_the_whole_spki() {
        let spec = KeySpec::Signing(SigningKeySpec::EcP256);
        assert_eq!(Fingerprint::of(spec, &spki()), Fingerprint::digest(&spki()));
    }

    #[test]
    fn a_fingerprint_reads_back_from_its_text_and_orders_like_it() {
        let low = Fingerprint::from_bytes([0x0f; 32]);
        let high = Fingerprint::from_bytes([0xa0; 32]);
        assert_eq!(low.to_string().len(), Fingerprint::TEXT_LENGTH);
        assert_eq!(low.to_string().parse(), Ok(low));
        assert!(low < high && low.to_string() < high.to_string());
    }

    #[test]
    fn texts_that_are_almost_fingerprints_are_refused() {
        let good = Fingerprint::from_bytes([0xab; 32]).to_string();
        let bad = [
            String::new(),
            good.to_uppercase(),
            good.replacen("1220", "1320", 1),
            good[..66].to_owned(),
            format!("{good}00"),
            good.replace("abab", "abxb"),
            format!("{}é", &good[..66]),
        ];
        for text in bad {
            let error = text.parse::<Fingerprint>().unwrap_err();
            assert_eq!(error.code().name(), "FINGERPRINT_MALFORMED", "{text}");
        }
    }
}
