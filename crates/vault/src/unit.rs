//! A unit of work: rows, digest, state record, audit record and anchor, changed together or not at all.

mod approvals;
mod audit;
mod data_keys;
mod journal;
mod wraps;

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::{Fingerprint, PublicKey, Timestamp, encoding::Encoder};
use strongroom_store::{
    BackupRecord, Custody, IdentityRecord, KeyState, PrivateKeyRecord, PublicKeyRecord,
    RotationRecord, StoreError, StoredKey, TopologyExpiry, TopologyRow, VaultRecord,
    WriteTransaction,
};
use strongroom_topology::Member;
use tokio::sync::MutexGuard;

use crate::{
    anchor::AnchorRecord,
    anchor_tag,
    backups::Backup,
    committed::{Change, Commit, Committed, Doubt, anchored},
    configuration::ConfigurationMark,
    data_keys::DataKeys,
    directory::{KeyEntry, PrivateHalf},
    error::{ReplicaError, VaultError},
    node::{Identity, Rotation},
    replica::UnderWay,
    rows,
    sealing::SealedKey,
    state::VaultState,
    vault::Vault,
};

pub(crate) use self::data_keys::MovedKey;

/// A unit of work; dropped without [`Unit::commit`], nothing has happened.
///
/// Holds the vault's writer lock: one unit at a time.
pub(crate) struct Unit<'v> {
    vault: &'v Vault,
    /// As of the beginning.
    data_keys: Arc<DataKeys>,
    /// As of the end, if this unit changes them.
    next_data_keys: Option<Arc<DataKeys>>,
    /// Dropped before the writer lock, so that it stands for no unit but this one.
    _under_way: Option<UnderWay>,
    committed: MutexGuard<'v, Committed>,
    transaction: Box<dyn WriteTransaction>,
    next: VaultState,
    changes: Vec<Change>,
    now: Timestamp,
    /// What the anchor remembers, if this unit overrules it.
    overruled: Option<AnchorRecord>,
}

/// A private key on its way into a unit, in the form that its row will hold.
///
/// Made before the unit begins: sealing `direct` asks a KMS, and no writer waits for that.
pub(crate) struct NewPrivateHalf {
    pub(crate) custody: Custody,
    pub(crate) sealed: SealedKey,
    /// It was readable somewhere before it came: copies may be there.
    pub(crate) exposed: bool,
}

impl<'v> Unit<'v> {
    /// Begins a unit of work on the state that this vault knows.
    ///
    /// # Errors
    /// [`VaultError::ChangedUnderneath`], or [`ReplicaError::Behind`], when the store holds another one; errors of the store.
    pub(crate) async fn begin(vault: &'v Vault) -> Result<Self, VaultError> {
        Self::watched(vault, vault.begin_to_write().await).await
    }

    /// The same, of a process that may have been asked to step down: for what is to be on record before it does.
    pub(crate) async fn begin_all_the_same(vault: &'v Vault) -> Result<Self, VaultError> {
        Self::watched(vault, vault.begin_to_write_all_the_same().await).await
    }

