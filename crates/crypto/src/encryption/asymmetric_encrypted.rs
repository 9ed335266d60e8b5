use crate::encoding::Encoder;
use crate::fingerprint::Fingerprint;
use crate::hash::Hash;
use crate::hash_builder::HashBuilder;
use crate::hash_purpose::HashPurpose;
use crate::spec::EncryptionAlgorithm;

/// A message that only the owner of one key can read.
///
/// RSA: 256 bytes. ECIES: 113 bytes more than the message padded to the next full block of 16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsymmetricEncrypted {
    /// The encrypted message.
    pub ciphertext: Vec<u8>,
    /// How it was encrypted.
    pub algorithm: EncryptionAlgorithm,
    /// Whose private key decrypts it.
    pub encrypted_for: Fingerprint,
}

impl AsymmetricEncrypted {
    /// The hash by which an encrypted session key is bound to what it opens (reference: keys-and-schemes, section 10; the
    /// lengths that look like too many are those of Canton).
    #[must_use]
    pub fn session_key_hash(&self) -> Hash {
        let mut key = Encoder::default();
        key.string(&self.encrypted_for.to_string());
        HashBuilder::new(HashPurpose::EncryptedSessionKey)
            .bytes(&self.ciphertext)
            .bytes(&self.algorithm.number().to_be_bytes())
            .bytes(key.as_slice())
            .finish()
    }
}
