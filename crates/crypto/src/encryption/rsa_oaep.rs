//! RSA-2048 OAEP with SHA-256, MGF1 with SHA-256 and an empty label (RFC 8017, section 7.1).

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use strongroom_memory::SecretBytes;

use super::{DecryptError, EncryptError};

/// Bytes of a modulus, and so of every ciphertext.
const MODULUS_LEN: usize = 256;
/// A modulus less two hashes and two bytes.
pub(super) const MAX_MESSAGE_LEN: usize = MODULUS_LEN - 2 * 32 - 2;

/// Encrypts a message of at most 190 bytes for the owner of the key in `spki`. The seed of OAEP comes from the
/// library's own generator, which cannot be replaced.
pub(super) fn encrypt(spki: &[u8], message: &[u8]) -> Result<Vec<u8>, EncryptError> {
    check_length(message)?;
    try_encrypt(spki, message).ok_or(EncryptError::Refused)
}

pub(super) fn check_length(message: &[u8]) -> Result<(), EncryptError> {
    if message.len() > MAX_MESSAGE_LEN {
        return Err(EncryptError::MessageTooLong {
            maximum: MAX_MESSAGE_LEN,
            found: message.len(),
        });
    }
    Ok(())
}

fn try_encrypt(spki: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(spki).ok()?).ok()?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let length = key
        .encrypt(&OAEP_SHA256_MGF1SHA256, message, &mut ciphertext, None)
        .ok()?
        .len();
    ciphertext.truncate(length);
    Some(ciphertext)
}

/// Decrypts what [`encrypt`] made.
pub(super) fn decrypt(
    key: &OaepPrivateDecryptingKey,
    ciphertext: &[u8],
) -> Result<SecretBytes, DecryptError> {
    // Every reason to fail is the same to the caller, see `DecryptError::Failed`.
    try_decrypt(key, ciphertext).ok_or(DecryptError::Failed)
}

fn try_decrypt(key: &OaepPrivateDecryptingKey, ciphertext: &[u8]) -> Option<SecretBytes> {
    let mut plaintext = SecretBytes::zeroed(key.min_output_size());
    // EXPOSE: decrypted in place.
    let length = key
        .decrypt(
            &OAEP_SHA256_MGF1SHA256,
            ciphertext,
            plaintext.expose_mut(),
            None,
        )
        .ok()?
        .len();
    plaintext.truncate(length);
    Some(plaintext)
}

#[cfg(test)]
mod tests;
