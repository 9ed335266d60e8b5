//! Decrypting.

use strongroom_crypto::{AsymmetricEncrypted, SecretBytes};

use crate::{error::VaultError, vault::Vault};

impl Vault {
    /// Decrypts what was encrypted to a key of this vault; a retired key still decrypts history.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`], [`VaultError::WrongPurpose`];
    /// [`VaultError::Decrypt`], which does not say why; errors of store and KMS when the key had to be opened.
    pub async fn decrypt(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<SecretBytes, VaultError> {
        let key = self.decryption_key(&encrypted.encrypted_for).await?;
        Ok(key.decrypt(encrypted)?)
    }
}
