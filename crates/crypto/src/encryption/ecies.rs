//! ECIES on P-256 as BouncyCastle's `ECIESwithSHA256andAES-CBC` (reference: keys-and-schemes, section 7.1).
//!
//! ```text
//! ciphertext = IV(16) || V(65) || C || T(32)
//! V          = ephemeral public point, 04 || X || Y
//! Z          = X coordinate of the shared point
//! K1 || K2   = KDF2-SHA256(V || Z), 16 + 64 bytes               ISO 18033-2, 6.2.3
//! C          = AES-128-CBC(K1, IV), PKCS#7 padding
//! T          = HMAC-SHA256(K2, C || 8 zero bytes)
//! ```
//!
//! The IV is not authenticated: whoever changes it changes the first 16 bytes of the plaintext. That is the
//! scheme of the ledger; what is encrypted there carries its own authentication.

use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey};
use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac};
use strongroom_memory::SecretBytes;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{DecryptError, EncryptError};
use crate::hmac::tag;
use crate::random::{Random, RandomError};

const IV_LEN: usize = 16;
const POINT_LEN: usize = 65;
const TAG_LEN: usize = 32;
const BLOCK_LEN: usize = 16;
const SCALAR_LEN: usize = 32;
const MAC_KEY_LEN: usize = 64;
/// First byte of an uncompressed point (SEC 1).
const UNCOMPRESSED: u8 = 4;
/// BouncyCastle appends the length of its empty encoding vector in bits, 64 bits wide.
const ENCODING_VECTOR_LEN: [u8; 8] = [0; 8];
/// One draw in 2³² is no scalar of P-256, so this many in a row are none by chance.
const MAX_DRAWS: usize = 16;

/// Encrypts `message` for the owner of the uncompressed point `recipient`.
pub(super) fn encrypt(
    recipient: &[u8],
    message: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, EncryptError> {
    let mut iv = [0; IV_LEN];
    random.fill(&mut iv)?;
    let ephemeral = ephemeral_key(random)?;
    encrypt_with(recipient, message, iv, &ephemeral).map_err(|Unspecified| EncryptError::Refused)
}

/// [`encrypt`] with everything that is random given: one key and IV for one message only.
pub(super) fn encrypt_with(
    recipient: &[u8],
    message: &[u8],
    iv: [u8; IV_LEN],
    ephemeral: &agreement::PrivateKey,
) -> Result<Vec<u8>, Unspecified> {
    let point = ephemeral.compute_public_key()?;
    let keys = Keys::agree(ephemeral, recipient, point.as_ref())?;
    let encrypted = keys.encrypt(iv, message)?;
    Ok([&iv[..], point.as_ref(), &encrypted, &keys.tag(&encrypted)].concat())
}

/// Decrypts what [`encrypt`] made.
pub(super) fn decrypt(
    key: &agreement::PrivateKey,
    ciphertext: &[u8],
) -> Result<SecretBytes, DecryptError> {
    // Every reason to fail is the same to the caller, see `DecryptError::Failed`.
    try_decrypt(key, ciphertext).ok_or(DecryptError::Failed)
}

fn try_decrypt(key: &agreement::PrivateKey, ciphertext: &[u8]) -> Option<SecretBytes> {
    let (iv, rest) = ciphertext.split_first_chunk::<IV_LEN>()?;
    let (point, rest) = rest.split_first_chunk::<POINT_LEN>()?;
    let (encrypted, expected) = rest.split_last_chunk::<TAG_LEN>()?;
    // The library also takes the hybrid form of a point, which has the same length.
    if !point.starts_with(&[UNCOMPRESSED]) {
        return None;
    }
    let keys = Keys::agree(key, point, point).ok()?;
    // Before anything is decrypted: the padding must not answer to anybody who cannot make the tag.
    if !bool::from(keys.tag(encrypted).ct_eq(expected)) {
        return None;
    }
    keys.decrypt(*iv, encrypted).ok()
}

/// A fresh key from `random`: candidates are drawn until one lies in `1..n`.
fn ephemeral_key(random: &dyn Random) -> Result<agreement::PrivateKey, RandomError> {
    let mut scalar = Zeroizing::new([0; SCALAR_LEN]);
    for _ in 0..MAX_DRAWS {
        random.fill(&mut *scalar)?;
        if let Some(key) = key_of_scalar(&*scalar) {
            return Ok(key);
        }
    }
    Err(RandomError::Broken)
}

/// The key of a big-endian scalar; none unless it has 32 bytes and lies in `1..n`.
pub(super) fn key_of_scalar(scalar: &[u8]) -> Option<agreement::PrivateKey> {
    agreement::PrivateKey::from_private_key(&ECDH_P256, scalar).ok()
}

/// The keys of one message.
struct Keys {
    cipher: Zeroizing<[u8; BLOCK_LEN]>,
    mac: hmac::Key,
}

impl Keys {
    /// `peer` is the other side's point, `point` the ephemeral one whichever side it is.
    fn agree(key: &agreement::PrivateKey, peer: &[u8], point: &[u8]) -> Result<Self, Unspecified> {
        agreement::agree(
            key,
            UnparsedPublicKey::new(&ECDH_P256, peer),
            Unspecified,
            |shared| Ok(Self::derive(point, shared)),
        )
    }

    /// `KDF2-SHA256(point || shared)`.
    fn derive(point: &[u8], shared: &[u8]) -> Self {
        let mut stream = Zeroizing::new([0; 3 * digest::SHA256_OUTPUT_LEN]);
        for (counter, block) in (1_u32..).zip(stream.chunks_exact_mut(digest::SHA256_OUTPUT_LEN)) {
            let mut context = digest::Context::new(&digest::SHA256);
            context.update(point);
            context.update(shared);
            context.update(&counter.to_be_bytes());
            block.copy_from_slice(context.finish().as_ref());
        }
        let mut cipher = Zeroizing::new([0; BLOCK_LEN]);
        let mut mac = Zeroizing::new([0; MAC_KEY_LEN]);
        cipher
            .iter_mut()
            .chain(mac.iter_mut())
            .zip(stream.iter())
            .for_each(|(to, from)| *to = *from);
        Self {
            cipher,
            mac: hmac::Key::new(hmac::HMAC_SHA256, &*mac),
        }
    }

    fn tag(&self, encrypted: &[u8]) -> [u8; TAG_LEN] {
        tag(&self.mac, &[encrypted, &ENCODING_VECTOR_LEN])
    }

    fn encrypt(&self, iv: [u8; IV_LEN], message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        // Room for the padding, so that no copy of the message stays behind in memory that was outgrown.
        let mut in_out = Vec::with_capacity(message.len() + BLOCK_LEN);
        in_out.extend_from_slice(message);
        let key =
            PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, &*self.cipher)?)?;
        key.less_safe_encrypt(&mut in_out, EncryptionContext::Iv128(FixedLength::from(iv)))?;
        Ok(in_out)
    }

    fn decrypt(&self, iv: [u8; IV_LEN], encrypted: &[u8]) -> Result<SecretBytes, Unspecified> {
        let key =
            PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, &*self.cipher)?)?;
        let mut in_out = SecretBytes::from_slice(encrypted);
        // EXPOSE: decrypted in place.
        let length = key
            .decrypt(
                in_out.expose_mut(),
                DecryptionContext::Iv128(FixedLength::from(iv)),
            )?
            .len();
        in_out.truncate(length);
        Ok(in_out)
    }
}

#[cfg(test)]
mod tests;
