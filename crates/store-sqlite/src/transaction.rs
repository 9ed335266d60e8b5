//! The transaction contract, over a [`Session`].

use std::marker::PhantomData;

use async_trait::async_trait;
use strongroom_crypto::Fingerprint;
use strongroom_store::{
    ApprovalId, ApprovalRecord, AuditRow, BackupId, BackupRecord, DataKeyId, DataKeyRecord,
    IdentityRecord, JournalId, KeyRow, KmsJournalRecord, PrivateKeyRecord, PublicKeyRecord,
    ReadTransaction, RotationRecord, StoreError, TopologyExpiry, TopologyRow, TopologyTag,
    VaultRecord, WrapRecord, WriteTransaction,
};

use crate::{
    approvals, audit, backups, data_keys, identity, keys, kms_journal, moved, private_keys,
    public_keys, rotations, session::Session, topology, vault, wraps,
};

/// Marks a transaction that only reads.
#[derive(Debug)]
pub(crate) enum Reading {}

/// Marks a transaction that writes.
#[derive(Debug)]
pub(crate) enum Writing {}

/// A transaction on one connection.
#[derive(Debug)]
pub(crate) struct SqliteTransaction<A> {
    session: Session,
    access: PhantomData<A>,
}

impl<A> SqliteTransaction<A> {
    pub(crate) fn over(session: Session) -> Self {
        Self {
            session,
            access: PhantomData,
        }
    }
}

#[async_trait]
impl<A: std::fmt::Debug + Send> ReadTransaction for SqliteTransaction<A> {
    async fn vault(&mut self) -> Result<Option<VaultRecord>, StoreError> {
        self.session.run(vault::select).await
    }

    async fn data_keys(&mut self) -> Result<Vec<DataKeyRecord>, StoreError> {
        self.session.run(data_keys::select_all).await
    }

    async fn wraps(&mut self, data_key_id: DataKeyId) -> Result<Vec<WrapRecord>, StoreError> {
        self.session
            .run(move |connection| wraps::select(connection, data_key_id))
            .await
    }

    async fn public_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PublicKeyRecord>, StoreError> {
        self.session
            .run(move |connection| public_keys::select(connection, fingerprint))
            .await
    }

    async fn private_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PrivateKeyRecord>, StoreError> {
        self.session
            .run(move |connection| private_keys::select(connection, fingerprint))
            .await
    }

    async fn keys_after(
        &mut self,
        after: Option<Fingerprint>,
        limit: usize,
    ) -> Result<Vec<KeyRow>, StoreError> {
        self.session
            .run(move |connection| keys::select_after(connection, after, limit))
            .await
    }

    async fn key_count(&mut self) -> Result<u64, StoreError> {
        self.session.run(public_keys::count).await
    }

    async fn audit_after(
        &mut self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.session
            .run(move |connection| audit::select_after(connection, sequence, limit))
            .await
    }

    async fn audit_head(&mut self) -> Result<Option<AuditRow>, StoreError> {
        self.session.run(audit::select_head).await
    }

    async fn topology_after(
        &mut self,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Vec<TopologyRow>, StoreError> {
        self.session
            .run(move |connection| topology::select_after(connection, after, limit))
            .await
    }

    async fn topology_count(&mut self) -> Result<u64, StoreError> {
        self.session.run(topology::count).await
    }

    async fn identity(&mut self) -> Result<Option<IdentityRecord>, StoreError> {
        self.session.run(identity::select).await
    }

    async fn rotations(&mut self) -> Result<Vec<RotationRecord>, StoreError> {
        self.session.run(rotations::select_all).await
    }

    async fn kms_journal(&mut self) -> Result<Vec<KmsJournalRecord>, StoreError> {
        self.session.run(kms_journal::select_all).await
    }

    async fn backups(&mut self) -> Result<Vec<BackupRecord>, StoreError> {
        self.session.run(backups::select_all).await
    }

    async fn approvals(&mut self) -> Result<Vec<ApprovalRecord>, StoreError> {
        self.session.run(approvals::select_all).await
    }
}

#[async_trait]
impl WriteTransaction for SqliteTransaction<Writing> {
    fn lease_token(&self) -> Option<u64> {
        None
    }

    async fn insert_vault(&mut self, vault: VaultRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| vault::insert(connection, &vault))
            .await
    }

    async fn update_vault(
        &mut self,
        expected_state: &[u8],
        vault: VaultRecord,
    ) -> Result<(), StoreError> {
        let expected_state = expected_state.to_vec();
        self.session
            .run(move |connection| vault::update(connection, &expected_state, &vault))
            .await
    }

