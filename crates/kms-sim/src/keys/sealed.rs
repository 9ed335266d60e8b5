//! Ciphertexts of symmetric keys. They name the key and its version, so that decrypting needs no key id.
//!
//! ```text
//! header = 01 ‖ length of id(1) ‖ id ‖ version(4) ‖ check(8)      check = SHA-256(what stands before it), shortened
//! sealed = header ‖ nonce(12) ‖ ciphertext ‖ tag(16)              bound to: header ‖ context
//! ```
//!
//! The check tells a ciphertext that was changed from one of a key that is not here, as the clouds do.

use aws_lc_rs::digest::{SHA256, digest};
use strongroom_crypto::Random;

use super::error::KeyError;
use super::key::Key;

const FORMAT: u8 = 1;
const VERSION_BYTES: usize = 4;
const CHECK_BYTES: usize = 8;

/// The key version that a ciphertext names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedBy {
    pub(crate) key_id: String,
    pub(crate) version: u32,
    header_bytes: usize,
}

impl SealedBy {
    /// Reads the header; [`KeyError::Undecryptable`] unless it is whole.
    pub(crate) fn read(sealed: &[u8]) -> Result<Self, KeyError> {
        Self::parse(sealed).ok_or(KeyError::Undecryptable)
    }

    fn parse(sealed: &[u8]) -> Option<Self> {
        let (start, _) = sealed.split_first_chunk::<2>()?;
        let [FORMAT, id_bytes] = *start else {
            return None;
        };
        let id_end = 2 + usize::from(id_bytes);
        let key_id = std::str::from_utf8(sealed.get(2..id_end)?).ok()?.to_owned();
        let version_end = id_end + VERSION_BYTES;
        let version = u32::from_be_bytes(sealed.get(id_end..version_end)?.try_into().ok()?);
        let header_bytes = version_end + CHECK_BYTES;
        let named = sealed.get(..version_end)?;
        if sealed.get(version_end..header_bytes)? != check(named) {
            return None;
        }
        Some(Self {
            key_id,
            version,
            header_bytes,
        })
    }
}

impl Key {
    /// Encrypts under the newest version, bound to `context`.
    pub(crate) fn seal(
        &self,
        plaintext: &[u8],
        context: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, KeyError> {
        let id_bytes =
            u8::try_from(self.id.len()).map_err(|_too_long| KeyError::Library("naming the key"))?;
        let mut sealed = vec![FORMAT, id_bytes];
        sealed.extend_from_slice(self.id.as_bytes());
        sealed.extend_from_slice(&self.current.number.to_be_bytes());
        sealed.extend_from_slice(&check(&sealed));
        let bound_to = [sealed.as_slice(), context].concat();
        sealed.extend(self.current.material.seal(plaintext, &bound_to, random)?);
        Ok(sealed)
    }

    /// Decrypts what any version of this key sealed under an equal context.
    pub(crate) fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        let by = SealedBy::read(sealed)?;
        if by.key_id != self.id {
            return Err(KeyError::IncorrectKey);
        }
        let version = self.version(by.version).ok_or(KeyError::Undecryptable)?;
        let (header, rest) = sealed
            .split_at_checked(by.header_bytes)
            .ok_or(KeyError::Undecryptable)?;
        version.material.open(rest, &[header, context].concat())
    }

    /// Encrypts to an RSA key; [`RSA_MAX_PLAINTEXT`](super::RSA_MAX_PLAINTEXT) bytes at most.
    pub(crate) fn rsa_encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.current.material.rsa_encrypt(plaintext)
    }

    /// Decrypts with an RSA key.
    pub(crate) fn rsa_decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.current.material.rsa_decrypt(ciphertext)
    }
}

fn check(named: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = digest(&SHA256, named);
    let mut check = [0; CHECK_BYTES];
    for (to, from) in check.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    check
}
