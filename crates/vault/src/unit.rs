//! A unit of work: rows, digest, state record, audit record and anchor, changed together or not at all.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::{Fingerprint, PrivateKey, PublicKey, Timestamp, encoding::Encoder};
use strongroom_store::{
    Custody, KeyState, PrivateKeyRecord, PublicKeyRecord, StoreError, StoredKey, VaultRecord,
    WriteTransaction,
};
use tokio::sync::MutexGuard;

use crate::{
    anchor::{AnchorRecord, Checkpoint},
    audit::{AuditEntry, AuditOperation},
    caller::Caller,
    directory::{KeyEntry, PrivateHalf},
    error::VaultError,
    rows,
    state::VaultState,
    vault::Vault,
};

/// The last commit, as this process knows it.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) state: VaultState,
    /// The sealed state record, byte for byte as it stands in the store.
    pub(crate) record: Vec<u8>,
}

/// A unit of work; dropped without [`Unit::commit`], nothing has happened.
///
/// Holds the vault's writer lock: one unit at a time.
pub(crate) struct Unit<'v> {
    vault: &'v Vault,
    committed: MutexGuard<'v, Committed>,
    transaction: Box<dyn WriteTransaction>,
    next: VaultState,
    now: Timestamp,
}

/// A private key on its way into a unit.
pub(crate) struct NewPrivateHalf<'k> {
    pub(crate) key: &'k PrivateKey,
    pub(crate) custody: Custody,
}

impl<'v> Unit<'v> {
    pub(crate) async fn begin(vault: &'v Vault) -> Result<Self, VaultError> {
        let committed = vault.committed().lock().await;
        let transaction = vault.environment().store.begin().await?;
        let next = committed.state;
        Ok(Self {
            vault,
            committed,
            transaction,
            next,
            now: vault.now(),
        })
    }

    /// Puts a public key in, and its private half if there is one. Returns what the directory will know of it.
    pub(crate) async fn insert_key(
        &mut self,
        public: PublicKey,
        name: Option<strongroom_crypto::KeyName>,
        private: Option<NewPrivateHalf<'_>>,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let mut entry = self.insert_public_key(public, name).await?;
        if let Some(private) = private {
            entry.private = Some(self.insert_private_key(&entry.public, private).await?);
        }
        self.remember(&entry);
        Ok(Arc::new(entry))
    }

    /// Adds the private half of a public key that is in the vault.
    pub(crate) async fn add_private_half(
        &mut self,
        entry: &KeyEntry,
        private: NewPrivateHalf<'_>,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let half = self.insert_private_key(&entry.public, private).await?;
        Ok(self.replace_entry(entry, half))
    }

    /// Removes a key, both halves.
    pub(crate) async fn delete_key(&mut self, entry: &KeyEntry) -> Result<(), VaultError> {
        let fingerprint = entry.fingerprint();
        if entry.private.is_some() {
            self.transaction.delete_private_key(fingerprint).await?;
        }
        self.transaction.delete_public_key(fingerprint).await?;
        self.forget(entry);
        Ok(())
    }

    /// Replaces the private row of `entry` by what `change` makes of it.
    pub(crate) async fn replace_private_row(
        &mut self,
        entry: &KeyEntry,
        change: impl FnOnce(&mut PrivateKeyRecord),
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let fingerprint = entry.fingerprint();
        let mut record = self
            .transaction
            .private_key(fingerprint)
            .await?
            .ok_or(VaultError::ChangedUnderneath)?;
        self.vault.authenticate(entry, &record)?;
        change(&mut record);
        record.mac = rows::tag_private_key(&record, self.vault.data_keys(), &mut Encoder::new())?;
        let half = self.vault.private_half(&record);
        self.transaction.update_private_keys(vec![record]).await?;
        Ok(self.replace_entry(entry, half))
    }

    /// Writes what is done into the audit log, in this same unit.
    pub(crate) async fn audit(
        &mut self,
        caller: &Caller,
        operation: AuditOperation,
        key: Option<Fingerprint>,
        details: BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        let entry = AuditEntry::new(
            self.next.audit_records + 1,
            self.now,
            caller,
            operation,
            key,
            details,
        );
        let row = entry.to_row(&self.next.audit_head)?;
        self.next.audit_records += 1;
        self.next.audit_head = row.hash;
        self.transaction.append_audit(row).await?;
        Ok(())
    }

