//! A store whose vault has not quite arrived, as it will be.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::Fingerprint;
use strongroom_store::{
    ApprovalRecord, AuditRow, BackupRecord, DataKeyId, DataKeyRecord, IdentityRecord, KeyRow,
    KmsJournalRecord, PrivateKeyRecord, PublicKeyRecord, ReadTransaction, RotationRecord, Store,
    StoreError, TopologyRow, VaultRecord, WrapRecord, WriteTransaction,
};

/// The rows of a store, with the vault's row that it is still to get. It can be read only.
#[derive(Debug)]
pub(super) struct Arriving {
    store: Arc<dyn Store>,
    vault: VaultRecord,
}

impl Arriving {
    pub(super) fn new(store: &Arc<dyn Store>, vault: &VaultRecord) -> Self {
        Self {
            store: Arc::clone(store),
            vault: vault.clone(),
        }
    }
}

#[async_trait]
impl Store for Arriving {
    async fn begin(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn read(&self) -> Result<Box<dyn ReadTransaction>, StoreError> {
        Ok(Box::new(Rows {
            read: self.store.read().await?,
            vault: self.vault.clone(),
        }))
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        self.store.check_integrity().await
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    /// The store is somebody else's.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[derive(Debug)]
struct Rows {
    read: Box<dyn ReadTransaction>,
    vault: VaultRecord,
}

#[async_trait]
impl ReadTransaction for Rows {
    async fn vault(&mut self) -> Result<Option<VaultRecord>, StoreError> {
        Ok(Some(self.vault.clone()))
    }

    async fn data_keys(&mut self) -> Result<Vec<DataKeyRecord>, StoreError> {
        self.read.data_keys().await
    }

    async fn wraps(&mut self, data_key_id: DataKeyId) -> Result<Vec<WrapRecord>, StoreError> {
        self.read.wraps(data_key_id).await
    }

    async fn public_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PublicKeyRecord>, StoreError> {
        self.read.public_key(fingerprint).await
    }

    async fn private_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PrivateKeyRecord>, StoreError> {
        self.read.private_key(fingerprint).await
    }

    async fn keys_after(
        &mut self,
        after: Option<Fingerprint>,
        limit: usize,
    ) -> Result<Vec<KeyRow>, StoreError> {
        self.read.keys_after(after, limit).await
    }

    async fn key_count(&mut self) -> Result<u64, StoreError> {
        self.read.key_count().await
    }

    async fn audit_after(
        &mut self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.read.audit_after(sequence, limit).await
    }

    async fn audit_head(&mut self) -> Result<Option<AuditRow>, StoreError> {
        self.read.audit_head().await
    }

    async fn topology_after(
        &mut self,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Vec<TopologyRow>, StoreError> {
        self.read.topology_after(after, limit).await
    }

    async fn topology_count(&mut self) -> Result<u64, StoreError> {
        self.read.topology_count().await
    }

    async fn identity(&mut self) -> Result<Option<IdentityRecord>, StoreError> {
        self.read.identity().await
    }

    async fn rotations(&mut self) -> Result<Vec<RotationRecord>, StoreError> {
        self.read.rotations().await
    }

    async fn kms_journal(&mut self) -> Result<Vec<KmsJournalRecord>, StoreError> {
        self.read.kms_journal().await
    }

    async fn backups(&mut self) -> Result<Vec<BackupRecord>, StoreError> {
        self.read.backups().await
    }

    async fn approvals(&mut self) -> Result<Vec<ApprovalRecord>, StoreError> {
        self.read.approvals().await
    }
}
