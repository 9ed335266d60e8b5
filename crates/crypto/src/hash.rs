//! SHA-256 hashes in the forms of the ledger.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use data_encoding::{DecodeError, HEXLOWER, HEXLOWER_PERMISSIVE};
use strongroom_errors::{Category, Coded, ErrorCode};
use thiserror::Error;

use crate::encoding::{Decoder, EncodingError};
use crate::hash_purpose::HashPurpose;

/// Bytes of a SHA-256 digest.
const DIGEST_LEN: usize = 32;
/// Bytes of the multihash form.
const MULTIHASH_LEN: usize = 34;
/// Characters of the text form.
const HEX_LEN: usize = 68;
/// SHA-256 in the table of multihash.
const SHA256_INDEX: u64 = 0x12;
/// [`SHA256_INDEX`] and [`DIGEST_LEN`] as varints.
const MULTIHASH_PREFIX: [u8; 2] = [0x12, 0x20];

/// A SHA-256 hash, 32 bytes.
///
/// On the wire it is a multihash (`12 20` and the 32 bytes, 34 in all), as text the 68 lower-case hexadecimal
/// digits of that. Signing a hash means signing the multihash form. Hashes are ordered as their texts are.
/// Not for secrets: comparing takes a time that depends on the values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; DIGEST_LEN]);

impl Hash {
    /// `SHA-256(int32(purpose) || content)`; the content has no length in front.
    #[must_use]
    pub fn digest(purpose: HashPurpose, content: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&purpose.id().to_be_bytes());
        context.update(content);
        Self::from_digest(context.finish())
    }

    /// The hash whose 32 bytes these are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; DIGEST_LEN]) -> Self {
        Self(bytes)
    }

    /// The bare 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; DIGEST_LEN] {
        &self.0
    }

    /// The multihash form: `12 20` and the 32 bytes.
    #[must_use]
    pub fn to_multihash(&self) -> [u8; MULTIHASH_LEN] {
        let mut multihash = [0; MULTIHASH_LEN];
        if let Some((prefix, bytes)) = multihash.split_first_chunk_mut() {
            *prefix = MULTIHASH_PREFIX;
            bytes.copy_from_slice(&self.0);
        }
        multihash
    }

    /// Reads the multihash form.
    ///
    /// # Errors
    /// [`HashError`] unless it is a SHA-256 hash of 32 bytes and nothing else.
    pub fn from_multihash(bytes: &[u8]) -> Result<Self, HashError> {
        let mut decoder = Decoder::new(bytes);
        let index = decoder.varint().map_err(HashError::Prefix)?;
        if index != SHA256_INDEX {
            return Err(HashError::UnknownAlgorithm { index });
        }
        let declared = decoder.varint().map_err(HashError::Prefix)?;
        if usize::try_from(declared) != Ok(DIGEST_LEN) {
            return Err(HashError::DeclaredLength { declared });
        }
        let found = decoder.remaining();
        if found != DIGEST_LEN {
            return Err(HashError::Length { found });
        }
        decoder.array().map(Self).map_err(HashError::Prefix)
    }

    /// Reads the multihash form where a hash may be missing: no bytes at all mean none.
    ///
    /// # Errors
    /// As [`Self::from_multihash`].
    pub fn from_optional_multihash(bytes: &[u8]) -> Result<Option<Self>, HashError> {
        if bytes.is_empty() {
            Ok(None)
        } else {
            Self::from_multihash(bytes).map(Some)
        }
    }

    pub(crate) fn from_digest(digest: digest::Digest) -> Self {
        let mut bytes = [0; DIGEST_LEN];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&HEXLOWER.encode(&self.to_multihash()))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = HashError;

    /// Reads the text form; upper-case digits are accepted.
    fn from_str(text: &str) -> Result<Self, HashError> {
        if text.len() > HEX_LEN {
            return Err(HashError::TextLength { found: text.len() });
        }
        Self::from_multihash(
            &HEXLOWER_PERMISSIVE
                .decode(text.as_bytes())
                .map_err(HashError::NotHex)?,
        )
    }
}