    async fn watched(
        vault: &'v Vault,
        begun: Result<(MutexGuard<'v, Committed>, Box<dyn WriteTransaction>), VaultError>,
    ) -> Result<Self, VaultError> {
        let unit = match begun {
            Ok(begun) => Self::over(vault, begun).await,
            Err(error) => Err(error),
        };
        unit.inspect_err(|error| vault.write_watch().failed(error))
    }

    async fn over(
        vault: &'v Vault,
        (mut committed, mut transaction): (MutexGuard<'v, Committed>, Box<dyn WriteTransaction>),
    ) -> Result<Self, VaultError> {
        let under_way = vault.unit_under_way();
        let stored = transaction
            .vault()
            .await?
            .ok_or(VaultError::ChangedUnderneath)?;
        vault.settle(&mut committed, &stored.state);
        if stored.state != committed.record {
            return Err(match vault.replica() {
                Some(_) => ReplicaError::Behind.into(),
                None => VaultError::ChangedUnderneath,
            });
        }
        let next = committed.state.clone();
        Ok(Self {
            vault,
            data_keys: vault.data_keys(),
            next_data_keys: None,
            _under_way: under_way,
            committed,
            transaction,
            next,
            changes: Vec::new(),
            now: vault.now(),
            overruled: None,
        })
    }

    pub(crate) const fn vault(&self) -> &'v Vault {
        self.vault
    }

    /// The data keys as of the beginning.
    pub(crate) const fn data_keys(&self) -> &Arc<DataKeys> {
        &self.data_keys
    }

    /// Puts a public key in, and its private half if there is one. Returns what the directory will know of it.
    pub(crate) async fn insert_key(
        &mut self,
        public: PublicKey,
        name: Option<strongroom_crypto::KeyName>,
        private: Option<NewPrivateHalf>,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let mut entry = self.insert_public_key(public, name).await?;
        if let Some(private) = private {
            entry.private = Some(self.insert_private_key(&entry.public, private).await?);
        }
        Ok(self.remember(entry))
    }

    /// Adds the private half of a public key that is in the vault.
    pub(crate) async fn add_private_half(
        &mut self,
        entry: &KeyEntry,
        private: NewPrivateHalf,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let half = self.insert_private_key(&entry.public, private).await?;
        Ok(self.replace_entry(entry, half))
    }

    /// Removes a key, both halves.
    pub(crate) async fn delete_key(&mut self, entry: &KeyEntry) -> Result<(), VaultError> {
        let fingerprint = entry.fingerprint();
        if entry.private.is_some() {
            self.transaction
                .delete_private_key(fingerprint)
                .await
                .map_err(contradicted)?;
        }
        self.transaction
            .delete_public_key(fingerprint)
            .await
            .map_err(contradicted)?;
        self.forget(entry);
        self.changes.push(Change::Removed(fingerprint));
        Ok(())
    }

    /// Retires the private half of `entry`. The row stays under the data key that it is under.
    pub(crate) async fn retire(&mut self, entry: &KeyEntry) -> Result<Arc<KeyEntry>, VaultError> {
        let mut record = self.private_row(entry).await?;
        record.state = KeyState::Retired;
        self.replace_private_row(entry, record).await
    }

    /// Puts the private key of `entry` into another custody than `from`, which was read before the unit began. One that is or
    /// was readable stays marked as exposed.
    ///
    /// # Errors
    /// [`VaultError::ChangedUnderneath`] when somebody moved it meanwhile: what is there now is not to be overwritten.
    pub(crate) async fn replace_private_key(
        &mut self,
        entry: &KeyEntry,
        from: Custody,
        private: NewPrivateHalf,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let mut record = self.private_row(entry).await?;
        if record.custody != from {
            return Err(VaultError::ChangedUnderneath);
        }
        let NewPrivateHalf {
            custody, sealed, ..
        } = private;
        let sealed = self.sealed_for_now(&entry.public, sealed)?;
        record.exposed |= [record.custody, custody].contains(&Custody::Clear);
        record.custody = custody;
        record.sealing = sealed.sealing;
        record.wrapper_key_id = sealed.wrapper_key_id;
        record.key = sealed.key;
        record.data_key_id = self.data_keys.writing().id;
        self.replace_private_row(entry, record).await
    }

    /// The private row of `entry`, which must still be the one that was authenticated.
    async fn private_row(&mut self, entry: &KeyEntry) -> Result<PrivateKeyRecord, VaultError> {
        let record = self.transaction.private_key(entry.fingerprint()).await?;
        let record = record.ok_or(VaultError::ChangedUnderneath)?;
        self.vault.authenticate(entry, &record)?;
        Ok(record)
    }

    async fn replace_private_row(
        &mut self,
        entry: &KeyEntry,
        mut record: PrivateKeyRecord,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        record.mac = rows::tag_private_key(&record, &self.data_keys, &mut Encoder::new())?;
        let half = PrivateHalf::of(&record, &self.data_keys)?;
        self.transaction
            .update_private_keys(vec![record])
            .await
            .map_err(contradicted)?;
        Ok(self.replace_entry(entry, half))
    }

    /// What was sealed before the unit began may be under a data key on its way out: it is sealed anew, which asks nobody.
    fn sealed_for_now(
        &self,
        public: &PublicKey,
        sealed: SealedKey,
    ) -> Result<SealedKey, VaultError> {
        sealed.under(
            self.data_keys.writing(),
            self.vault.id(),
            public,
            self.vault.random(),
        )
    }

    /// Makes the vault the one of `member`.
    pub(crate) async fn identify(&mut self, member: &Member) -> Result<(), VaultError> {
        let mut record = IdentityRecord {
            member: member.to_string(),
            created_at: self.now,
            data_key_id: self.data_keys.writing().id,
            mac: [0; 32],
        };
        record.mac = rows::tag_identity(&record, &self.data_keys)?;
        let identity = Identity::authentic(&record, &self.data_keys)?;
        self.transaction
            .insert_identity(record)
            .await
            .map_err(contradicted)?;
        self.enter(&identity.element(self.data_keys.current()));
        self.changes.push(Change::Identified(identity));
        Ok(())
    }

    /// Notes that `new` is to take the place of `old` in the keys of `member`.
    pub(crate) async fn begin_rotation(
        &mut self,
        member: &Member,
        old: Fingerprint,
        new: Fingerprint,
        position: u32,
    ) -> Result<(), VaultError> {
        let mut record = RotationRecord {
            old,
            new,
            member: member.to_string(),
            position,
            created_at: self.now,
            data_key_id: self.data_keys.writing().id,
            mac: [0; 32],
        };
        record.mac = rows::tag_rotation(&record, &self.data_keys)?;
        let rotation = Rotation::authentic(&record, &self.data_keys)?;
        self.transaction
            .insert_rotations(vec![record])
            .await
            .map_err(contradicted)?;
        self.enter(&rotation.element(self.data_keys.current()));
        self.changes.push(Change::RotationBegun(rotation));
        Ok(())
    }

    /// Notes that a rotation is over, done or given up.
    pub(crate) async fn end_rotation(&mut self, rotation: &Rotation) -> Result<(), VaultError> {
        let rotations = self.vault.rotations();
        let known = rotations.iter().find(|known| *known == rotation);
        let known = known.ok_or(VaultError::ChangedUnderneath)?;
        self.transaction
            .delete_rotation(rotation.old)
            .await
            .map_err(contradicted)?;
        self.leave(&known.element(self.data_keys.current()));
        self.changes.push(Change::RotationEnded(rotation.old));
        Ok(())
    }

    /// Remembers a backup, in the place of what is known of the one with its id.
    pub(crate) async fn put_backup(&mut self, mut record: BackupRecord) -> Result<(), VaultError> {
        let data_keys = Arc::clone(&self.data_keys);
        record.data_key_id = data_keys.writing().id;
        record.mac = rows::tag_backup(&record, &data_keys)?;
        let backup = Backup::authentic(record.clone(), &data_keys)?;
        self.transaction
            .put_backup(record)
            .await
            .map_err(contradicted)?;
        let current = data_keys.current();
        if let Some(before) = self.vault.backup_records().of(backup.id) {
            self.leave(&before.element(current));
        }
        self.enter(&backup.element(current));
        self.changes.push(Change::BackedUp(backup));
        Ok(())
    }

    /// Remembers this backup no longer.
    pub(crate) async fn forget_backup(&mut self, backup: &Backup) -> Result<(), VaultError> {
        self.transaction
            .delete_backup(backup.id)
            .await
            .map_err(contradicted)?;
        self.leave(&backup.element(self.data_keys.current()));
        self.changes.push(Change::BackupForgotten(backup.id));
        Ok(())
    }

    /// Lets the state after this unit be the latest, whatever the anchor remembers; until the commit it goes on remembering that.
    pub(crate) fn overrule(&mut self, anchored: Option<AnchorRecord>) {
        self.overruled = anchored;
    }

    /// Lets the state after this unit be of a later generation than this one.
    pub(crate) fn raise_generation(&mut self, beyond: u64) {
        self.next.generation = self.next.generation.max(beyond);
    }

    /// From this commit on the vault signs nothing, or does again.
    pub(crate) fn set_quarantine(&mut self, quarantine: bool) {
        self.next.quarantine = quarantine;
        self.changes.push(Change::Quarantine(quarantine));
    }

    /// What a server was told last.
    pub(crate) const fn configuration(&self) -> Option<ConfigurationMark> {
        self.next.configuration
    }

    /// From this commit on this is what a server was told last. Answers what is to be on record of it; none: nothing has changed.
    pub(crate) fn set_configuration(
        &mut self,
        mark: ConfigurationMark,
    ) -> Option<BTreeMap<String, String>> {
        let before = self.next.configuration.replace(mark);
        (before != Some(mark)).then(|| mark.details(before.as_ref()))
    }

    /// Puts rows of topology in, each with its tag.
    pub(crate) async fn insert_topology(
        &mut self,
        rows: Vec<TopologyRow>,
    ) -> Result<(), VaultError> {
        let current = self.data_keys.current();
        for row in &rows {
            self.next.topology.add(&current.element(&row.mac));
        }
        self.transaction
            .insert_topology(rows)
            .await
            .map_err(contradicted)
    }

    /// Ends the validity of rows of topology; `before` are the tags that they had.
    pub(crate) async fn expire_topology(
        &mut self,
        expiries: Vec<TopologyExpiry>,
        before: &[rows::Tag],
    ) -> Result<(), VaultError> {
        let current = self.data_keys.current();
        for (expiry, before) in expiries.iter().zip(before) {
            let (before, after) = (current.element(before), current.element(&expiry.mac));
            self.next.topology.replace(&before, &after);
        }
        self.transaction
            .expire_topology(expiries)
            .await
            .map_err(contradicted)
    }

    /// Makes everything durable, and then known: the anchor learns of the new state first, so that no crash leaves a
    /// state behind that it does not know; the directory learns of it before anybody else may write.
    pub(crate) async fn commit(self) -> Result<(), VaultError> {
        self.commit_as_last().await.map(drop)
    }

    /// The same; as long as what it answers is held, no other unit begins.
    pub(crate) async fn commit_as_last(self) -> Result<MutexGuard<'v, Committed>, VaultError> {
        let watch = self.vault.write_watch();
        self.write()
            .await
            .inspect(|_committed| watch.succeeded())
            .inspect_err(|error| watch.failed(error))
    }

