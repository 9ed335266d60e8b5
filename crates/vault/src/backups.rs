//! The backups that were made, as the vault remembers them.

use parking_lot::RwLock;
use strongroom_crypto::Timestamp;
use strongroom_store::{BackupId, BackupRecord, DataKeyId};

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
    rows::{self, Tag},
};

/// A backup that was made of this vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// The id that stands in the backup.
    pub id: BackupId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The generation of the vault that it holds.
    pub generation: u64,
    /// SHA-256 of the file.
    pub file_hash: [u8; 32],
    /// The data keys under which its rows are sealed: as long as one of these backups is to be of use, they need a wrap that
    /// opens.
    pub needs: Vec<DataKeyId>,
    /// When it was last verified; none if it never was.
    pub verified_at: Option<Timestamp>,
    /// The one that authenticates the row.
    pub(crate) data_key: DataKeyId,
    tag: Tag,
}

impl Backup {
    /// Reads a row, if it is authentic.
    pub(crate) fn authentic(
        record: BackupRecord,
        data_keys: &DataKeys,
    ) -> Result<Self, VaultError> {
        let tag = rows::tag_backup(&record, data_keys)?;
        rows::check_tag(&tag, &record.mac, rows::BACKUPS, &record.id)?;
        Ok(Self {
            id: record.id,
            created_at: record.created_at,
            generation: record.generation,
            file_hash: record.file_hash,
            needs: record.needs,
            verified_at: record.verified_at,
            data_key: record.data_key_id,
            tag,
        })
    }

    /// Its row under this data key, without a tag.
    pub(crate) fn record(&self, data_key: DataKeyId) -> BackupRecord {
        BackupRecord {
            id: self.id,
            created_at: self.created_at,
            generation: self.generation,
            file_hash: self.file_hash,
            needs: self.needs.clone(),
            verified_at: self.verified_at,
            data_key_id: data_key,
            mac: [0; 32],
        }
    }

    #[cfg(test)]
    pub(crate) const fn unverified_sample(created_at: Timestamp) -> Self {
        Self {
            id: BackupId::from_bytes([7; 16]),
            created_at,
            generation: 1,
            file_hash: [0; 32],
            needs: Vec::new(),
            verified_at: None,
            data_key: DataKeyId::from_bytes([7; 16]),
            tag: [0; 32],
        }
    }

    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        current.element(&self.tag)
    }
}

/// The backups, as of the last commit.
#[derive(Debug, Default)]
pub(crate) struct Backups(RwLock<Vec<Backup>>);

impl Backups {
    /// `backups` come oldest first.
    pub(crate) const fn new(backups: Vec<Backup>) -> Self {
        Self(RwLock::new(backups))
    }

    pub(crate) fn all(&self) -> Vec<Backup> {
        self.0.read().clone()
    }

    pub(crate) fn of(&self, id: BackupId) -> Option<Backup> {
        let backups = self.0.read();
        backups.iter().find(|backup| backup.id == id).cloned()
    }

    pub(crate) fn remove(&self, id: BackupId) {
        self.0.write().retain(|known| known.id != id);
    }

    pub(crate) fn put(&self, backup: Backup) {
        let mut backups = self.0.write();
        backups.retain(|known| known.id != backup.id);
        backups.push(backup);
        backups.sort_by_key(|backup| (backup.created_at, backup.id));
    }
}
