//! Bringing a private key into a KMS.

use strongroom_crypto::{Fingerprint, PrivateKey};
use strongroom_kms::{ExternalKeyRequest, KmsError, KmsKeyId};
use strongroom_store::Custody;

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    journal::{Claim, ExternalKeyPlan, JournalEntry, Progress},
    operations::external::Holder,
    sealing::SealedKey,
    unit::{NewPrivateHalf, Unit},
    vault::Vault,
};

/// A key that a KMS has taken in, and the journal's entry about it.
struct Brought<'v> {
    entry: JournalEntry,
    _claim: Claim<'v>,
    key: KmsKeyId,
}

impl Vault {
    /// Brings a key into a KMS, has it proved there, and relies on it from then on. What is here stays, sealed.
    pub(super) async fn bring(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
        kms: &str,
    ) -> Result<(), VaultError> {
        let holder = self.holder(kms)?;
        let (entry, private) = self.private_key(fingerprint).await?;
        let copy = self.seal_under_data_key(&private, &entry.public)?;
        let brought = self.brought(&holder, &entry, &private).await?;
        drop(private);
        self.prove(&holder, &brought.key, &entry).await?;
        let was_clear = self.rely_on(caller, &holder, &brought, copy).await?;
        if was_clear {
            self.environment().store.scrub().await?;
        }
        Ok(())
    }

    /// The key in the KMS: what an earlier attempt has brought there, or brought now.
    async fn brought<'v>(
        &'v self,
        holder: &Holder<'v>,
        entry: &KeyEntry,
        private: &PrivateKey,
    ) -> Result<Brought<'v>, VaultError> {
        let plan = ExternalKeyPlan {
            kms: holder.named.name.clone(),
            spec: entry.spec(),
            usages: entry.usages(),
            name: entry.name.clone(),
            imports: Some(entry.fingerprint()),
        };
        let unfinished = self.journal().claim(|journal| {
            *journal.plan() == plan && !matches!(journal.progress(), Progress::Discarded(_))
        });
        let (journal, claim, before) = match unfinished {
            Some((journal, claim)) => {
                let before = self.brought_before(holder, &journal, entry).await?;
                (journal, claim, before)
            }
            None => {
                let (journal, claim) = self.intend(plan).await?;
                (journal, claim, None)
            }
        };
        let key = match before {
            Some(key) => key,
            None => self.import_into(holder, &journal, private).await?,
        };
        Ok(Brought {
            entry: self.note_made(journal, &key).await?,
            _claim: claim,
            key,
        })
    }

    /// What the KMS has of an earlier attempt, if it is whole. What is not stays there, and is found as an orphan.
    async fn brought_before(
        &self,
        holder: &Holder<'_>,
        journal: &JournalEntry,
        entry: &KeyEntry,
    ) -> Result<Option<KmsKeyId>, VaultError> {
        for key in self.made_for(holder, journal).await? {
            match holder.public_key(&key, entry.usages()).await {
                Ok(found) if found == entry.public => return Ok(Some(key)),
                // A cloud may show a new key to nobody for a while: it is no less there.
                Err(VaultError::Kms(KmsError::KeyNotFound { id }))
                    if journal.is_young(self.now()) =>
                {
                    return Err(KmsError::KeyNotReady { id }.into());
                }
                // Another one, without material, destroyed or about to be.
                Ok(_)
                | Err(VaultError::ExternalKeyPurpose { .. })
                | Err(VaultError::Kms(
                    KmsError::KeyNotFound { .. }
                    | KmsError::KeyNotReady { .. }
                    | KmsError::KeyDisabled { .. }
                    | KmsError::KeyPendingDeletion { .. },
                )) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn import_into(
        &self,
        holder: &Holder<'_>,
        journal: &JournalEntry,
        private: &PrivateKey,
    ) -> Result<KmsKeyId, VaultError> {
        let request = ExternalKeyRequest {
            label: journal.plan().name.clone(),
            tags: self.tags_of(journal),
        };
        let pkcs8 = private.to_pkcs8()?;
        let sent = holder.keys.import_key(journal.spec(), &pkcs8, &request);
        let outcome = self.outcome_of_making(journal, sent.await);
        if let Err(error) = &outcome
            && !matches!(error, VaultError::ExternalKeyInDoubt { .. })
        {
            self.forget_intention(journal, error).await;
        }
        outcome
    }

    /// From here on the KMS does the work of the key. Whether it was stored readable until now.
    async fn rely_on(
        &self,
        caller: &Caller,
        holder: &Holder<'_>,
        brought: &Brought<'_>,
        copy: SealedKey,
    ) -> Result<bool, VaultError> {
        let Some(fingerprint) = brought.entry.plan().imports else {
            return Err(VaultError::ChangedUnderneath);
        };
        let mut unit = Unit::begin(self).await?;
        let entry = self.key(&fingerprint)?;
        let half = entry.private.as_ref();
        let half = half.ok_or(VaultError::NoPrivateKey { fingerprint })?;
        if half.custody == Custody::External {
            return Err(VaultError::ChangedUnderneath);
        }
        let from = half.custody;
        let half = NewPrivateHalf {
            custody: Custody::External,
            sealed: copy.beside(holder.key_ref(&brought.key)),
            exposed: false,
        };
        let held = unit.replace_private_key(&entry, half).await?;
        unit.end_journal(&brought.entry).await?;
        let mut details = key_details(&held);
        details.insert("from".to_owned(), from.name().to_owned());
        unit.audit(caller, AuditOperation::BringKey, Some(fingerprint), details)
            .await?;
        unit.commit().await?;
        Ok(from == Custody::Clear)
    }
}
