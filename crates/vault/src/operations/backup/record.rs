//! What the vault knows of its backups.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::Timestamp;
use strongroom_store::{BackupRecord, DataKeyId};

use super::verify::BackupReport;
use crate::{
    audit::AuditOperation, backups::Backup, caller::Caller, error::VaultError, vault::Vault,
};

impl Vault {
    /// Remembers that a backup of this vault was verified, also one that it did not know.
    ///
    /// `file_hash` is the SHA-256 of the file that was read.
    ///
    /// # Errors
    /// [`VaultError::OtherVault`]; errors of the store. A report that is not [sound](BackupReport::is_sound) is not
    /// remembered: none.
    pub async fn note_verified(
        &self,
        caller: &Caller,
        report: &BackupReport,
        file_hash: [u8; 32],
    ) -> Result<Option<Backup>, VaultError> {
        if report.header.vault != self.id() {
            return Err(VaultError::OtherVault {
                configured: self.id(),
                found: report.header.vault,
            });
        }
        if !report.is_sound() {
            return Ok(None);
        }
        let known = self.backup_records().of(report.header.id);
        let record = BackupRecord {
            id: report.header.id,
            created_at: report.header.created_at,
            generation: report.header.generation,
            file_hash,
            needs: known.map_or_else(|| report.data_keys.clone(), |known| known.needs),
            verified_at: Some(report.verified_at),
            data_key_id: self.data_keys().current().id,
            mac: [0; 32],
        };
        let details = BTreeMap::from([("wrapped_by".to_owned(), report.opened_by.0.clone())]);
        self.remember_backup(caller, record, AuditOperation::VerifyBackup, details)
            .await
            .map(Some)
    }

    /// When the newest of the verified backups was *made*: what was done since would be lost. None without one.
    #[must_use]
    pub fn last_verified_backup(&self) -> Option<Timestamp> {
        let backups = self.backups().into_iter();
        let verified = backups.filter(|backup| backup.verified_at.is_some());
        verified.map(|backup| backup.created_at).max()
    }

    /// The data keys that some remembered backup needs. Whoever destroys one of them, or its last wrap, makes that backup
    /// worthless.
    #[must_use]
    pub fn data_keys_of_backups(&self) -> BTreeSet<DataKeyId> {
        let backups = self.backups().into_iter();
        backups.flat_map(|backup| backup.needs).collect()
    }
}
