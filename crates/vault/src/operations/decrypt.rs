//! Decrypting.

use strongroom_crypto::{
    AsymmetricEncrypted, DecryptionKey, Fingerprint, KeyPurpose, PublicKey, SecretBytes,
};

use crate::{error::VaultError, opening::Opened, vault::Vault};

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
        let fingerprint = &encrypted.encrypted_for;
        if self.is_in_doubt() {
            self.settled_for(fingerprint).await?;
        }
        let decrypt = |key: &DecryptionKey| key.decrypt(encrypted);
        let cache = &self.caches().decryption;
        if let Some(plaintext) = cache.with(fingerprint, self.now(), decrypt) {
            return Ok(plaintext?);
        }
        let opened = self.with_opened(
            cache,
            fingerprint,
            || self.open_decryption_key(fingerprint),
            decrypt,
        );
        Ok(opened.await??)
    }

    async fn open_decryption_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Opened<DecryptionKey>>, VaultError> {
        let entry = self.key(fingerprint)?;
        let PublicKey::Encryption(public) = &entry.public else {
            return Err(VaultError::WrongPurpose {
                fingerprint: *fingerprint,
                wanted: KeyPurpose::Encryption,
            });
        };
        let Some(private) = self.private_key_in_force(&entry).await? else {
            return Ok(None);
        };
        let key = DecryptionKey::new(&private, public)?;
        Ok(Some(Opened { entry, key }))
    }
}
