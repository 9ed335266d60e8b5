//! Decrypting.

use strongroom_crypto::{
    AsymmetricEncrypted, DecryptionKey, EncryptionPublicKey, Fingerprint, KeyPurpose, PublicKey,
    SecretBytes,
};

use crate::{
    audit::AuditOperation,
    caller::Caller,
    directory::KeyEntry,
    error::{ReplicaError, VaultError},
    opening::Opened,
    vault::Vault,
};

impl Vault {
    /// Decrypts what was encrypted to a key of this vault; a retired key still decrypts history.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`], [`VaultError::WrongPurpose`];
    /// [`VaultError::Decrypt`], which does not say why; errors of store and KMS when the key had to be opened;
    /// [`VaultError::UseNotRecorded`] when a record is asked for and cannot be had.
    pub async fn decrypt(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<SecretBytes, VaultError> {
        self.decrypt_and_record(None, encrypted).await
    }

    /// As [`Self::decrypt`], on behalf of somebody whom the record of the use names.
    ///
    /// # Errors
    /// As [`Self::decrypt`].
    pub async fn decrypt_for(
        &self,
        caller: &Caller,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<SecretBytes, VaultError> {
        self.decrypt_and_record(Some(caller), encrypted).await
    }

    async fn decrypt_and_record(
        &self,
        caller: Option<&Caller>,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<SecretBytes, VaultError> {
        let plaintext = self.decrypt_in_touch(encrypted).await?;
        let key = &encrypted.encrypted_for;
        self.record_use(caller, AuditOperation::Decrypt, key, None)
            .await?;
        Ok(plaintext)
    }

    /// Without a record of the use: whoever calls it sees to that.
    pub(crate) async fn decrypt_in_touch(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<SecretBytes, VaultError> {
        loop {
            self.in_touch().await?;
            let plaintext = match self.decrypt_as_known(encrypted).await {
                Err(VaultError::Replica(ReplicaError::Behind)) => {
                    self.catch_up().await?;
                    continue;
                }
                other => other?,
            };
            let key = &encrypted.encrypted_for;
            if self.was_in_touch(|| self.may_decrypt(key)).await? {
                return Ok(plaintext);
            }
        }
    }

    async fn decrypt_as_known(
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
        loop {
            let entry = self.key(fingerprint)?;
            let public = decryption_public(&entry)?;
            let held = entry
                .private
                .as_ref()
                .and_then(|half| half.external.as_ref());
            let Some(held) = held else {
                let opened = self.with_opened(
                    cache,
                    fingerprint,
                    || self.open_decryption_key(fingerprint),
                    decrypt,
                );
                match opened.await {
                    // It was brought into a KMS since: that one is asked.
                    Err(VaultError::HeldByKms { .. }) => continue,
                    opened => return Ok(opened??),
                }
            };
            // None: the key was changed while the KMS decrypted, perhaps deleted. Then it is asked for anew.
            if let Some(plaintext) = self
                .decrypt_externally(&entry, public, held, encrypted)
                .await?
            {
                return Ok(plaintext);
            }
        }
    }

    async fn open_decryption_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Opened<DecryptionKey>>, VaultError> {
        let entry = self.key(fingerprint)?;
        let public = decryption_public(&entry)?;
        let Some(private) = self.private_key_in_force(&entry).await? else {
            return Ok(None);
        };
        let key = DecryptionKey::new(&private, public)?;
        Ok(Some(Opened { entry, key }))
    }
}

fn decryption_public(entry: &KeyEntry) -> Result<&EncryptionPublicKey, VaultError> {
    match &entry.public {
        PublicKey::Encryption(public) => Ok(public),
        PublicKey::Signing(_) => Err(VaultError::WrongPurpose {
            fingerprint: entry.fingerprint(),
            wanted: KeyPurpose::Encryption,
        }),
    }
}
