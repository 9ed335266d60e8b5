//! Taking external keys out of the vault.
//!
//! What a KMS destroys is not undone by a rollback, nor by a lease that was lost meanwhile. So it is decided in the store before:
//! a *scheduled* entry of the journal waits until it is due, and can be cancelled; a *discarded* one is decided for good, by a
//! commit that showed the lease, and only then the KMS is asked. Whoever is stopped in between and goes on when another process
//! writes does what that one will do as well (ADR 0026).

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_kms::{KmsError, KmsKeyId};
use strongroom_store::KmsKeyRef;

use super::{Holder, generate::Claimed, shown};
use crate::{
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    journal::{ExternalKeyPlan, JournalEntry, Progress},
    unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Writes down, in the unit that takes a key out of the vault, that the KMS is to destroy it.
    pub(crate) async fn discard<'v>(
        &'v self,
        unit: &mut Unit<'v>,
        entry: &KeyEntry,
        held: &KmsKeyRef,
    ) -> Result<Claimed<'v>, VaultError> {
        let id = self.new_journal_id()?;
        let claim = self.journal().claim_new(id);
        let key = KmsKeyId::try_new(held.key_id.as_str()).map_err(KmsError::from)?;
        let plan = ExternalKeyPlan {
            kms: held.kms.clone(),
            spec: entry.spec(),
            usages: entry.usages(),
            name: entry.name.clone(),
            fingerprint: Some(entry.fingerprint()),
        };
        let progress = self.leaving(&held.kms, key);
        let leaving = JournalEntry::new(id, plan, progress, self.now());
        unit.put_journal(None, leaving.clone()).await?;
        Ok(Claimed::new(leaving, claim))
    }

    /// How a key begins to leave a KMS: at once, where the KMS itself waits and can be told to keep it.
    pub(super) fn leaving(&self, kms: &str, key: KmsKeyId) -> Progress {
        let waits_itself = self
            .holder(kms)
            .is_ok_and(|holder| holder.named.provider.capabilities().delays_deletion);
        if waits_itself || self.settings().custody.destroy_after.is_zero() {
            Progress::Discarded(key)
        } else {
            let due = self.destruction_due();
            Progress::Scheduled { key, due }
        }
    }

    /// When a key is due to be destroyed that leaves now.
    pub(crate) fn destruction_due(&self) -> Timestamp {
        let delay = self.settings().custody.destroy_after.as_micros();
        let delay = i64::try_from(delay).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.now().as_micros().saturating_add(delay))
    }

    /// Has the KMS destroy what was decided to be.
    ///
    /// # Errors
    /// [`VaultError::ExternalKeyExchanged`]; errors of KMS and store. The journal knows it then.
    pub(crate) async fn destroy(
        &self,
        caller: &Caller,
        discarded: &Claimed<'_>,
    ) -> Result<(), VaultError> {
        let entry = &discarded.entry;
        let Progress::Discarded(key) = entry.progress() else {
            return Ok(());
        };
        let holder = self.holder(entry.kms())?;
        if let Some(fingerprint) = entry.fingerprint() {
            check_unchanged(&holder, key, entry, fingerprint).await?;
        }
        match holder.keys.delete_key(key).await {
            Ok(()) | Err(KmsError::KeyNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.note_deleted(caller, entry.kms(), key, Some(entry))
            .await
    }
}

/// An alias may have been turned since: what is destroyed must be the key that left.
async fn check_unchanged(
    holder: &Holder<'_>,
    key: &KmsKeyId,
    entry: &JournalEntry,
    fingerprint: Fingerprint,
) -> Result<(), VaultError> {
    let found = match holder.keys.public_key(key).await {
        Ok(found) => found,
        Err(KmsError::KeyNotFound { .. } | KmsError::KeyPendingDeletion { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match shown(&found, entry.usages()) {
        Ok(Some(public)) if public.fingerprint() == fingerprint => Ok(()),
        _another => Err(VaultError::ExternalKeyExchanged {
            fingerprint,
            kms: entry.kms().to_owned(),
        }),
    }
}
