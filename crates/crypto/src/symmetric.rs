//! Sealing and opening: AES-GCM, and the AES-128 layout of the ledger.

use aws_lc_rs::aead::{AES_128_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_memory::SecretBytes;
use thiserror::Error;

use crate::hmac::SecretLengthError;
use crate::random::{Random, RandomError};

/// Bytes of a GCM nonce (NIST SP 800-38D).
pub(crate) const NONCE_LEN: usize = 12;
/// Bytes of a GCM tag.
pub(crate) const TAG_LEN: usize = 16;

/// An AES-128-GCM key, 16 bytes, as Canton uses it for payloads and password-protected exports.
#[derive(Debug)]
pub struct SymmetricKey {
    secret: SecretBytes,
}

impl SymmetricKey {
    /// Bytes of a key.
    pub const LEN: usize = 16;

    /// A new key.
    ///
    /// # Errors
    /// [`RandomError`] when `random` gives nothing.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        SecretBytes::fill_with(Self::LEN, |bytes| random.fill(bytes)).map(|secret| Self { secret })
    }

    /// The key that these bytes are.
    ///
    /// # Errors
    /// [`SecretLengthError::Symmetric`] unless they are 16.
    pub fn try_new(secret: SecretBytes) -> Result<Self, SecretLengthError> {
        match secret.len() {
            Self::LEN => Ok(Self { secret }),
            found => Err(SecretLengthError::Symmetric { found }),
        }
    }

    /// For secrets that were made with [`Self::LEN`] bytes; another length does not seal or open anything.
    pub(crate) const fn of_right_length(secret: SecretBytes) -> Self {
        Self { secret }
    }

    /// The bytes of the key, for wrapping it.
    #[must_use]
    pub const fn secret(&self) -> &SecretBytes {
        &self.secret
    }

    /// `nonce(12) || ciphertext || tag(16)` with a random nonce and no associated data.
    ///
    /// A random nonce bears 2³² messages under one key (NIST SP 800-38D, 8.3).
    ///
    /// # Errors
    /// [`SealError::Random`] when `random` gives nothing.
    pub fn seal(&self, plaintext: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
        sealed.extend_from_slice(&nonce);
        // EXPOSE: to seal under it.
        seal_onto(
            &mut sealed,
            &AES_128_GCM,
            self.secret.expose(),
            nonce,
            &[],
            plaintext,
        )?;
        Ok(sealed)
    }

    /// What [`Self::seal`] sealed.
    ///
    /// # Errors
    /// [`OpenError`] when anything was changed or the key is another.
    pub fn open(&self, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let (nonce, ciphertext) = sealed.split_first_chunk().ok_or(OpenError::NotAuthentic)?;
        let (ciphertext, tag) = split_tag(ciphertext)?;
        SecretBytes::fill_with(ciphertext.len(), |plaintext| {
            // EXPOSE: to open with it.
            open_to(
                plaintext,
                &AES_128_GCM,
                self.secret.expose(),
                *nonce,
                &[],
                ciphertext,
                tag,
            )
        })
    }
}

/// Appends ciphertext and tag to `sealed`; the plaintext never touches that buffer.
pub(crate) fn seal_onto(
    sealed: &mut Vec<u8>,
    algorithm: &'static Algorithm,
    key: &[u8],
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    plaintext: &[u8],
) -> Result<(), SealError> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(SealError::Refused)?);
    let start = sealed.len();
    sealed.resize(start + plaintext.len() + TAG_LEN, 0);
    let fresh = sealed.get_mut(start..).unwrap_or_default();
    let (ciphertext, tag) = fresh
        .split_at_mut_checked(plaintext.len())
        .unwrap_or_default();
    let (nonce, associated) = (Nonce::assume_unique_for_key(nonce), Aad::from(associated));
    key.seal_out_of_place_scatter(nonce, associated, plaintext, ciphertext, &[], tag)
        .map_err(SealError::Refused)
}

/// Decrypts into `plaintext`, which is as long as `ciphertext`; on an error its content is undefined.
pub(crate) fn open_to(
    plaintext: &mut [u8],
    algorithm: &'static Algorithm,
    key: &[u8],
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), OpenError> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(OpenError::from)?);
    let (nonce, associated) = (Nonce::assume_unique_for_key(nonce), Aad::from(associated));
    key.open_separate_gather(nonce, associated, ciphertext, tag, plaintext)
        .map_err(OpenError::from)
}

/// Takes the tag off the end.
pub(crate) fn split_tag(sealed: &[u8]) -> Result<(&[u8], &[u8; TAG_LEN]), OpenError> {
    sealed.split_last_chunk().ok_or(OpenError::NotAuthentic)
}

/// Why something could not be sealed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// No nonce or salt could be had.
    #[error("nothing could be sealed without random bytes")]
    Random(#[from] RandomError),
    /// The library refused: more than 64 GiB, or out of memory.
    #[error("the cryptographic library refused to seal")]
    Refused(#[source] Unspecified),
}

impl SealError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] = &[Self::REFUSED];

    const REFUSED: ErrorCode = ErrorCode::new(
        "SEAL_REFUSED",
        Category::ResourceExhausted,
        "Check the free memory and that the content is smaller than 64 GiB.",
    );
}

impl Coded for SealError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Random(source) => source.code(),
            Self::Refused(_) => Self::REFUSED,
        }
    }
}

/// Sealed bytes did not open; it is not said why, since the reason would help whoever tries keys or bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Changed bytes, another key or another context.
    #[error("the sealed bytes do not open")]
    NotAuthentic,
}

impl OpenError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] = &[Self::NOT_AUTHENTIC];

    const NOT_AUTHENTIC: ErrorCode = ErrorCode::new(
        "SEALED_BYTES_NOT_AUTHENTIC",
        Category::DataCorrupted,
        "The bytes were changed, cut or moved, or they belong to another key. Restore them from a backup.",
    );
}

impl Coded for OpenError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotAuthentic => Self::NOT_AUTHENTIC,
        }
    }
}

impl From<Unspecified> for OpenError {
    fn from(_: Unspecified) -> Self {
        Self::NotAuthentic
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wycheproof;
