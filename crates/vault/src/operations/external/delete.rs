//! Taking external keys out of the vault.

use strongroom_kms::{KmsError, KmsKeyId};
use strongroom_store::KmsKeyRef;

use super::generate::Claimed;
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
            imports: None,
        };
        let progress = Progress::Discarded(key);
        let discarded = JournalEntry::new(id, plan, progress, self.now());
        unit.put_journal(None, discarded.clone()).await?;
        Ok(Claimed::new(discarded, claim))
    }

    /// Has the KMS destroy what was taken out of the vault.
    ///
    /// # Errors
    /// [`VaultError::ExternalKeyRemains`]; the journal knows it then.
    pub(crate) async fn destroy(
        &self,
        caller: &Caller,
        deleted: &KeyEntry,
        discarded: &Claimed<'_>,
    ) -> Result<(), VaultError> {
        let fingerprint = deleted.fingerprint();
        let entry = &discarded.entry;
        let Some(key) = entry.progress().key() else {
            return Ok(());
        };
        let remains = |source: VaultError| VaultError::ExternalKeyRemains {
            fingerprint,
            kms: entry.kms().to_owned(),
            key: key.as_str().to_owned(),
            source: Box::new(source),
        };
        let holder = self.holder(entry.kms()).map_err(remains)?;
        // An alias may have been turned since: what is destroyed must be the key that was deleted.
        match holder.keys.public_key(key).await {
            Ok(public) if *public.spki == *deleted.public.spki() => {}
            Ok(_other) => {
                return Err(remains(VaultError::ExternalKeyExchanged {
                    fingerprint,
                    kms: entry.kms().to_owned(),
                }));
            }
            Err(KmsError::KeyNotFound { .. } | KmsError::KeyPendingDeletion { .. }) => {}
            Err(error) => return Err(remains(error.into())),
        }
        match holder.keys.delete_key(key).await {
            Ok(()) | Err(KmsError::KeyNotFound { .. }) => {}
            Err(error) => return Err(remains(error.into())),
        }
        self.note_deleted(caller, entry.kms(), key, Some(entry))
            .await
    }
}
