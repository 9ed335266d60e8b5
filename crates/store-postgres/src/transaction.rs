//! The transaction contract, over a [`Session`].

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use strongroom_crypto::Fingerprint;
use strongroom_store::{
    ApprovalId, ApprovalRecord, AuditRow, BackupId, BackupRecord, DataKeyId, DataKeyRecord,
    IdentityRecord, JournalId, KeyRow, KmsJournalRecord, PrivateKeyRecord, PublicKeyRecord,
    ReadTransaction, RotationRecord, StoreError, TakeKeys, TopologyExpiry, TopologyRow,
    TopologyTag, VaultRecord, WrapRecord, WriteTransaction,
};

use crate::{
    approvals, audit, backups, data_keys, identity, keys, kms_journal, moved, private_keys,
    public_keys, rotations, session::Session, topology, vault, wire::Read, wraps,
};

/// Marks a transaction that only reads.
#[derive(Debug)]
pub(crate) enum Reading {}

/// Marks a transaction that writes.
#[derive(Debug)]
pub(crate) enum Writing {}

/// A transaction on one connection.
#[derive(Debug)]
pub(crate) struct PostgresTransaction<A> {
    session: Session,
    /// What commits it, where it writes.
    commit: Arc<str>,
    lease_token: Option<u64>,
    access: PhantomData<A>,
}

impl PostgresTransaction<Reading> {
    pub(crate) fn reading(session: Session) -> Self {
        Self {
            session,
            commit: Arc::default(),
            lease_token: None,
            access: PhantomData,
        }
    }
}

impl PostgresTransaction<Writing> {
    pub(crate) const fn writing(session: Session, commit: Arc<str>, lease_token: u64) -> Self {
        Self {
            session,
            commit,
            lease_token: Some(lease_token),
            access: PhantomData,
        }
    }
}

/// One call in the transaction. If it fails, or if the caller gives up waiting, the transaction is dead.
macro_rules! ask {
    ($self:ident, $module:ident :: $function:ident ( $($argument:expr),* )) => {{
        let mut call = $self.session.call().await?;
        let answer = $module::$function(&mut call $(, $argument)*).await;
        call.end(answer)
    }};
}

#[async_trait]
impl<A: std::fmt::Debug + Send> ReadTransaction for PostgresTransaction<A> {
    async fn vault(&mut self) -> Result<Option<VaultRecord>, StoreError> {
        ask!(self, vault::select())
    }

    async fn data_keys(&mut self) -> Result<Vec<DataKeyRecord>, StoreError> {
        ask!(self, data_keys::select_all())
    }

    async fn wraps(&mut self, data_key_id: DataKeyId) -> Result<Vec<WrapRecord>, StoreError> {
        ask!(self, wraps::select(data_key_id))
    }

    async fn public_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PublicKeyRecord>, StoreError> {
        ask!(self, public_keys::select(fingerprint))
    }

    async fn private_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PrivateKeyRecord>, StoreError> {
        ask!(self, private_keys::select(fingerprint))
    }

    async fn keys_after(
        &mut self,
        after: Option<Fingerprint>,
        limit: usize,
    ) -> Result<Vec<KeyRow>, StoreError> {
        ask!(self, keys::select_after(after, limit))
    }

    async fn all_keys(&mut self, page: usize, to: &mut dyn TakeKeys) -> Result<(), StoreError> {
        let mut call = self.session.call().await?;
        match keys::select_all(&mut call, page, to).await {
            // The rest of the answer is still to come: the connection is given up with the transaction.
            Ok(Read::Part) => Ok(()),
            Ok(Read::All) => call.end(Ok(())),
            Err(error) => Err(error),
        }
    }

    async fn key_count(&mut self) -> Result<u64, StoreError> {
        ask!(self, public_keys::count())
    }

    async fn audit_after(
        &mut self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        ask!(self, audit::select_after(sequence, limit))
    }

    async fn audit_head(&mut self) -> Result<Option<AuditRow>, StoreError> {
        ask!(self, audit::select_head())
    }

    async fn topology_after(
        &mut self,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Vec<TopologyRow>, StoreError> {
        ask!(self, topology::select_after(after, limit))
    }

    async fn topology_count(&mut self) -> Result<u64, StoreError> {
        ask!(self, topology::count())
    }

    async fn identity(&mut self) -> Result<Option<IdentityRecord>, StoreError> {
        ask!(self, identity::select())
    }

    async fn rotations(&mut self) -> Result<Vec<RotationRecord>, StoreError> {
        ask!(self, rotations::select_all())
    }

    async fn kms_journal(&mut self) -> Result<Vec<KmsJournalRecord>, StoreError> {
        ask!(self, kms_journal::select_all())
    }

    async fn backups(&mut self) -> Result<Vec<BackupRecord>, StoreError> {
        ask!(self, backups::select_all())
    }

    async fn approvals(&mut self) -> Result<Vec<ApprovalRecord>, StoreError> {
        ask!(self, approvals::select_all())
    }
}

#[async_trait]
impl WriteTransaction for PostgresTransaction<Writing> {
    fn lease_token(&self) -> Option<u64> {
        self.lease_token
    }