    async fn insert_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| data_keys::insert(connection, &data_key))
            .await
    }

    async fn update_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| data_keys::update(connection, &data_key))
            .await
    }

    async fn delete_data_key(&mut self, id: DataKeyId) -> Result<(), StoreError> {
        self.session
            .run(move |connection| data_keys::delete(connection, id))
            .await
    }

    async fn insert_wrap(&mut self, wrap: WrapRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| wraps::insert(connection, wrap))
            .await
    }

    async fn delete_wrap(
        &mut self,
        data_key_id: DataKeyId,
        kms: &str,
        wrapper_key_id: &str,
    ) -> Result<(), StoreError> {
        let (kms, wrapper_key_id) = (kms.to_owned(), wrapper_key_id.to_owned());
        self.session
            .run(move |connection| wraps::delete(connection, data_key_id, kms, wrapper_key_id))
            .await
    }

    async fn insert_public_key(&mut self, key: PublicKeyRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| public_keys::insert(connection, &key))
            .await
    }

    async fn insert_private_key(&mut self, key: PrivateKeyRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| private_keys::insert(connection, &key))
            .await
    }

    async fn insert_keys(&mut self, keys: Vec<KeyRow>) -> Result<(), StoreError> {
        self.session
            .run(move |connection| keys::insert(connection, keys))
            .await
    }

    async fn update_public_keys(&mut self, keys: Vec<PublicKeyRecord>) -> Result<(), StoreError> {
        self.session
            .run(move |connection| {
                keys.iter()
                    .try_for_each(|key| public_keys::update(connection, key))
            })
            .await
    }

    async fn update_private_keys(&mut self, keys: Vec<PrivateKeyRecord>) -> Result<(), StoreError> {
        self.session
            .run(move |connection| {
                keys.iter()
                    .try_for_each(|key| private_keys::update(connection, key))
            })
            .await
    }

    async fn delete_private_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        self.session
            .run(move |connection| private_keys::delete(connection, fingerprint))
            .await
    }

    async fn delete_public_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        self.session
            .run(move |connection| public_keys::delete(connection, fingerprint))
            .await
    }

    async fn append_audit(&mut self, row: AuditRow) -> Result<(), StoreError> {
        self.session
            .run(move |connection| audit::append(connection, &row))
            .await
    }

    async fn insert_topology(&mut self, rows: Vec<TopologyRow>) -> Result<(), StoreError> {
        self.session
            .run(move |connection| topology::insert(connection, rows))
            .await
    }

    async fn expire_topology(&mut self, expiries: Vec<TopologyExpiry>) -> Result<(), StoreError> {
        self.session
            .run(move |connection| topology::expire(connection, expiries))
            .await
    }

    async fn update_topology_tags(&mut self, tags: Vec<TopologyTag>) -> Result<(), StoreError> {
        self.session
            .run(move |connection| topology::update_tags(connection, tags))
            .await
    }

    async fn delete_topology(&mut self, store: &str) -> Result<u64, StoreError> {
        let store = store.to_owned();
        self.session
            .run(move |connection| topology::delete(connection, &store))
            .await
    }

    async fn insert_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| identity::insert(connection, &identity))
            .await
    }

    async fn update_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| identity::update(connection, &identity))
            .await
    }

    async fn insert_rotations(&mut self, rotations: Vec<RotationRecord>) -> Result<(), StoreError> {
        self.session
            .run(move |connection| rotations::insert(connection, &rotations))
            .await
    }

    async fn delete_rotation(&mut self, old: Fingerprint) -> Result<(), StoreError> {
        self.session
            .run(move |connection| rotations::delete(connection, old))
            .await
    }

    async fn put_kms_journal(&mut self, entry: KmsJournalRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| kms_journal::put(connection, &entry))
            .await
    }

    async fn delete_kms_journal(&mut self, id: JournalId) -> Result<(), StoreError> {
        self.session
            .run(move |connection| kms_journal::delete(connection, id))
            .await
    }

    async fn put_backup(&mut self, backup: BackupRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| backups::put(connection, &backup))
            .await
    }

    async fn delete_backup(&mut self, id: BackupId) -> Result<(), StoreError> {
        self.session
            .run(move |connection| backups::delete(connection, id))
            .await
    }

    async fn put_approval(&mut self, approval: ApprovalRecord) -> Result<(), StoreError> {
        self.session
            .run(move |connection| approvals::put(connection, &approval))
            .await
    }

    async fn delete_approval(&mut self, id: ApprovalId) -> Result<(), StoreError> {
        self.session
            .run(move |connection| approvals::delete(connection, id))
            .await
    }

    async fn mark_moved(&mut self, target: &str) -> Result<(), StoreError> {
        let target = target.to_owned();
        self.session
            .run(move |connection| moved::mark(connection, &target))
            .await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.session.commit().await
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        self.session.roll_back().await
    }
}
