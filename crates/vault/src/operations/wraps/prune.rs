//! Forgetting data keys that nothing is sealed under any more.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_store::DataKeyId;

use crate::{
    audit::AuditOperation,
    caller::Caller,
    error::{VaultError, WrapperKeyError},
    unit::Unit,
    vault::Vault,
};

impl Vault {
    /// The data keys that nothing is sealed under any more, oldest first. Backups from their time need them.
    #[must_use]
    pub fn retired_data_keys(&self) -> Vec<DataKeyId> {
        let data_keys = self.data_keys();
        data_keys.retired().map(|record| record.id).collect()
    }

    /// Removes every retired data key with its wraps, all or none. No KMS is asked, and no wrapper key is touched. From then on
    /// the anchor accepts no backup from their time, nor one of a state that was given up for an older one.
    ///
    /// `needed` are those that something outside of the vault still needs: known backups. Returns those that were removed.
    ///
    /// # Errors
    /// [`WrapperKeyError::DataKeyNeeded`] when something needs one; errors of the store. Nothing is removed then.
    pub async fn prune_data_keys(
        &self,
        caller: &Caller,
        needed: &BTreeSet<DataKeyId>,
    ) -> Result<Vec<DataKeyId>, VaultError> {
        let _turn = self.wraps_turn().lock().await;
        // Every row of topology is authenticated by reading it: none is under a data key that is not in use.
        drop(self.loaded_topology().await?);
        let mut unit = Unit::begin(self).await?;
        let retired = self.retired_data_keys();
        if let Some(id) = retired.iter().find(|id| needed.contains(id)) {
            return Err(WrapperKeyError::DataKeyNeeded { id: *id }.into());
        }
        if retired.is_empty() {
            return Ok(retired);
        }
        unit.remove_retired_data_keys().await?;
        for id in &retired {
            let details = BTreeMap::from([("data_key_id".to_owned(), id.to_string())]);
            unit.audit(caller, AuditOperation::PruneDataKey, None, details)
                .await?;
        }
        unit.commit().await?;
        self.write_tag().await;
        Ok(retired)
    }
}
