//! A backup as a store that can only be read.

use std::{
    io::Read,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use strongroom_crypto::Fingerprint;
use strongroom_store::{
    ApprovalRecord, AuditRow, BackupRecord, Damage, DataKeyId, DataKeyRecord, IdentityRecord,
    KeyRow, KmsJournalRecord, PrivateKeyRecord, PublicKeyRecord, ReadTransaction, RotationRecord,
    Row as Place, Store, StoreError, TopologyRow, VaultRecord, WrapRecord, WriteTransaction,
};

use crate::{
    codec,
    contents::Contents,
    error::{BackupError, refused},
    header::Header,
    manifest::Manifest,
    reader,
    seal::Seal,
};

/// A backup that was read as a whole and found undamaged, as a store: whatever reads a vault reads this.
///
/// It is held in memory, sealed as it was in the file; nothing is written anywhere.
#[derive(Clone, Debug)]
pub struct BackupStore {
    contents: Arc<Contents>,
    seal: Arc<OnceLock<Arc<dyn Seal>>>,
}

impl BackupStore {
    /// Reads a backup to its end, and holds every byte against its manifest. What was encrypted is decrypted before
    /// ([`crate::decrypt`]).
    ///
    /// # Errors
    /// [`BackupError::NotABackup`], [`BackupError::UnknownFormat`], [`BackupError::Damaged`], [`BackupError::Io`].
    pub fn read(input: impl Read) -> Result<Self, BackupError> {
        let contents = reader::read(input)?;
        Ok(Self {
            contents: Arc::new(contents),
            seal: Arc::default(),
        })
    }

    /// What the backup is of. Not authentic before [`Self::unseal`].
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.contents.header
    }

    /// What the backup holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.contents.manifest
    }

    /// Believes the backup, if the holder of the data key made it, and opens its readable keys with `seal` from now on.
    ///
    /// # Errors
    /// [`BackupError::NotAuthentic`].
    pub fn unseal(&self, seal: Arc<dyn Seal>) -> Result<(), BackupError> {
        if !self.contents.manifest.is_authentic(seal.as_ref()) {
            return Err(BackupError::NotAuthentic);
        }
        // The same data key a second time opens the same.
        let _first_one_stays = self.seal.set(seal);
        Ok(())
    }

    fn seal(&self) -> Option<&dyn Seal> {
        self.seal.get().map(AsRef::as_ref)
    }

    fn key(&self, (fingerprint, row): &(Fingerprint, Box<[u8]>)) -> Result<KeyRow, StoreError> {
        codec::decode_key(row, self.seal())
            .map_err(|_malformed| corrupted("public_keys", Place::Key(*fingerprint)))?
            .map_err(|error| refused("open a readable key", error))
    }

    fn find(&self, fingerprint: Fingerprint) -> Result<Option<KeyRow>, StoreError> {
        let keys = &self.contents.keys;
        let position = keys.binary_search_by_key(&fingerprint, |(fingerprint, _)| *fingerprint);
        let found = position.ok().and_then(|position| keys.get(position));
        found.map(|row| self.key(row)).transpose()
    }
}

fn corrupted(table: &'static str, row: Place) -> StoreError {
    StoreError::corrupted(Damage::Value {
        table,
        column: "row",
        row,
    })
}

#[async_trait]
impl Store for BackupStore {
    async fn begin(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        Err(refused("write", BackupError::ReadOnly))
    }

    async fn read(&self) -> Result<Box<dyn ReadTransaction>, StoreError> {
        Ok(Box::new(self.clone()))
    }

    /// The manifest was checked when the backup was read.
    async fn check_integrity(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        Err(refused("write", BackupError::ReadOnly))
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl ReadTransaction for BackupStore {
    async fn vault(&mut self) -> Result<Option<VaultRecord>, StoreError> {
        Ok(self.contents.vault.clone())
    }

    async fn data_keys(&mut self) -> Result<Vec<DataKeyRecord>, StoreError> {
        Ok(self.contents.data_keys.clone())
    }

    async fn wraps(&mut self, data_key_id: DataKeyId) -> Result<Vec<WrapRecord>, StoreError> {
        let wraps = self.contents.wraps.iter();
        let of_key = wraps.filter(|wrap| wrap.data_key_id == data_key_id);
        Ok(of_key.cloned().collect())
    }

    async fn public_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PublicKeyRecord>, StoreError> {
        Ok(self.find(fingerprint)?.map(|(public, _)| public))
    }

    async fn private_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PrivateKeyRecord>, StoreError> {
        Ok(self.find(fingerprint)?.and_then(|(_, private)| private))
    }

    async fn keys_after(
        &mut self,
        after: Option<Fingerprint>,
        limit: usize,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let keys = &self.contents.keys;
        let start = after.map_or(0, |after| {
            keys.partition_point(|(fingerprint, _)| *fingerprint <= after)
        });
        let page = keys.iter().skip(start).take(limit);
        page.map(|row| self.key(row)).collect()
    }

    async fn key_count(&mut self) -> Result<u64, StoreError> {
        Ok(self.contents.keys.len() as u64)
    }

    async fn audit_after(
        &mut self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let start = usize::try_from(sequence).unwrap_or(usize::MAX);
        let rows = self.contents.audit.iter();
        Ok(rows.skip(start).take(limit).cloned().collect())
    }

    async fn audit_head(&mut self) -> Result<Option<AuditRow>, StoreError> {
        Ok(self.contents.audit.last().cloned())
    }

    async fn topology_after(
        &mut self,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Vec<TopologyRow>, StoreError> {
        let rows = &self.contents.topology;
        let start = after.map_or(0, |(store, ordinal)| {
            rows.partition_point(|row| {
                codec::position_of(row).is_ok_and(|position| position <= (store.as_str(), ordinal))
            })
        });
        let page = rows.iter().skip(start).take(limit);
        page.map(|row| {
            codec::decode_topology(row).map_err(|_malformed| corrupted("topology", Place::Nameless))
        })
        .collect()
    }

    async fn topology_count(&mut self) -> Result<u64, StoreError> {
        Ok(self.contents.topology.len() as u64)
    }

    async fn identity(&mut self) -> Result<Option<IdentityRecord>, StoreError> {
        Ok(self.contents.identity.clone())
    }

    async fn rotations(&mut self) -> Result<Vec<RotationRecord>, StoreError> {
        Ok(self.contents.rotations.clone())
    }

    async fn kms_journal(&mut self) -> Result<Vec<KmsJournalRecord>, StoreError> {
        Ok(self.contents.journal.clone())
    }

    async fn backups(&mut self) -> Result<Vec<BackupRecord>, StoreError> {
        Ok(self.contents.backups.clone())
    }

    async fn approvals(&mut self) -> Result<Vec<ApprovalRecord>, StoreError> {
        Ok(self.contents.approvals.clone())
    }
}
