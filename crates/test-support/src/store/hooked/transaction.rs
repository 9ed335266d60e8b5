//! The transactions of a store with a hook.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use strongroom_crypto::Fingerprint;
use strongroom_store::{
    ApprovalId, ApprovalRecord, AuditRow, BackupId, BackupRecord, DataKeyId, DataKeyRecord,
    IdentityRecord, JournalId, KeyRow, KmsJournalRecord, PrivateKeyRecord, PublicKeyRecord,
    ReadTransaction, RotationRecord, StoreError, TopologyExpiry, TopologyRow, TopologyTag,
    VaultRecord, WrapRecord, WriteTransaction,
};

use super::{StoreCall, StoreHook};

/// A transaction behind a hook. As the contract wants it, it is dead after the first error, an injected one too.
pub(super) struct Hooked<T: ?Sized, H> {
    inner: Option<Box<T>>,
    hook: Arc<H>,
}

impl<T: ?Sized, H> Hooked<T, H> {
    pub(super) fn around(inner: Box<T>, hook: &Arc<H>) -> Self {
        Self {
            inner: Some(inner),
            hook: Arc::clone(hook),
        }
    }
}

impl<T: ?Sized, H> fmt::Debug for Hooked<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooked")
            .field("is_open", &self.inner.is_some())
            .finish_non_exhaustive()
    }
}

/// `call!(self, Vault, |inner| inner.vault())`: the call with its hooks. The transaction is taken out meanwhile, so
/// that an error, or giving the call up, leaves it rolled back.
macro_rules! call {
    ($self:ident, $call:ident, |$inner:ident| $expression:expr) => {{
        let mut $inner = $self.inner.take().ok_or(StoreError::TransactionClosed)?;
        tokio::task::yield_now().await;
        $self.hook.before(StoreCall::$call)?;
        let answer = $expression.await?;
        tokio::task::yield_now().await;
        $self.hook.after(StoreCall::$call)?;
        $self.inner = Some($inner);
        Ok(answer)
    }};
}

#[async_trait]
impl<T: ReadTransaction + ?Sized, H: StoreHook> ReadTransaction for Hooked<T, H> {
    async fn vault(&mut self) -> Result<Option<VaultRecord>, StoreError> {
        call!(self, Vault, |inner| inner.vault())
    }

    async fn data_keys(&mut self) -> Result<Vec<DataKeyRecord>, StoreError> {
        call!(self, DataKeys, |inner| inner.data_keys())
    }

    async fn wraps(&mut self, data_key_id: DataKeyId) -> Result<Vec<WrapRecord>, StoreError> {
        call!(self, Wraps, |inner| inner.wraps(data_key_id))
    }

    async fn public_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PublicKeyRecord>, StoreError> {
        call!(self, PublicKey, |inner| inner.public_key(fingerprint))
    }

    async fn private_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PrivateKeyRecord>, StoreError> {
        call!(self, PrivateKey, |inner| inner.private_key(fingerprint))
    }

    async fn keys_after(
        &mut self,
        after: Option<Fingerprint>,
        limit: usize,
    ) -> Result<Vec<KeyRow>, StoreError> {
        call!(self, KeysAfter, |inner| inner.keys_after(after, limit))
    }

    async fn key_count(&mut self) -> Result<u64, StoreError> {
        call!(self, KeyCount, |inner| inner.key_count())
    }

    async fn audit_after(
        &mut self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        call!(self, AuditAfter, |inner| inner.audit_after(sequence, limit))
    }

    async fn audit_head(&mut self) -> Result<Option<AuditRow>, StoreError> {
        call!(self, AuditHead, |inner| inner.audit_head())
    }

    async fn topology_after(
        &mut self,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Vec<TopologyRow>, StoreError> {
        call!(self, TopologyAfter, |inner| inner
            .topology_after(after, limit))
    }

    async fn topology_count(&mut self) -> Result<u64, StoreError> {
        call!(self, TopologyCount, |inner| inner.topology_count())
    }

    async fn identity(&mut self) -> Result<Option<IdentityRecord>, StoreError> {
        call!(self, Identity, |inner| inner.identity())
    }

    async fn rotations(&mut self) -> Result<Vec<RotationRecord>, StoreError> {
        call!(self, Rotations, |inner| inner.rotations())
    }

    async fn kms_journal(&mut self) -> Result<Vec<KmsJournalRecord>, StoreError> {
        call!(self, KmsJournal, |inner| inner.kms_journal())
    }

    async fn backups(&mut self) -> Result<Vec<BackupRecord>, StoreError> {
        call!(self, Backups, |inner| inner.backups())
    }

    async fn approvals(&mut self) -> Result<Vec<ApprovalRecord>, StoreError> {
        call!(self, Approvals, |inner| inner.approvals())
    }
}

#[async_trait]
impl<H: StoreHook> WriteTransaction for Hooked<dyn WriteTransaction, H> {
    fn lease_token(&self) -> Option<u64> {
        self.inner.as_ref().and_then(|inner| inner.lease_token())
    }

    async fn insert_vault(&mut self, vault: VaultRecord) -> Result<(), StoreError> {
        call!(self, InsertVault, |inner| inner.insert_vault(vault))
    }

    async fn update_vault(
        &mut self,
        expected_state: &[u8],
        vault: VaultRecord,
    ) -> Result<(), StoreError> {
        call!(self, UpdateVault, |inner| inner
            .update_vault(expected_state, vault))
    }

    async fn insert_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError> {
        call!(self, InsertDataKey, |inner| inner.insert_data_key(data_key))
    }

