//! Having a KMS generate a key.

use strongroom_crypto::{KeyName, KeySpec, KeyUsages};
use strongroom_kms::{ExternalKeyRequest, FoundKey, KmsError, KmsKeyId};
use strongroom_store::JournalId;

use super::Holder;
use crate::{
    error::VaultError,
    journal::{Claim, ExternalKeyPlan, JOURNAL_TAG, JournalEntry, Progress},
    operations::{create::VAULT_TAG, generate::Generated},
    unit::Unit,
    vault::Vault,
};

/// An entry of the journal that this task works on.
#[derive(Debug)]
pub(crate) struct Claimed<'v> {
    pub(crate) entry: JournalEntry,
    /// Held for its end.
    _claim: Claim<'v>,
}

impl Vault {
    /// Has the KMS generate a key, or takes up one whose generation was interrupted: of the same KMS, spec, usages and name.
    ///
    /// Until the key is in the vault its entry stands in the journal.
    pub(crate) async fn generate_externally(
        &self,
        kms: Option<&str>,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        name: Option<KeyName>,
    ) -> Result<Generated<'_>, VaultError> {
        let holder = self.maker(kms)?;
        let plan = ExternalKeyPlan {
            kms: holder.named.name.clone(),
            spec,
            usages,
            name,
            fingerprint: None,
        };
        // A commit of which nobody has heard may have changed the entry that is looked for.
        self.try_settle().await?;
        if let Some(taken_up) = self.take_up(&holder, &plan).await? {
            return Ok(taken_up);
        }
        let (entry, claim) = self.intend(plan).await?;
        let key = match self.make(&holder, &entry).await {
            Ok(key) => key,
            Err(error) => {
                if !matches!(error, VaultError::ExternalKeyInDoubt { .. }) {
                    self.forget_intention(&entry, &error).await;
                }
                return Err(error);
            }
        };
        self.arrive(&holder, entry, claim, &key).await
    }

    /// The key of an entry that an earlier attempt left, if there is one and it is of use.
    async fn take_up<'v>(
        &'v self,
        holder: &Holder<'v>,
        plan: &ExternalKeyPlan,
    ) -> Result<Option<Generated<'v>>, VaultError> {
        loop {
            let unfinished = self.journal().claim(|entry| {
                let may_have_one = match entry.progress() {
                    Progress::Created(_) => true,
                    // Without a search nobody can tell: the entry stays as the trace that it is.
                    Progress::Intended => holder.named.provider.key_finder().is_some(),
                    Progress::Discarded(_) | Progress::Scheduled { .. } => false,
                };
                may_have_one && entry.plan() == plan
            });
            let Some((entry, claim)) = unfinished else {
                return Ok(None);
            };
            let key = match self.made_before(holder, &entry).await? {
                Some(key) => key,
                // It may still be hidden: a new key is made for the same entry, whose tag finds both.
                None => self.make(holder, &entry).await?,
            };
            let is_young = entry.is_young(self.now());
            match self.arrive(holder, entry, claim, &key).await {
                // A cloud may show a new key to nobody for a while: it is no less there.
                Err(VaultError::Kms(KmsError::KeyNotFound { id })) if is_young => {
                    return Err(KmsError::KeyNotReady { id }.into());
                }
                // Somebody destroyed it in the KMS, or is about to: it is of no more use, and not waited for.
                Err(VaultError::Kms(
                    KmsError::KeyNotFound { .. } | KmsError::KeyPendingDeletion { .. },
                )) => {
                    let gone = self
                        .journal()
                        .claim(|entry| entry.progress().key() == Some(&key));
                    if let Some((gone, _claim)) = gone {
                        self.end_journal(&gone).await?;
                    }
                }
                arrived => return arrived.map(Some),
            }
        }
    }

    /// A key that the KMS has made, ready to become one of the vault.
    pub(super) async fn arrive<'v>(
        &'v self,
        holder: &Holder<'v>,
        entry: JournalEntry,
        claim: Claim<'v>,
        key: &KmsKeyId,
    ) -> Result<Generated<'v>, VaultError> {
        let entry = self.note_made(entry, key).await?;
        let plan = entry.plan().clone();
        let public = holder.public_key(key, plan.usages).await?;
        if public.spec() != plan.spec {
            return Err(VaultError::ExternalKeySpec {
                kms: plan.kms,
                key: key.as_str().to_owned(),
                found: public.spec(),
                wanted: plan.spec,
            });
        }
        Ok(Generated {
            public,
            private: holder.private_half(key),
            name: plan.name,
            journal: Some(Claimed::new(entry, claim)),
        })
    }

    pub(super) fn new_journal_id(&self) -> Result<JournalId, VaultError> {
        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        Ok(JournalId::from_bytes(id))
    }

    /// Writes down that a key is about to be made.
    pub(crate) async fn intend(
        &self,
        plan: ExternalKeyPlan,
    ) -> Result<(JournalEntry, Claim<'_>), VaultError> {
        let id = self.new_journal_id()?;
        let claim = self.journal().claim_new(id);
        let entry = JournalEntry::new(id, plan, Progress::Intended, self.now());
        let mut unit = Unit::begin(self).await?;
        unit.put_journal(None, entry.clone()).await?;
        unit.commit().await?;
        Ok((entry, claim))
    }

    /// Writes down that the key was made, unless that stands there.
    pub(crate) async fn note_made(
        &self,
        entry: JournalEntry,
        key: &KmsKeyId,
    ) -> Result<JournalEntry, VaultError> {
        if entry.progress().key() == Some(key) {
            return Ok(entry);
        }
        let made = JournalEntry::new(
            entry.id(),
            entry.plan().clone(),
            Progress::Created(key.clone()),
            entry.created_at(),
        );
        let mut unit = Unit::begin(self).await?;
        unit.put_journal(Some(&entry), made.clone()).await?;
        unit.commit().await?;
        Ok(made)
    }

    /// The key of an entry that an earlier attempt left: the one that it names, or one that the KMS made without an answer.
    async fn made_before(
        &self,
        holder: &Holder<'_>,
        entry: &JournalEntry,
    ) -> Result<Option<KmsKeyId>, VaultError> {
        if let Some(key) = entry.progress().key() {
            return Ok(Some(key.clone()));
        }
        let found = self.found_by_tag(holder, entry).await?;
        let fits = |key: &FoundKey| key.kind.spec() == Some(entry.spec()) && key.state.is_usable();
        Ok(found.into_iter().find(fits).map(|key| key.id))
    }

    /// Every key that may have come of an entry: the one that it names, or those that carry its tag.
    pub(crate) async fn made_for(
        &self,
        holder: &Holder<'_>,
        entry: &JournalEntry,
    ) -> Result<Vec<KmsKeyId>, VaultError> {
        if let Some(key) = entry.progress().key() {
            return Ok(vec![key.clone()]);
        }
        let found = self.found_by_tag(holder, entry).await?;
        Ok(found.into_iter().map(|key| key.id).collect())
    }

    async fn found_by_tag(
        &self,
        holder: &Holder<'_>,
        entry: &JournalEntry,
    ) -> Result<Vec<FoundKey>, VaultError> {
        match holder.named.provider.key_finder() {
            Some(finder) => Ok(finder
                .find_keys(JOURNAL_TAG, &entry.id().to_string())
                .await?),
            None => Ok(Vec::new()),
        }
    }

    /// What a new key of the KMS is found by.
    pub(crate) fn tags_of(&self, entry: &JournalEntry) -> Vec<(String, String)> {
        vec![
            (VAULT_TAG.to_owned(), self.id().to_string()),
            (JOURNAL_TAG.to_owned(), entry.id().to_string()),
        ]
    }

    async fn make(
        &self,
        holder: &Holder<'_>,
        entry: &JournalEntry,
    ) -> Result<KmsKeyId, VaultError> {
        let request = ExternalKeyRequest {
            label: entry.plan().name.clone(),
            tags: self.tags_of(entry),
        };
        let made = match entry.spec() {
            KeySpec::Signing(spec) => holder.keys.generate_signing_key(spec, &request).await,
            KeySpec::Encryption(spec) => holder.keys.generate_encryption_key(spec, &request).await,
        };
        self.outcome_of_making(entry, made)
    }

    /// What is known of a key after the KMS was asked to make it, or to take it in.
    pub(crate) fn outcome_of_making(
        &self,
        entry: &JournalEntry,
        outcome: Result<KmsKeyId, KmsError>,
    ) -> Result<KmsKeyId, VaultError> {
        match outcome {
            Ok(key) => Ok(key),
            // A key may exist: the entry stays, so that whoever asks for the same key again, or for orphans, looks for it.
            Err(source) if source.outcome_is_unknown() && !source.is_circuit_open() => {
                Err(VaultError::ExternalKeyInDoubt {
                    kms: entry.kms().to_owned(),
                    source,
                })
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The KMS refused what was intended a moment ago: there is no key. An entry that cannot be taken back costs a search, and
    /// no key.
    pub(crate) async fn forget_intention(&self, entry: &JournalEntry, refusal: &VaultError) {
        if let Err(error) = self.end_journal(entry).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                %refusal,
                entry = %entry.id(),
                "the journal still says that a key was to be made, which the KMS refused"
            );
        }
    }

    /// Strikes an entry out of the journal, in a unit of work of its own.
    pub(super) async fn end_journal(&self, entry: &JournalEntry) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        unit.end_journal(entry).await?;
        unit.commit().await
    }
}

impl<'v> Claimed<'v> {
    pub(super) const fn new(entry: JournalEntry, claim: Claim<'v>) -> Self {
        Self {
            entry,
            _claim: claim,
        }
    }
}
