use crate::fingerprint::Fingerprint;
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
