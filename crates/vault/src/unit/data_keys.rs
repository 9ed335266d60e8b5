//! Units of work in which data keys come and go, and rows move from one to another.

use std::sync::Arc;

use strongroom_store::{
    DataKeyRecord, DataKeyState, PrivateKeyRecord, PublicKeyRecord, StoreError, TopologyTag,
};

use super::{Unit, contradicted};
use crate::{
    background::on_a_thread,
    committed::Change,
    data_keys::{DataKeys, OpenedDataKey},
    directory::KeyEntry,
    error::{VaultError, WrapperKeyError},
    node::{Identity, Rotation},
    rows::{self, Tag},
    state::RowSum,
    succession::Link,
    topology::TopologyWriter,
};

/// A key on its way to another data key: its rows, and what stands in the digest for them.
pub(crate) struct MovedKey {
    pub(crate) before: Arc<KeyEntry>,
    pub(crate) after: Arc<KeyEntry>,
    pub(crate) leaves: Tag,
    pub(crate) enters: Tag,
    pub(crate) public: PublicKeyRecord,
    pub(crate) private: Option<PrivateKeyRecord>,
}

impl Unit<'_> {
    /// Puts a data key in that rows are to move to.
    pub(crate) async fn bring_data_key_in(
        &mut self,
        key: Arc<OpenedDataKey>,
    ) -> Result<(), VaultError> {
        let current = Arc::clone(self.data_keys.current());
        let mut record = DataKeyRecord {
            id: key.id,
            commitment: key.key.commitment(),
            state: DataKeyState::Active,
            created_at: self.now,
            mac: [0; 32],
        };
        record.mac = rows::tag_data_key(&record, &current);
        self.transaction
            .insert_data_key(record.clone())
            .await
            .map_err(contradicted)?;
        self.enter(&current.element(&record.mac));
        self.change_data_keys(self.data_keys.with_incoming(key, record));
        Ok(())
    }

    fn change_data_keys(&mut self, next: DataKeys) {
        let next = Arc::new(next);
        self.next_data_keys = Some(Arc::clone(&next));
        self.changes.push(Change::DataKeys(next));
    }

    /// Moves keys, but for those that somebody changed or deleted since they were read. Says how many.
    pub(crate) async fn move_keys(&mut self, moved: Vec<MovedKey>) -> Result<u64, VaultError> {
        let (mut public, mut private) = (Vec::with_capacity(moved.len()), Vec::new());
        let mut count = 0;
        for key in moved {
            let directory = self.vault.directory();
            if directory.if_current(&key.before, || ()).is_none() {
                continue;
            }
            self.leave(&key.leaves);
            self.enter(&key.enters);
            self.changes.push(Change::Put(key.after));
            public.push(key.public);
            private.extend(key.private);
            count += 1;
        }
        self.transaction
            .update_public_keys(public)
            .await
            .map_err(contradicted)?;
        self.transaction
            .update_private_keys(private)
            .await
            .map_err(contradicted)?;
        Ok(count)
    }

    /// Moves the node's rows: its identity, its rotations under way, the journal of KMS keys, its backups and approvals. Says how many.
    pub(crate) async fn move_node_rows(&mut self) -> Result<u64, VaultError> {
        let data_keys = Arc::clone(&self.data_keys);
        let (new, current) = (data_keys.writing().id, data_keys.current());
        let mut count = 0;
        if let Some(identity) = self.vault.identity()
            && identity.data_key != new
        {
            let mut record = identity.record(new);
            record.mac = rows::tag_identity(&record, &data_keys)?;
            let moved = Identity::authentic(&record, &data_keys)?;
            self.transaction
                .update_identity(record)
                .await
                .map_err(contradicted)?;
            self.exchange(&identity.element(current), &moved.element(current));
            self.changes.push(Change::Identified(moved));
            count += 1;
        }
        for rotation in self.vault.rotations() {
            if rotation.data_key != new {
                self.move_rotation(&rotation, &data_keys).await?;
                count += 1;
            }
        }
        for entry in self.vault.journal().entries() {
            if entry.data_key == new {
                continue;
            }
            let before = entry.element(current);
            let (moved, record) = entry.under(new, &data_keys)?;
            self.transaction
                .put_kms_journal(record)
                .await
                .map_err(contradicted)?;
            self.exchange(&before, &moved.element(current));
            self.changes.push(Change::Journalled(moved));
            count += 1;
        }
        for backup in self.vault.backups() {
            if backup.data_key != new {
                self.put_backup(backup.record(new)).await?;
                count += 1;
            }
        }
        for approval in self.vault.approvals() {
            if approval.data_key != new {
                self.put_approval(&approval.again(approval.verdict.clone()))
                    .await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn move_rotation(
        &mut self,
        rotation: &Rotation,
        data_keys: &DataKeys,
    ) -> Result<(), VaultError> {
        let mut record = rotation.record(data_keys.writing().id);
        record.mac = rows::tag_rotation(&record, data_keys)?;
        let moved = Rotation::authentic(&record, data_keys)?;
        self.transaction
            .delete_rotation(rotation.old)
            .await
            .map_err(contradicted)?;
        self.transaction
            .insert_rotations(vec![record])
            .await
            .map_err(contradicted)?;
        let current = data_keys.current();
        self.exchange(&rotation.element(current), &moved.element(current));
        self.changes.push(Change::RotationMoved(moved));
        Ok(())
    }

    /// Moves rows of topology; `before` are the tags that they had.
    pub(crate) async fn move_topology(
        &mut self,
        tags: Vec<TopologyTag>,
        before: &[Tag],
    ) -> Result<(), VaultError> {
        let current = self.data_keys.current();
        for (tag, before) in tags.iter().zip(before) {
            let (before, after) = (current.element(before), current.element(&tag.mac));
            self.next.topology.replace(&before, &after);
        }
        self.transaction
            .update_topology_tags(tags)
            .await
            .map_err(contradicted)
    }

    /// Makes the incoming data key the current one and retires the other. No row may be under that any more: what the whole
    /// adds up to is computed anew from what the vault knows.
    pub(crate) async fn make_incoming_current(
        &mut self,
        topology: &TopologyWriter<'_>,
    ) -> Result<(), VaultError> {
        let next = self.data_keys.rotated();
        let next = next.ok_or(WrapperKeyError::NoRotation)?;
        for record in next.records() {
            self.transaction
                .update_data_key(record.clone())
                .await
                .map_err(contradicted)?;
        }
        let current = Arc::clone(next.current());
        let mut found = self.vault.sum_beside_keys(&current, next.records())?;
        let entries = self.vault.directory().entries();
        let key = Arc::clone(&current);
        let add_up = move || {
            let elements = entries.iter().map(|entry| entry.element(&key));
            elements.for_each(|element| found.add(&element));
            found
        };
        // A hundred thousand HMACs: too much for the async threads.
        let found = on_a_thread(add_up).await;
        self.next.digest = found.digest_of(self.next.entries)?;
        let sum: RowSum = topology.sum_under(&current);
        if sum.rows != self.next.topology.rows {
            return Err(VaultError::TopologyMismatch {
                expected_rows: self.next.topology.rows,
                found_rows: sum.rows,
            });
        }
        self.next.topology = sum;
        let link = Link::new(self.vault.id(), self.data_keys.current(), &current);
        self.next.succession.add(link);
        self.change_data_keys(next);
        Ok(())
    }

    /// Takes every retired data key away, with its wraps.
    pub(crate) async fn remove_retired_data_keys(&mut self) -> Result<(), VaultError> {
        let current = Arc::clone(self.data_keys.current());
        for wrap in self.vault.wrap_records().of_retired() {
            self.leave(&super::wraps::wrap_element(&wrap, &current));
            self.transaction
                .delete_wrap(wrap.data_key_id, &wrap.kms, &wrap.wrapper_key_id)
                .await
                .map_err(contradicted)?;
        }
        let data_keys = Arc::clone(&self.data_keys);
        for record in data_keys.retired() {
            self.leave(&current.element(&record.mac));
            let deleted = self.transaction.delete_data_key(record.id).await;
            deleted.map_err(|error| match error {
                // A row that the vault does not know of names it.
                StoreError::DataKeyInUse { id } => WrapperKeyError::DataKeyNeeded { id }.into(),
                other => contradicted(other),
            })?;
        }
        self.next.succession.clear();
        self.change_data_keys(data_keys.without_retired());
        Ok(())
    }

    /// One entry of the digest is another now.
    fn exchange(&mut self, before: &Tag, after: &Tag) {
        self.leave(before);
        self.enter(after);
    }
}