    async fn insert_vault(&mut self, vault: VaultRecord) -> Result<(), StoreError> {
        ask!(self, vault::insert(vault))
    }

    async fn update_vault(
        &mut self,
        expected_state: &[u8],
        vault: VaultRecord,
    ) -> Result<(), StoreError> {
        ask!(self, vault::update(expected_state, vault))
    }

    async fn insert_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError> {
        ask!(self, data_keys::insert(data_key))
    }

    async fn update_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError> {
        ask!(self, data_keys::update(data_key))
    }

    async fn delete_data_key(&mut self, id: DataKeyId) -> Result<(), StoreError> {
        ask!(self, data_keys::delete(id))
    }

    async fn insert_wrap(&mut self, wrap: WrapRecord) -> Result<(), StoreError> {
        ask!(self, wraps::insert(wrap))
    }

    async fn delete_wrap(
        &mut self,
        data_key_id: DataKeyId,
        kms: &str,
        wrapper_key_id: &str,
    ) -> Result<(), StoreError> {
        ask!(self, wraps::delete(data_key_id, kms, wrapper_key_id))
    }

    async fn insert_public_key(&mut self, key: PublicKeyRecord) -> Result<(), StoreError> {
        ask!(self, public_keys::insert(&[&key]))
    }

    async fn insert_private_key(&mut self, key: PrivateKeyRecord) -> Result<(), StoreError> {
        ask!(self, private_keys::insert(&[&key]))
    }

    async fn insert_keys(&mut self, keys: Vec<KeyRow>) -> Result<(), StoreError> {
        ask!(self, keys::insert(keys))
    }

    async fn update_public_keys(&mut self, keys: Vec<PublicKeyRecord>) -> Result<(), StoreError> {
        ask!(self, public_keys::update(keys))
    }

    async fn update_private_keys(&mut self, keys: Vec<PrivateKeyRecord>) -> Result<(), StoreError> {
        ask!(self, private_keys::update(keys))
    }

    async fn delete_private_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        ask!(self, private_keys::delete(fingerprint))
    }

    async fn delete_public_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        ask!(self, public_keys::delete(fingerprint))
    }

    async fn append_audit(&mut self, row: AuditRow) -> Result<(), StoreError> {
        ask!(self, audit::append(row))
    }

    async fn insert_topology(&mut self, rows: Vec<TopologyRow>) -> Result<(), StoreError> {
        ask!(self, topology::insert(rows))
    }

    async fn expire_topology(&mut self, expiries: Vec<TopologyExpiry>) -> Result<(), StoreError> {
        ask!(self, topology::expire(expiries))
    }

    async fn update_topology_tags(&mut self, tags: Vec<TopologyTag>) -> Result<(), StoreError> {
        ask!(self, topology::update_tags(tags))
    }

    async fn delete_topology(&mut self, store: &str) -> Result<u64, StoreError> {
        ask!(self, topology::delete(store))
    }

    async fn insert_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError> {
        ask!(self, identity::insert(identity))
    }

    async fn update_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError> {
        ask!(self, identity::update(identity))
    }

    async fn insert_rotations(&mut self, rotations: Vec<RotationRecord>) -> Result<(), StoreError> {
        ask!(self, rotations::insert(rotations))
    }

    async fn delete_rotation(&mut self, old: Fingerprint) -> Result<(), StoreError> {
        ask!(self, rotations::delete(old))
    }

    async fn put_kms_journal(&mut self, entry: KmsJournalRecord) -> Result<(), StoreError> {
        ask!(self, kms_journal::put(entry))
    }

    async fn delete_kms_journal(&mut self, id: JournalId) -> Result<(), StoreError> {
        ask!(self, kms_journal::delete(id))
    }

    async fn put_backup(&mut self, backup: BackupRecord) -> Result<(), StoreError> {
        ask!(self, backups::put(backup))
    }

    async fn delete_backup(&mut self, id: BackupId) -> Result<(), StoreError> {
        ask!(self, backups::delete(id))
    }

    async fn put_approval(&mut self, approval: ApprovalRecord) -> Result<(), StoreError> {
        ask!(self, approvals::put(approval))
    }

    async fn delete_approval(&mut self, id: ApprovalId) -> Result<(), StoreError> {
        ask!(self, approvals::delete(id))
    }

    async fn mark_moved(&mut self, target: &str) -> Result<(), StoreError> {
        ask!(self, moved::mark(target))
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.session.commit(&self.commit).await
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        self.session.roll_back().await;
        Ok(())
    }
}
