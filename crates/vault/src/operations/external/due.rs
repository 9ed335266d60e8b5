//! Keys that left the vault and wait until their KMS is to destroy them.

use std::time::Duration;

use strongroom_kms::KmsKeyId;

use super::journal::{discarded, key_in_kms};
use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, journal::JournalEntry, unit::Unit,
    vault::Vault,
};

/// How often somebody who serves looks whether a key is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Vault {
    /// Has KMSs destroy what is due, and what was decided and did not happen; says how many keys. Does nothing in a process that
    /// does not write, nor in a vault that was restored and not released: what was to be destroyed when the backup was made may
    /// be in use again.
    ///
    /// A key whose KMS refuses stays in the journal, and a warning says why.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn destroy_due(&self, caller: &Caller) -> Result<usize, VaultError> {
        let due: Vec<JournalEntry> = self.due().collect();
        if due.is_empty() || self.is_quarantined() || !self.writes_at_once().await? {
            return Ok(0);
        }
        let mut destroyed = 0;
        for entry in due {
            let Some(key) = entry.progress().key() else {
                continue;
            };
            let done = self.danger_delete_orphan_now(caller, entry.kms(), key);
            match done.await {
                Ok(()) => destroyed += 1,
                Err(VaultError::Store(error)) => return Err(error.into()),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    kms = entry.kms(),
                    key = key.as_str(),
                    "a key that left the vault remains in its KMS"
                ),
            }
        }
        Ok(destroyed)
    }

    /// Looks every minute whether a KMS is to destroy something, for as long as it is polled. Never ends.
    pub(crate) async fn destroy_in_time(&self, caller: &Caller) {
        loop {
            if let Err(error) = self.destroy_due(caller).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "keys that are due to be destroyed in their KMS remain there"
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether a key waits whose time has come.
    #[must_use]
    pub fn has_due(&self) -> bool {
        self.due().any(|entry| entry.progress().due().is_some())
    }

    fn due(&self) -> impl Iterator<Item = JournalEntry> {
        let now = self.now();
        let entries = self.journal().unclaimed().into_iter();
        entries.filter(move |entry| {
            entry.is_discarded() || entry.progress().due().is_some_and(|due| due <= now)
        })
    }

    /// Keeps a key in its KMS that was to be destroyed there. It can be registered again.
    ///
    /// # Errors
    /// [`VaultError::NoJournalEntry`] if it is not to be destroyed; [`VaultError::ExternalKeyDiscarded`] if that was decided and
    /// may have happened; errors of the store.
    pub async fn keep_key(
        &self,
        caller: &Caller,
        kms: &str,
        key: &KmsKeyId,
    ) -> Result<(), VaultError> {
        self.try_settle().await?;
        let is_it = |entry: &JournalEntry| {
            entry.kms() == kms
                && entry.progress().is_leaving()
                && entry.progress().key() == Some(key)
        };
        let claimed = self.journal().claim(is_it);
        let (entry, _claim) = claimed.ok_or_else(|| VaultError::NoJournalEntry {
            kms: kms.to_owned(),
            key: key.as_str().to_owned(),
        })?;
        if entry.is_discarded() {
            return Err(discarded(&entry));
        }
        let mut unit = Unit::begin(self).await?;
        unit.end_journal(&entry).await?;
        let details = key_in_kms(kms, key);
        unit.audit(caller, AuditOperation::KeepKmsKey, None, details)
            .await?;
        unit.commit().await
    }
}
