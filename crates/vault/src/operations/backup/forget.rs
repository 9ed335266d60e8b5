//! Forgetting backups that are gone.

use std::collections::BTreeMap;

use strongroom_store::{BackupId, StoreError};

use crate::{
    audit::AuditOperation, backups::Backup, caller::Caller, error::VaultError, unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Lets the vault count on this backup no longer: its file is gone, or nobody will restore it. What only this backup needed may be
    /// pruned from then on. The file is not touched; verifying it makes the vault know it again.
    ///
    /// # Errors
    /// [`StoreError::BackupMissing`] for one that the vault does not remember; errors of the store.
    pub async fn forget_backup(&self, caller: &Caller, id: BackupId) -> Result<Backup, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let known = self.backup_records().of(id);
        let known = known.ok_or(StoreError::BackupMissing { id })?;
        unit.forget_backup(&known).await?;
        let mut details = BTreeMap::from([("backup".to_owned(), id.to_string())]);
        let hash = data_encoding::HEXLOWER.encode(&known.file_hash);
        details.insert("sha256".to_owned(), hash);
        let operation = AuditOperation::ForgetBackup;
        unit.audit(caller, operation, None, details).await?;
        unit.commit().await?;
        Ok(known)
    }
}
