//! Ending the quarantine of a vault that was restored, or put back.

use std::collections::BTreeMap;

use crate::{audit::AuditOperation, caller::Caller, error::VaultError, unit::Unit, vault::Vault};

impl Vault {
    /// Lets a vault sign again that was restored from a backup, or whose earlier state was accepted. The caller says that its keys are those of the node: topology was brought up to
    /// date, and what it no longer lists was retired.
    ///
    /// Keys that were to be destroyed in a KMS when the backup was made may be in use since: their time begins anew.
    ///
    /// # Errors
    /// [`VaultError::NotInQuarantine`]; errors of the store.
    pub async fn release(&self, caller: &Caller) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        if !self.is_quarantined() {
            return Err(VaultError::NotInQuarantine);
        }
        unit.set_quarantine(false);
        unit.postpone_destructions().await?;
        unit.audit(caller, AuditOperation::ReleaseVault, None, BTreeMap::new())
            .await?;
        unit.commit().await
    }
}
