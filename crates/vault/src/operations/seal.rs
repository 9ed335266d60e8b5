//! Moving keys out of custody `clear`.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_store::Custody;

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    unit::{NewPrivateHalf, Unit},
    vault::Vault,
};

impl Vault {
    /// Seals keys that are stored in clear, all or none, and scrubs their old bytes from the store's files.
    ///
    /// The keys stay marked *exposed*: copies of the clear rows may be in backups and on old disks, and only a new key
    /// ends that. A key that is sealed already is left as it is; the files are scrubbed all the same. Returns the keys
    /// that were sealed.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; errors of store and KMS. The keys are then still clear, or
    /// they are sealed but their old bytes may still be in the files: calling this again ends both.
    pub async fn seal_clear_keys(
        &self,
        caller: &Caller,
        fingerprints: &[Fingerprint],
    ) -> Result<Vec<Arc<KeyEntry>>, VaultError> {
        let mut sealed = Vec::new();
        for fingerprint in fingerprints {
            if let Some(half) = self.sealed_half(fingerprint).await? {
                sealed.push((*fingerprint, half));
            }
        }
        let mut entries = Vec::with_capacity(sealed.len());
        if !sealed.is_empty() {
            let mut unit = Unit::begin(self).await?;
            for (fingerprint, half) in sealed {
                let entry = self.key(&fingerprint)?;
                entries.push(unit.seal(caller, &entry, half).await?);
            }
            unit.commit().await?;
        }
        self.environment().store.scrub().await?;
        Ok(entries)
    }

    /// Seals one key: see [`Vault::seal_clear_keys`].
    ///
    /// # Errors
    /// As [`Vault::seal_clear_keys`].
    pub async fn seal_clear_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        self.seal_clear_keys(caller, &[*fingerprint]).await?;
        self.key(fingerprint)
    }

    /// The sealed form of a key that is stored in clear; none if it is sealed already.
    async fn sealed_half(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<NewPrivateHalf>, VaultError> {
        let entry = self.key(fingerprint)?;
        let half = entry.private.as_ref().ok_or(VaultError::NoPrivateKey {
            fingerprint: *fingerprint,
        })?;
        if half.custody != Custody::Clear {
            return Ok(None);
        }
        let (entry, private) = self.private_key(fingerprint).await?;
        Ok(Some(
            self.new_private_half(&private, &entry.public, Custody::Envelope)
                .await?,
        ))
    }

    /// Whether any key is stored readable, by fingerprint.
    #[must_use]
    pub fn clear_keys(&self) -> Vec<Fingerprint> {
        let clear = |entry: &Arc<KeyEntry>| {
            entry
                .private
                .as_ref()
                .is_some_and(|private| private.custody == Custody::Clear)
        };
        self.directory()
            .entries()
            .iter()
            .filter(|entry| clear(entry))
            .map(|entry| entry.fingerprint())
            .collect()
    }
}

impl Unit<'_> {
    async fn seal(
        &mut self,
        caller: &Caller,
        entry: &KeyEntry,
        half: NewPrivateHalf,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let entry = self
            .replace_private_key(entry, Custody::Clear, half)
            .await?;
        let key = Some(entry.fingerprint());
        self.audit(caller, AuditOperation::SealKey, key, key_details(&entry))
            .await?;
        Ok(entry)
    }
}
