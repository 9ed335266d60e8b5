//! Having a KMS generate a key.

use strongroom_crypto::{KeyName, KeySpec, KeyUsages};
use strongroom_kms::{ExternalKeyRequest, KmsError, KmsKeyId};
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
pub(crate) struct Claimed<'v> {
    pub(crate) entry: JournalEntry,
    claim: Claim<'v>,
}

impl Vault {
    /// Has the KMS generate a key, or takes up one whose generation was interrupted: of the same KMS, spec, usages and name.
    ///
    /// Until the key is in the vault its entry stands in the journal.
    pub(crate) async fn generate_externally(
        &self,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        name: Option<KeyName>,
    ) -> Result<Generated<'_>, VaultError> {
        let holder = self.maker()?;
        let plan = ExternalKeyPlan {
            kms: holder.named.name.clone(),
            spec,
            usages,
            name,
        };
        let unfinished = self.journal().claim(|entry| {
            *entry.plan() == plan && !matches!(entry.progress(), Progress::Discarded(_))
        });
        let (entry, claim, made) = match unfinished {
            Some((entry, claim)) => {
                let made = self.made_before(&holder, &entry).await?;
                (entry, claim, made)
            }
            None => {
                let (entry, claim) = self.intend(plan).await?;
                (entry, claim, None)
            }
        };
        let key = match made {
            Some(key) => key,
            None => self.make(&holder, &entry).await?,
        };
        let entry = self.note_made(entry, &key).await?;
        let public = holder.public_key(&key, usages).await?;
        if public.spec() != spec {
            return Err(VaultError::ExternalKeySpec {
                kms: holder.named.name.clone(),
                key: key.as_str().to_owned(),
                found: public.spec(),
                wanted: spec,
            });
        }
        Ok(Generated {
            public,
            private: holder.private_half(&key),
            name: entry.plan().name.clone(),
            journal: Some(Claimed { entry, claim }),
        })
    }

    /// Writes down that a key is about to be made.
    async fn intend(&self, plan: ExternalKeyPlan) -> Result<(JournalEntry, Claim<'_>), VaultError> {
        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        let id = JournalId::from_bytes(id);
        let claim = self.journal().claim_new(id);
        let (entry, record) =
            JournalEntry::new(id, plan, Progress::Intended, self.now(), self.data_keys())?;
        let mut unit = Unit::begin(self).await?;
        unit.put_journal(None, entry.clone(), record).await?;
        unit.commit().await?;
        Ok((entry, claim))
    }

    /// Writes down that the key was made, unless that stands there.
    async fn note_made(
        &self,
        entry: JournalEntry,
        key: &KmsKeyId,
    ) -> Result<JournalEntry, VaultError> {
        if entry.progress().key() == Some(key) {
            return Ok(entry);
        }
        let (made, record) = JournalEntry::new(
            entry.id(),
            entry.plan().clone(),
            Progress::Created(key.clone()),
            entry.created_at(),
            self.data_keys(),
        )?;
        let mut unit = Unit::begin(self).await?;
        unit.put_journal(Some(&entry), made.clone(), record).await?;
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
        let Some(finder) = holder.named.provider.key_finder() else {
            return Ok(None);
        };
        let found = finder
            .find_keys(JOURNAL_TAG, &entry.id().to_string())
            .await?;
        let fits = |key: &strongroom_kms::FoundKey| {
            key.kind.spec() == Some(entry.spec()) && key.state.is_usable()
        };
        Ok(found.into_iter().find(fits).map(|key| key.id))
    }

    async fn make(
        &self,
        holder: &Holder<'_>,
        entry: &JournalEntry,
    ) -> Result<KmsKeyId, VaultError> {
        let request = ExternalKeyRequest {
            label: entry.plan().name.clone(),
            tags: vec![
                (VAULT_TAG.to_owned(), self.id().to_string()),
                (JOURNAL_TAG.to_owned(), entry.id().to_string()),
            ],
        };
        let made = match entry.spec() {
            KeySpec::Signing(spec) => holder.keys.generate_signing_key(spec, &request).await,
            KeySpec::Encryption(spec) => holder.keys.generate_encryption_key(spec, &request).await,
        };
        match made {
            Ok(key) => Ok(key),
            // A key may exist: the entry stays, so that whoever asks for the same key again, or for orphans, looks for it.
            Err(source) if source.outcome_is_unknown() && !source.is_circuit_open() => {
                Err(VaultError::ExternalKeyInDoubt {
                    kms: entry.kms().to_owned(),
                    source,
                })
            }
            Err(refusal) => {
                self.forget_intention(entry, &refusal).await;
                Err(refusal.into())
            }
        }
    }

    /// The KMS refused: there is no key. An entry that cannot be taken back costs a search, and no key.
    async fn forget_intention(&self, entry: &JournalEntry, refusal: &KmsError) {
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
        Self { entry, claim }
    }
}

impl std::fmt::Debug for Claimed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed")
            .field("entry", &self.entry)
            .field("claim", &self.claim)
            .finish()
    }
}
