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
    /// Held for its end.
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
        self.rely_on(caller, &holder, &brought, copy).await
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
            fingerprint: Some(entry.fingerprint()),
        };
        let unfinished = self.journal().claim(|journal| {
            let may_be_found = match journal.progress() {
                Progress::Created(_) => true,
                // Without a search nobody can tell: the entry stays as the trace that it is.
                Progress::Intended => holder.named.provider.key_finder().is_some(),
                Progress::Discarded(_) | Progress::Scheduled { .. } => false,
            };
            may_be_found && *journal.plan() == plan
        });
        let (journal, claim, key) = match unfinished {
            Some((journal, claim)) => {
                let key = match self.brought_before(holder, &journal, entry).await? {
                    Some(key) => key,
                    // Whatever becomes of it, the entry stays: of the earlier attempt something may yet be found.
                    None => self.import_into(holder, &journal, private).await?,
                };
                (journal, claim, key)
            }
            None => {
                let (journal, claim) = self.intend(plan).await?;
                let key = match self.import_into(holder, &journal, private).await {
                    Ok(key) => key,
                    Err(error) => {
                        if !matches!(error, VaultError::ExternalKeyInDoubt { .. }) {
                            self.forget_intention(&journal, &error).await;
                        }
                        return Err(error);
                    }
                };
                (journal, claim, key)
            }
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
        self.outcome_of_making(journal, sent.await)
    }

    /// From here on the KMS does the work of the key.
    async fn rely_on(
        &self,
        caller: &Caller,
        holder: &Holder<'_>,
        brought: &Brought<'_>,
        copy: SealedKey,
    ) -> Result<(), VaultError> {
        let Some(fingerprint) = brought.entry.plan().fingerprint else {
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
        let held = unit.replace_private_key(&entry, from, half).await?;
        unit.end_journal(&brought.entry).await?;
        let mut details = key_details(&held);
        details.insert("from".to_owned(), from.name().to_owned());
        unit.audit(caller, AuditOperation::BringKey, Some(fingerprint), details)
            .await?;
        unit.commit().await
    }
}
