//! Signing, and opening keys to do it.

use std::sync::Arc;

use strongroom_crypto::{
    DecryptionKey, Fingerprint, KeyPurpose, KeyUsages, PublicKey, Signature, SigningKey,
};
use strongroom_store::KeyState;

use crate::{cache::KeyCache, directory::KeyEntry, error::VaultError, vault::Vault};

impl Vault {
    /// Signs `message` with a key that may sign for one of `allowed`.
    ///
    /// To sign a Canton hash, pass its 34-byte multihash as the message. With the key in memory this touches neither
    /// store nor KMS; otherwise the key's row is read, authenticated and opened first.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`], [`VaultError::WrongPurpose`], [`VaultError::KeyRetired`];
    /// [`VaultError::Sign`] when the key's usages forbid it; errors of store and KMS when it had to be opened.
    pub async fn sign(
        &self,
        fingerprint: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        let key = match self.caches().signing.lookup(fingerprint, self.now()) {
            Some(key) => key,
            None => self.open_signing_key(fingerprint).await?,
        };
        Ok(key.sign(message, allowed)?)
    }

    async fn open_signing_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<SigningKey>, VaultError> {
        let cache = &self.caches().signing;
        let gate = cache.gate(fingerprint);
        let permit = gate.lock().await;
        let outcome = match cache.lookup(fingerprint, self.now()) {
            Some(key) => Ok(key),
            None => self.load_signing_key(fingerprint).await,
        };
        drop(permit);
        cache.close_gate(fingerprint, gate);
        outcome
    }

    async fn load_signing_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<SigningKey>, VaultError> {
        let entry = self.key(fingerprint)?;
        let PublicKey::Signing(public) = &entry.public else {
            return Err(VaultError::WrongPurpose {
                fingerprint: *fingerprint,
                wanted: KeyPurpose::Signing,
            });
        };
        let half = entry.private.as_ref().ok_or(VaultError::NoPrivateKey {
            fingerprint: *fingerprint,
        })?;
        if half.state == KeyState::Retired {
            return Err(VaultError::KeyRetired {
                fingerprint: *fingerprint,
            });
        }
        let private = self.read_private_key(&entry).await?;
        let key = Arc::new(SigningKey::new(&private, public)?);
        self.keep_opened(&self.caches().signing, &entry, Arc::clone(&key))?;
        Ok(key)
    }

    /// The decryption key of `fingerprint`, from the cache or opened; a retired key still decrypts.
    pub(crate) async fn decryption_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<DecryptionKey>, VaultError> {
        let cache = &self.caches().decryption;
        if let Some(key) = cache.lookup(fingerprint, self.now()) {
            return Ok(key);
        }
        let gate = cache.gate(fingerprint);
        let permit = gate.lock().await;
        let outcome = match cache.lookup(fingerprint, self.now()) {
            Some(key) => Ok(key),
            None => self.load_decryption_key(fingerprint).await,
        };
        drop(permit);
        cache.close_gate(fingerprint, gate);
        outcome
    }

    async fn load_decryption_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<DecryptionKey>, VaultError> {
        let entry = self.key(fingerprint)?;
        let PublicKey::Encryption(public) = &entry.public else {
            return Err(VaultError::WrongPurpose {
                fingerprint: *fingerprint,
                wanted: KeyPurpose::Encryption,
            });
        };
        let private = self.read_private_key(&entry).await?;
        let key = Arc::new(DecryptionKey::new(&private, public)?);
        self.keep_opened(&self.caches().decryption, &entry, Arc::clone(&key))?;
        Ok(key)
    }

    /// A key deleted, or replaced by a retired one, while it was being opened is neither kept nor used.
    fn keep_opened<K>(
        &self,
        cache: &KeyCache<K>,
        entry: &Arc<KeyEntry>,
        key: Arc<K>,
    ) -> Result<(), VaultError> {
        let fingerprint = entry.fingerprint();
        let now = self.now();
        if self
            .directory()
            .if_current(entry, || cache.insert(fingerprint, key, now))
        {
            Ok(())
        } else {
            Err(VaultError::ChangedUnderneath)
        }
    }
}
