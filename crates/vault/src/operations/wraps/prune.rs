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

    /// Removes every retired data key with its wraps, all or none, unless a backup that the vault remembers needs one; one that is being
    /// made is waited for. No KMS is asked, and no wrapper key is touched. From then on the anchor accepts no backup from their time,
    /// nor one of a state that was given up for an older one. Returns those that were removed.
    ///
    /// # Errors
    /// [`WrapperKeyError::DataKeyNeeded`] when a backup, or a row, needs one; errors of the store. Nothing is removed then.
    pub async fn prune_unneeded_data_keys(
        &self,
        caller: &Caller,
    ) -> Result<Vec<DataKeyId>, VaultError> {
        self.prune(caller, None, Self::data_keys_of_backups).await
    }

    /// Refuses what [`Vault::prune_exactly`] would, as far as it is known before anybody is asked to agree.
    ///
    /// # Errors
    /// [`WrapperKeyError::DataKeyNeeded`].
    pub fn check_unneeded(&self, these: &[DataKeyId]) -> Result<(), VaultError> {
        refuse_needed(these, &self.data_keys_of_backups())
    }

    /// Removes exactly these, which must be all that are retired: what was approved, or looked at, and no other. A backup that needs
    /// one keeps all of them, unless `even_if_needed`.
    ///
    /// # Errors
    /// [`WrapperKeyError::OtherDataKeys`]; as [`Vault::prune_unneeded_data_keys`].
    pub async fn prune_exactly(
        &self,
        caller: &Caller,
        these: &[DataKeyId],
        even_if_needed: bool,
    ) -> Result<(), VaultError> {
        let needed = |vault: &Self| match even_if_needed {
            true => BTreeSet::new(),
            false => vault.data_keys_of_backups(),
        };
        self.prune(caller, Some(these), needed).await.map(drop)
    }

    /// The same, whatever backups the vault remembers; `needed` are those that whoever calls knows to be needed.
    ///
    /// # Errors
    /// As [`Vault::prune_unneeded_data_keys`].
    pub async fn prune_data_keys(
        &self,
        caller: &Caller,
        needed: &BTreeSet<DataKeyId>,
    ) -> Result<Vec<DataKeyId>, VaultError> {
        self.prune(caller, None, |_vault| needed.clone()).await
    }

    async fn prune(
        &self,
        caller: &Caller,
        exactly: Option<&[DataKeyId]>,
        needed: impl FnOnce(&Self) -> BTreeSet<DataKeyId> + Send,
    ) -> Result<Vec<DataKeyId>, VaultError> {
        let _no_backup = self.backups_under_way().write().await;
        let _turn = self.wraps_turn().lock().await;
        // Every row of topology is authenticated by reading it: none is under a data key that is not in use.
        drop(self.loaded_topology().await?);
        let mut unit = Unit::begin(self).await?;
        let (retired, needed) = (self.retired_data_keys(), needed(self));
        if exactly.is_some_and(|these| these != retired) {
            return Err(WrapperKeyError::OtherDataKeys.into());
        }
        refuse_needed(&retired, &needed)?;
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

fn refuse_needed(retired: &[DataKeyId], needed: &BTreeSet<DataKeyId>) -> Result<(), VaultError> {
    match retired.iter().find(|id| needed.contains(id)) {
        Some(id) => Err(WrapperKeyError::DataKeyNeeded { id: *id }.into()),
        None => Ok(()),
    }
}