    async fn write(mut self) -> Result<MutexGuard<'v, Committed>, VaultError> {
        self.check_direct_keys()?;
        let vault = self.vault;
        self.next.generation += 1;
        self.next.anchored = vault.environment().anchor.location().is_some();
        let next_data_keys = self.next_data_keys.as_ref().unwrap_or(&self.data_keys);
        let next_data_keys = Arc::clone(next_data_keys);
        let before = (&self.committed.state, &*self.data_keys);
        let (tagged, tag) =
            anchor_tag::prepare(vault, before, &next_data_keys, &self.changes).await?;
        self.next.tagged = tagged;
        let current = next_data_keys.current();
        let record = self.next.seal(vault.id(), current, vault.random())?;
        let vault_record = VaultRecord {
            id: vault.id(),
            created_at: vault.created_at(),
            current_data_key: current.id,
            state: record.clone(),
        };
        self.transaction
            .update_vault(&self.committed.record, vault_record)
            .await
            .map_err(contradicted)?;
        let after = self.next;
        let pending = match self.overruled {
            Some(overruled) => overruled
                .while_restoring(anchored(current), vault.checkpoint(&after, &next_data_keys)),
            None => vault.anchor_during(
                (&self.committed.state, &self.data_keys),
                (&after, &next_data_keys),
            ),
        };
        vault.expect(&pending)?;
        // From here on the caller may give up waiting, or the answer be lost, after the work was done.
        self.committed.in_doubt = Some(Commit {
            state: after.clone(),
            record: record.clone(),
            changes: self.changes,
        });
        let doubt = Doubt::over(vault);
        let stored = match self.transaction.commit().await {
            Ok(()) => record,
            // What the store holds decides. If it does not tell, the next use and the next unit ask again.
            Err(error) => match vault.state_record_after_lost_answer().await {
                Ok(stored) if stored == record => stored,
                Ok(other) => {
                    vault.settle(&mut self.committed, &other);
                    if self.committed.in_doubt.is_none() {
                        doubt.settled();
                    }
                    return Err(error.into());
                }
                Err(_no_answer_either) => return Err(error.into()),
            },
        };
        vault.settle(&mut self.committed, &stored);
        doubt.settled();
        vault.confirm(&after, &next_data_keys);
        if let Some(tag) = tag {
            tag.done().await;
        }
        Ok(self.committed)
    }

    async fn insert_public_key(
        &mut self,
        public: PublicKey,
        name: Option<strongroom_crypto::KeyName>,
    ) -> Result<KeyEntry, VaultError> {
        let data_key_id = self.data_keys.writing().id;
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
        let public_tag = rows::tag_public_key(&record, &self.data_keys, &mut Encoder::new())?;
        record.mac = public_tag;
        self.transaction
            .insert_public_key(record)
            .await
            .map_err(contradicted)?;
        Ok(KeyEntry {
            public,
            name,
            created_at: self.now,
            private: None,
            public_tag,
            public_data_key: data_key_id,
        })
    }

    async fn insert_private_key(
        &mut self,
        public: &PublicKey,
        private: NewPrivateHalf,
    ) -> Result<PrivateHalf, VaultError> {
        let NewPrivateHalf {
            custody,
            sealed,
            exposed,
        } = private;
        let sealed = self.sealed_for_now(public, sealed)?;
        let mut record = PrivateKeyRecord {
            fingerprint: public.fingerprint(),
            custody,
            sealing: sealed.sealing,
            state: KeyState::Active,
            exposed: exposed || matches!(sealed.key, StoredKey::Clear(_)),
            wrapper_key_id: sealed.wrapper_key_id,
            data_key_id: self.data_keys.writing().id,
            key: sealed.key,
            created_at: self.now,
            mac: [0; 32],
        };
        record.mac = rows::tag_private_key(&record, &self.data_keys, &mut Encoder::new())?;
        let half = PrivateHalf::of(&record, &self.data_keys)?;
        self.transaction
            .insert_private_key(record)
            .await
            .map_err(contradicted)?;
        Ok(half)
    }

    /// The entry with another private half, in the digest as well.
    fn replace_entry(&mut self, entry: &KeyEntry, half: PrivateHalf) -> Arc<KeyEntry> {
        self.forget(entry);
        self.remember(KeyEntry {
            private: Some(half),
            ..entry.clone()
        })
    }

    fn remember(&mut self, entry: KeyEntry) -> Arc<KeyEntry> {
        self.enter(&entry.element(self.data_keys.current()));
        let entry = Arc::new(entry);
        self.changes.push(Change::Put(Arc::clone(&entry)));
        entry
    }

    fn forget(&mut self, entry: &KeyEntry) {
        self.leave(&entry.element(self.data_keys.current()));
    }

    fn enter(&mut self, element: &rows::Tag) {
        self.next.digest.add(element);
        self.next.entries += 1;
    }

    fn leave(&mut self, element: &rows::Tag) {
        self.next.digest.remove(element);
        self.next.entries = self.next.entries.saturating_sub(1);
    }
}

/// The state record is the one we know, so what contradicts it in another row was done past us.
fn contradicted(error: StoreError) -> VaultError {
    match error {
        StoreError::AuditOutOfOrder { found, .. } => VaultError::AuditBroken { sequence: found },
        StoreError::DataKeyMissing { .. }
        | StoreError::DataKeyInUse { .. }
        | StoreError::IdentityExists
        | StoreError::IdentityMissing
        | StoreError::BackupMissing { .. }
        | StoreError::ApprovalMissing { .. }
        | StoreError::JournalEntryMissing { .. }
        | StoreError::KeyExists { .. }
        | StoreError::KeyInRotation { .. }
        | StoreError::KeyMissing { .. }
        | StoreError::PrivateKeyRemains { .. }
        | StoreError::RotationExists { .. }
        | StoreError::RotationMissing { .. }
        | StoreError::TopologyRowExists { .. }
        | StoreError::TopologyRowMissing { .. }
        | StoreError::VaultMissing
        | StoreError::WrapExists { .. }
        | StoreError::WrapMissing { .. }
        | StoreError::WriteConflict => VaultError::ChangedUnderneath,
        other => other.into(),
    }
}
