//! Encrypting to a key of the vault.

use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, KeyPurpose, PublicKey};

use crate::{error::VaultError, vault::Vault};

impl Vault {
    /// Encrypts `message` to a key whose public half is in this vault.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::WrongPurpose`]; [`VaultError::KeyRetired`], since nothing new is encrypted
    /// to a retired key; [`VaultError::Encrypt`] when the message is too long for the key.
    pub fn encrypt(
        &self,
        fingerprint: &Fingerprint,
        message: &[u8],
    ) -> Result<AsymmetricEncrypted, VaultError> {
        let entry = self.key(fingerprint)?;
        let PublicKey::Encryption(public) = &entry.public else {
            return Err(VaultError::WrongPurpose {
                fingerprint: *fingerprint,
                wanted: KeyPurpose::Encryption,
            });
        };
        self.check_not_retired(fingerprint)?;
        Ok(public.encrypt(message, self.random())?)
    }
}