    async fn update_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError> {
        call!(self, UpdateDataKey, |inner| inner.update_data_key(data_key))
    }

    async fn delete_data_key(&mut self, id: DataKeyId) -> Result<(), StoreError> {
        call!(self, DeleteDataKey, |inner| inner.delete_data_key(id))
    }

    async fn insert_wrap(&mut self, wrap: WrapRecord) -> Result<(), StoreError> {
        call!(self, InsertWrap, |inner| inner.insert_wrap(wrap))
    }

    async fn delete_wrap(
        &mut self,
        data_key_id: DataKeyId,
        kms: &str,
        wrapper_key_id: &str,
    ) -> Result<(), StoreError> {
        call!(self, DeleteWrap, |inner| inner.delete_wrap(
            data_key_id,
            kms,
            wrapper_key_id
        ))
    }

    async fn insert_public_key(&mut self, key: PublicKeyRecord) -> Result<(), StoreError> {
        call!(self, InsertPublicKey, |inner| inner.insert_public_key(key))
    }

    async fn insert_private_key(&mut self, key: PrivateKeyRecord) -> Result<(), StoreError> {
        call!(self, InsertPrivateKey, |inner| inner
            .insert_private_key(key))
    }

    async fn insert_keys(&mut self, keys: Vec<KeyRow>) -> Result<(), StoreError> {
        call!(self, InsertKeys, |inner| inner.insert_keys(keys))
    }

    async fn update_public_keys(&mut self, keys: Vec<PublicKeyRecord>) -> Result<(), StoreError> {
        call!(self, UpdatePublicKeys, |inner| inner
            .update_public_keys(keys))
    }

    async fn update_private_keys(&mut self, keys: Vec<PrivateKeyRecord>) -> Result<(), StoreError> {
        call!(self, UpdatePrivateKeys, |inner| inner
            .update_private_keys(keys))
    }

    async fn delete_private_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        call!(self, DeletePrivateKey, |inner| inner
            .delete_private_key(fingerprint))
    }

    async fn delete_public_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        call!(self, DeletePublicKey, |inner| inner
            .delete_public_key(fingerprint))
    }

    async fn append_audit(&mut self, row: AuditRow) -> Result<(), StoreError> {
        call!(self, AppendAudit, |inner| inner.append_audit(row))
    }

    async fn insert_topology(&mut self, rows: Vec<TopologyRow>) -> Result<(), StoreError> {
        call!(self, InsertTopology, |inner| inner.insert_topology(rows))
    }

    async fn expire_topology(&mut self, expiries: Vec<TopologyExpiry>) -> Result<(), StoreError> {
        call!(self, ExpireTopology, |inner| inner
            .expire_topology(expiries))
    }

    async fn update_topology_tags(&mut self, tags: Vec<TopologyTag>) -> Result<(), StoreError> {
        call!(self, UpdateTopologyTags, |inner| inner
            .update_topology_tags(tags))
    }

    async fn delete_topology(&mut self, store: &str) -> Result<u64, StoreError> {
        call!(self, DeleteTopology, |inner| inner.delete_topology(store))
    }

    async fn insert_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError> {
        call!(self, InsertIdentity, |inner| inner
            .insert_identity(identity))
    }

    async fn update_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError> {
        call!(self, UpdateIdentity, |inner| inner
            .update_identity(identity))
    }

    async fn insert_rotations(&mut self, rotations: Vec<RotationRecord>) -> Result<(), StoreError> {
        call!(self, InsertRotations, |inner| inner
            .insert_rotations(rotations))
    }

    async fn delete_rotation(&mut self, old: Fingerprint) -> Result<(), StoreError> {
        call!(self, DeleteRotation, |inner| inner.delete_rotation(old))
    }

    async fn put_kms_journal(&mut self, entry: KmsJournalRecord) -> Result<(), StoreError> {
        call!(self, PutKmsJournal, |inner| inner.put_kms_journal(entry))
    }

    async fn delete_kms_journal(&mut self, id: JournalId) -> Result<(), StoreError> {
        call!(self, DeleteKmsJournal, |inner| inner.delete_kms_journal(id))
    }

    async fn put_backup(&mut self, backup: BackupRecord) -> Result<(), StoreError> {
        call!(self, PutBackup, |inner| inner.put_backup(backup))
    }

    async fn delete_backup(&mut self, id: BackupId) -> Result<(), StoreError> {
        call!(self, DeleteBackup, |inner| inner.delete_backup(id))
    }

    async fn put_approval(&mut self, approval: ApprovalRecord) -> Result<(), StoreError> {
        call!(self, PutApproval, |inner| inner.put_approval(approval))
    }

    async fn delete_approval(&mut self, id: ApprovalId) -> Result<(), StoreError> {
        call!(self, DeleteApproval, |inner| inner.delete_approval(id))
    }

    async fn mark_moved(&mut self, target: &str) -> Result<(), StoreError> {
        call!(self, MarkMoved, |inner| inner.mark_moved(target))
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let inner = self.inner.take().ok_or(StoreError::TransactionClosed)?;
        tokio::task::yield_now().await;
        self.hook.before(StoreCall::Commit)?;
        inner.commit().await?;
        tokio::task::yield_now().await;
        self.hook.after(StoreCall::Commit)
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), StoreError> {
        let Some(inner) = self.inner.take() else {
            return Ok(());
        };
        self.hook.before(StoreCall::Rollback)?;
        inner.rollback().await?;
        self.hook.after(StoreCall::Rollback)
    }
}
