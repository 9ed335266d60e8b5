//! Moving keys out of custody `clear`.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_store::Custody;

use crate::{
    audit::AuditOperation, caller::Caller, directory::KeyEntry, error::VaultError,
    operations::generate::details, unit::Unit, vault::Vault,
};

impl Vault {
    /// Seals a key that is stored in clear, and scrubs its old bytes from the store's files.
    ///
    /// The key stays marked *exposed*: copies of the clear row may be in backups and on old disks, and only a rotation
    /// ends that. A key that is sealed already is left as it is; if it was clear once, the files are scrubbed again.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; errors of store and KMS. The key is then still clear, or
    /// it is sealed but its old bytes may still be in the files: calling this again ends both.
    pub async fn seal_clear_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let entry = self.key(fingerprint)?;
        let half = entry.private.as_ref().ok_or(VaultError::NoPrivateKey {
            fingerprint: *fingerprint,
        })?;
        if half.custody != Custody::Clear {
            if half.exposed {
                drop(unit);
                self.environment().store.scrub().await?;
            }
            return Ok(entry);
        }
        let private = self.read_private_key(&entry).await?;
        let sealed = self
            .seal_key(&private, &entry.public, Custody::Envelope)
            .await?;
        let entry = unit
            .replace_private_row(&entry, |record| {
                record.custody = Custody::Envelope;
                record.sealing = sealed.sealing;
                record.wrapper_key_id = sealed.wrapper_key_id;
                record.key = sealed.key;
                record.exposed = true;
            })
            .await?;
        unit.audit(
            caller,
            AuditOperation::SealKey,
            Some(*fingerprint),
            details(&entry),
        )
        .await?;
        unit.commit().await?;
        self.environment().store.scrub().await?;
        Ok(entry)
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