    /// Makes everything durable: the anchor learns of the new state first, so that no crash leaves a state behind
    /// that it does not know.
    pub(crate) async fn commit(mut self) -> Result<(), VaultError> {
        self.next.generation += 1;
        let current = self.vault.data_keys().current();
        let record = self
            .next
            .seal(self.vault.id(), current, self.vault.random())?;
        let vault_record = VaultRecord {
            id: self.vault.id(),
            created_at: self.vault.created_at(),
            current_data_key: current.id,
            state: record.clone(),
        };
        self.transaction
            .update_vault(&self.committed.record, vault_record)
            .await
            .map_err(|error| match error {
                StoreError::WriteConflict => VaultError::ChangedUnderneath,
                other => other.into(),
            })?;
        let anchor = &self.vault.environment().anchor;
        let before = self.vault.checkpoint(&self.committed.state);
        let after = self.vault.checkpoint(&self.next);
        anchor.store(&self.vault.anchor_record(Some(before), Some(after.clone())))?;
        if let Err(error) = self.transaction.commit().await {
            // The answer may have been lost after the work was done: what the store holds decides.
            if self.vault.stored_state_record().await? != record {
                return Err(error.into());
            }
        }
        self.committed.state = self.next;
        self.committed.record = record;
        if let Err(error) = anchor.store(&self.vault.anchor_record(Some(after), None)) {
            // The pending checkpoint covers this state, and the next commit confirms it.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the anchor could not be confirmed"
            );
        }
        Ok(())
    }

    async fn insert_public_key(
        &mut self,
        public: PublicKey,
        name: Option<strongroom_crypto::KeyName>,
    ) -> Result<KeyEntry, VaultError> {
        let data_key_id = self.vault.data_keys().current().id;
        let mut record = PublicKeyRecord {
            fingerprint: public.fingerprint(),
            spec: public.spec(),
            usages: public.usages(),
            spki: public.spki().into(),
            name: name.clone(),
            created_at: self.now,
            data_key_id,
            mac: [0; 32],
        };
        let public_tag =
            rows::tag_public_key(&record, self.vault.data_keys(), &mut Encoder::new())?;
        record.mac = public_tag;
        self.transaction.insert_public_key(record).await?;
        Ok(KeyEntry {
            public,
            name,
            created_at: self.now,
            private: None,
            public_tag,
        })
    }

    async fn insert_private_key(
        &mut self,
        public: &PublicKey,
        private: NewPrivateHalf<'_>,
    ) -> Result<PrivateHalf, VaultError> {
        let sealed = self
            .vault
            .seal_key(private.key, public, private.custody)
            .await?;
        let mut record = PrivateKeyRecord {
            fingerprint: public.fingerprint(),
            custody: private.custody,
            sealing: sealed.sealing,
            state: KeyState::Active,
            exposed: matches!(sealed.key, StoredKey::Clear(_)),
            wrapper_key_id: sealed.wrapper_key_id,
            data_key_id: self.vault.data_keys().current().id,
            key: sealed.key,
            created_at: self.now,
            mac: [0; 32],
        };
        record.mac = rows::tag_private_key(&record, self.vault.data_keys(), &mut Encoder::new())?;
        let half = self.vault.private_half(&record);
        self.transaction.insert_private_key(record).await?;
        Ok(half)
    }

    /// The entry with another private half, in the digest as well.
    fn replace_entry(&mut self, entry: &KeyEntry, half: PrivateHalf) -> Arc<KeyEntry> {
        let replaced = Arc::new(KeyEntry {
            private: Some(half),
            ..entry.clone()
        });
        self.forget(entry);
        self.remember(&replaced);
        replaced
    }

    fn remember(&mut self, entry: &KeyEntry) {
        self.next
            .digest
            .add(&entry.element(self.vault.data_keys().current()));
        self.next.entries += 1;
    }

    fn forget(&mut self, entry: &KeyEntry) {
        self.next
            .digest
            .remove(&entry.element(self.vault.data_keys().current()));
        self.next.entries = self.next.entries.saturating_sub(1);
    }
}

impl Vault {
    /// What the anchor keeps of `state`.
    pub(crate) fn checkpoint(&self, state: &VaultState) -> Checkpoint {
        let tag = state.checkpoint_tag(self.id(), self.data_keys().current());
        Checkpoint {
            generation: state.generation,
            tag: data_encoding::HEXLOWER.encode(&tag),
        }
    }

    pub(crate) fn anchor_record(
        &self,
        confirmed: Option<Checkpoint>,
        pending: Option<Checkpoint>,
    ) -> AnchorRecord {
        let current = self.data_keys().current();
        AnchorRecord {
            vault_id: self.id().to_string(),
            data_key_id: current.id.to_string(),
            data_key_commitment: data_encoding::HEXLOWER.encode(&current.key.commitment()),
            confirmed,
            pending,
        }
    }

    /// The state record as the store has it now.
    async fn stored_state_record(&self) -> Result<Vec<u8>, VaultError> {
        let mut snapshot = self.environment().store.read().await?;
        Ok(snapshot
            .vault()
            .await?
            .ok_or(VaultError::NotInitialized)?
            .state)
    }
}
