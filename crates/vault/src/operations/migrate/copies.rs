//! The sealed keys that are still here beside keys in a KMS: using them again, or giving them up.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyError, PrivateKey};
use strongroom_kms::{KmsError, KmsKeyId};
use strongroom_store::{Custody, KmsKeyRef};

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::{MigrationError, VaultError},
    recall::safe_point,
    sealing::SealedKey,
    unit::{NewPrivateHalf, Unit},
    vault::Vault,
};

impl Vault {
    /// Keys that a KMS holds and of which a sealed copy is still here, by fingerprint.
    #[must_use]
    pub fn copied_keys(&self) -> Vec<Fingerprint> {
        let entries = self.directory().entries();
        let copied = entries.iter().filter(|entry| has_copy(entry));
        copied.map(|entry| entry.fingerprint()).collect()
    }

    /// Gives up the sealed copy of a key: [`Vault::drop_copies`] for one.
    ///
    /// # Errors
    /// As [`Vault::drop_copies`].
    pub async fn drop_copy(
        &self,
        caller: &Caller,
        key: &Fingerprint,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        self.drop_copies(caller, &[*key], |_key| {}).await?;
        self.key(key)
    }

    /// Gives up the sealed copies of keys that a KMS holds, each after the KMS has shown once more that it does the work of the
    /// key, and scrubs their bytes from the store's files in the end. From then on nothing but the KMS has the keys, and older
    /// backups. `hears` is told of each copy that is gone.
    ///
    /// # Errors
    /// [`VaultError::InQuarantine`]; [`VaultError::KeyNotFound`]; [`MigrationError::NoCopy`]; [`MigrationError::NotProved`];
    /// errors of KMS and store. Copies of which `hears` was not told are still here; sealed bytes of the others may be in the
    /// files until the store is closed.
    pub async fn drop_copies(
        &self,
        caller: &Caller,
        keys: &[Fingerprint],
        mut hears: impl FnMut(&Fingerprint),
    ) -> Result<(), VaultError> {
        self.check_released()?;
        let _turn = self.migration_turn().lock().await;
        self.try_settle().await?;
        let mut outcome = Ok(());
        for key in keys {
            outcome = match safe_point() {
                Ok(()) => self.drop_one(caller, key).await,
                called_off => called_off,
            };
            if outcome.is_err() {
                break;
            }
            hears(key);
        }
        let scrubbed = self.environment().store.scrub().await;
        outcome?;
        Ok(scrubbed?)
    }

    async fn drop_one(&self, caller: &Caller, key: &Fingerprint) -> Result<(), VaultError> {
        let entry = self.key(key)?;
        let held = self.held_beside_copy(&entry)?;
        let holder = self.holder(&held.kms)?;
        let id = KmsKeyId::try_new(held.key_id.as_str()).map_err(KmsError::from)?;
        self.prove(&holder, &id, &entry).await?;

        let mut unit = Unit::begin(self).await?;
        let entry = self.key(key)?;
        if self.held_beside_copy(&entry)? != held {
            return Err(VaultError::ChangedUnderneath);
        }
        let half = NewPrivateHalf {
            custody: Custody::External,
            sealed: SealedKey::held(held),
            exposed: false,
        };
        let entry = unit
            .replace_private_key(&entry, Custody::External, half)
            .await?;
        let details = key_details(&entry);
        unit.audit(caller, AuditOperation::DropCopy, Some(*key), details)
            .await?;
        unit.commit().await
    }

    /// The sealed copy does the work of the key again. What is in the KMS stands in the journal, to be destroyed.
    pub(super) async fn take_back(
        &self,
        caller: &Caller,
        key: &Fingerprint,
    ) -> Result<(), VaultError> {
        let entry = self.key(key)?;
        let held = self.held_beside_copy(&entry)?;
        let private = self.copy_of(&entry).await?;
        let half = self
            .new_private_half(&private, &entry.public, Custody::Envelope)
            .await?;
        drop(private);
        let mut unit = Unit::begin(self).await?;
        let entry = self.key(key)?;
        if self.held_beside_copy(&entry)? != held {
            return Err(VaultError::ChangedUnderneath);
        }
        let _discarded = self.discard(&mut unit, &entry, &held).await?;
        let entry = unit
            .replace_private_key(&entry, Custody::External, half)
            .await?;
        let mut details = key_details(&entry);
        details.insert("kms".to_owned(), held.kms);
        details.insert("kms_key_id".to_owned(), held.key_id);
        unit.audit(caller, AuditOperation::TakeBackKey, Some(*key), details)
            .await?;
        unit.commit().await
    }

    /// The private key that is still here, beside the one in the KMS. The halves fit.
    pub(crate) async fn copy_of(&self, entry: &Arc<KeyEntry>) -> Result<PrivateKey, VaultError> {
        let fingerprint = entry.fingerprint();
        let mut snapshot = self.environment().store.read().await?;
        let record = snapshot.private_key(fingerprint).await?;
        drop(snapshot);
        let record = record.ok_or(VaultError::ChangedUnderneath)?;
        self.authenticate(entry, &record)?;
        let copy = self.open_copy(&record, &entry.public)?;
        if copy.public_key(entry.usages())? == entry.public {
            Ok(copy)
        } else {
            Err(KeyError::HalvesDiffer.into())
        }
    }

    /// Whether what is still here beside a key in a KMS opens, if there is anything.
    pub(crate) async fn check_copy(&self, entry: &Arc<KeyEntry>) -> Result<(), VaultError> {
        if has_copy(entry) {
            self.copy_of(entry).await?;
        }
        Ok(())
    }

    /// The KMS that holds the key, of which there must be a copy.
    fn held_beside_copy(&self, entry: &KeyEntry) -> Result<KmsKeyRef, VaultError> {
        let fingerprint = entry.fingerprint();
        let half = entry.private.as_ref();
        let held = half.filter(|half| half.has_copy());
        let held = held.and_then(|half| half.external.as_deref().cloned());
        Ok(held.ok_or(MigrationError::NoCopy { fingerprint })?)
    }
}

fn has_copy(entry: &KeyEntry) -> bool {
    entry.private.as_ref().is_some_and(|half| half.has_copy())
}