/// Why bytes or a text are not a hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HashError {
    /// The algorithm and length in front of the hash cannot be read.
    #[error("the hash does not begin with its algorithm and length")]
    Prefix(#[source] EncodingError),
    /// Another algorithm than SHA-256.
    #[error("unknown hash algorithm {index:#x}; only SHA-256 (0x12) is supported")]
    UnknownAlgorithm {
        /// Its index in the table of multihash.
        index: u64,
    },
    /// The length in front of the hash is not that of SHA-256.
    #[error("a SHA-256 hash has 32 bytes, this one declares {declared}")]
    DeclaredLength {
        /// The declared length.
        declared: u64,
    },
    /// There are more or fewer bytes than SHA-256 has.
    #[error("a SHA-256 hash has 32 bytes, this one has {found}")]
    Length {
        /// How many bytes follow the declared length.
        found: usize,
    },
    /// The text is too long.
    #[error("a hash has 68 characters, this text has {found}")]
    TextLength {
        /// Bytes of the text.
        found: usize,
    },
    /// The text is not hexadecimal.
    #[error("a hash is written in hexadecimal digits")]
    NotHex(#[source] DecodeError),
}

impl HashError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] = &[Self::INVALID];

    const INVALID: ErrorCode = ErrorCode::new(
        "HASH_INVALID",
        Category::InvalidRequest,
        "Give a SHA-256 multihash: 34 bytes beginning with 12 20, or 68 hexadecimal digits beginning with 1220.",
    );
}

impl Coded for HashError {
    fn code(&self) -> ErrorCode {
        Self::INVALID
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, HashError};
    use crate::hash_purpose::HashPurpose;

    /// The transaction hash of the genesis vector `genesis-owner-to-key-mapping-1`.
    const TEXT: &str = "12202c6d3f679f9d60c8a37c2877aba2db247f583a358d59412a1bcad0b880c15f74";

    #[test]
    fn a_hash_reads_back_from_text_and_bytes() {
        let hash: Hash = TEXT.parse().unwrap();
        assert_eq!(hash.to_string(), TEXT);
        assert_eq!(Hash::from_multihash(&hash.to_multihash()), Ok(hash));
        assert_eq!(TEXT.to_uppercase().parse(), Ok(hash));
        assert_eq!(format!("{hash:?}"), format!("Hash({TEXT})"));
    }

    #[test]
    fn the_purpose_is_part_of_the_hash() {
        let one = Hash::digest(HashPurpose::PublicKeyFingerprint, b"content");
        let other = Hash::digest(HashPurpose::TopologyTransactionSignature, b"content");
        assert_ne!(one, other);
    }

    #[test]
    fn hashes_are_ordered_as_their_texts() {
        let mut hashes: Vec<Hash> = (0..50_i32)
            .map(|n| Hash::digest(HashPurpose::Testing, &n.to_be_bytes()))
            .collect();
        hashes.sort_unstable();
        assert!(hashes.is_sorted_by_key(Hash::to_string));
    }

    #[test]
    fn no_bytes_mean_no_hash_where_it_is_optional() {
        assert_eq!(Hash::from_optional_multihash(&[]), Ok(None));
        assert!(matches!(
            Hash::from_multihash(&[]),
            Err(HashError::Prefix(_))
        ));
        assert!(Hash::from_optional_multihash(&[0x12]).is_err());
    }

    #[test]
    fn what_is_not_a_hash_is_refused_with_its_reason() {
        let good = TEXT.parse::<Hash>().unwrap().to_multihash();
        let with = |position: usize, value: u8| {
            let mut bytes = good;
            bytes[position] = value;
            Hash::from_multihash(&bytes)
        };
        assert_eq!(
            with(0, 0x13),
            Err(HashError::UnknownAlgorithm { index: 0x13 })
        );
        assert_eq!(
            with(1, 0x1f),
            Err(HashError::DeclaredLength { declared: 31 })
        );
        assert_eq!(
            Hash::from_multihash(&good[..33]),
            Err(HashError::Length { found: 31 })
        );
        assert_eq!(
            Hash::from_multihash(&[&good[..], &[0]].concat()),
            Err(HashError::Length { found: 33 })
        );
        assert_eq!(
            format!("{TEXT}00").parse::<Hash>(),
            Err(HashError::TextLength { found: 70 })
        );
        assert!(matches!(
            TEXT.replace('7', "x").parse::<Hash>(),
            Err(HashError::NotHex(_))
        ));
    }
}
