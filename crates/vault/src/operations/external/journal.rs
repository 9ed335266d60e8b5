//! Keys of a KMS that are not, or not any more, keys of the vault.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_kms::{FoundKey, KeyKind, KeyState, KmsError, KmsKeyId};
use strongroom_store::JournalId;

use super::Holder;
use crate::{
    audit::AuditOperation,
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    journal::{JOURNAL_TAG, JournalEntry, Progress},
    operations::create::VAULT_TAG,
    unit::Unit,
    vault::Vault,
};

/// A key in a KMS that was made for this vault and is none of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Orphan {
    /// The configured name of the KMS.
    pub kms: String,
    /// The key.
    pub key: FoundKey,
    /// What the journal says of it; none if nothing, and then nobody knows what it was to be.
    pub journal: Option<JournalId>,
}

/// What a search for orphans found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Orphans {
    /// Those that were found.
    pub found: Vec<Orphan>,
    /// KMSs that could not be searched, and why; none if they have no way to search.
    pub unsearched: Vec<(String, Option<KmsError>)>,
}

impl Vault {
    /// Keys of KMSs on their way into the vault or out of it, oldest first. After an interruption this is where to look.
    #[must_use]
    pub fn kms_journal(&self) -> Vec<JournalEntry> {
        self.journal().entries()
    }

    /// Searches every configured KMS for keys that were made for this vault and are none of its keys. May take minutes in a
    /// cloud with many keys. Wrapper keys are not among the answers.
    ///
    /// # Errors
    /// Never because of a KMS: one that cannot be searched is part of the answer.
    pub async fn find_orphans(&self) -> Result<Orphans, VaultError> {
        let mut orphans = Orphans::default();
        for named in &self.environment().kms {
            let Ok(holder) = self.holder(&named.name) else {
                continue;
            };
            let Some(finder) = named.provider.key_finder() else {
                orphans.unsearched.push((named.name.clone(), None));
                continue;
            };
            match finder.find_keys(VAULT_TAG, &self.id().to_string()).await {
                Ok(keys) => {
                    for key in keys {
                        orphans.found.extend(self.orphan(&holder, key).await?);
                    }
                }
                Err(error) => orphans.unsearched.push((named.name.clone(), Some(error))),
            }
        }
        Ok(orphans)
    }

    /// The found key, if it is an orphan. Told by the public half: a KMS may have many names for one key.
    async fn orphan(
        &self,
        holder: &Holder<'_>,
        key: FoundKey,
    ) -> Result<Option<Orphan>, VaultError> {
        if key.kind == KeyKind::Wrapper || key.state == KeyState::PendingDeletion {
            return Ok(None);
        }
        if self.is_ours(holder, &key.id).await {
            return Ok(None);
        }
        let kms = holder.named.name.clone();
        let journal = self.entry_of(holder, &key.id).await?;
        Ok(Some(Orphan {
            kms,
            key,
            journal: journal.map(|entry| entry.id()),
        }))
    }

    /// Whether a key of the vault has its private half there. A key whose public half is not shown is named as it is in our
    /// rows, or not ours.
    async fn is_ours(&self, holder: &Holder<'_>, key: &KmsKeyId) -> bool {
        let held_here = |entry: &Arc<KeyEntry>| {
            let half = entry.private.as_ref()?;
            let held = half.external.as_ref()?;
            (held.kms == holder.named.name).then(|| Arc::clone(held))
        };
        let entries = self.directory().entries();
        let mut held = entries.iter().filter_map(held_here);
        if held.any(|held| held.key_id == key.as_str()) {
            return true;
        }
        let Ok(public) = holder.keys.public_key(key).await else {
            return false;
        };
        let is_it = |entry: &Arc<KeyEntry>| {
            held_here(entry).is_some() && *entry.public.spki() == *public.spki
        };
        entries.iter().any(is_it)
    }

    /// The journal's entry about a key: the one that names it, or the one that it was tagged for.
    async fn entry_of(
        &self,
        holder: &Holder<'_>,
        key: &KmsKeyId,
    ) -> Result<Option<JournalEntry>, VaultError> {
        let entries = self.journal().entries();
        let here = || {
            let of_kms = |entry: &&JournalEntry| entry.kms() == holder.named.name;
            entries.iter().filter(of_kms)
        };
        if let Some(entry) = here().find(|entry| entry.progress().key() == Some(key)) {
            return Ok(Some(entry.clone()));
        }
        let Some(finder) = holder.named.provider.key_finder() else {
            return Ok(None);
        };
        for entry in here().filter(|entry| *entry.progress() == Progress::Intended) {
            let tagged = finder
                .find_keys(JOURNAL_TAG, &entry.id().to_string())
                .await?;
            if tagged.iter().any(|found| found.id == *key) {
                return Ok(Some(entry.clone()));
            }
        }
        Ok(None)
    }

    /// Makes an orphan what it was to be when it was made.
    ///
    /// # Errors
    /// [`VaultError::NoJournalEntry`] when the journal does not know what it was to be: register it instead;
    /// [`VaultError::UnknownKms`]; as [`Vault::register_key`].
    pub async fn adopt_orphan(
        &self,
        caller: &Caller,
        kms: &str,
        key: &KmsKeyId,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let holder = self.holder(kms)?;
        let unknown = || VaultError::NoJournalEntry {
            kms: kms.to_owned(),
            key: key.as_str().to_owned(),
        };
        let entry = self.entry_of(&holder, key).await?.ok_or_else(unknown)?;
        let id = entry.id();
        let claimed = self.journal().claim(|entry| entry.id() == id);
        let (entry, _claim) = claimed.ok_or_else(unknown)?;
        let plan = entry.plan().clone();
        let public = holder.public_key(key, plan.usages).await?;
        let half = holder.private_half(key);
        self.take_in(caller, public, half, plan.name, Some(&entry))
            .await
    }

    /// Has the KMS destroy an orphan, or schedule that.
    ///
    /// # Errors
    /// [`VaultError::NotAnOrphan`] for a key of this vault; [`VaultError::UnknownKms`]; errors of KMS and store.
    pub async fn delete_orphan(
        &self,
        caller: &Caller,
        kms: &str,
        key: &KmsKeyId,
    ) -> Result<(), VaultError> {
        let holder = self.holder(kms)?;
        if self.is_ours(&holder, key).await {
            return Err(VaultError::NotAnOrphan {
                kms: kms.to_owned(),
                key: key.as_str().to_owned(),
            });
        }
        let entry = self.entry_of(&holder, key).await?;
        match holder.keys.delete_key(key).await {
            // Gone already.
            Ok(()) | Err(KmsError::KeyNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.note_deleted(caller, kms, key, entry.as_ref()).await
    }

    /// Strikes an entry out of the journal of which the KMS knows nothing.
    ///
    /// # Errors
    /// [`VaultError::NoSuchJournalEntry`]; [`VaultError::UnknownKms`]; [`VaultError::OrphanRemains`] if the KMS has a key of
    /// this entry; errors of KMS and store.
    pub async fn forget_journal_entry(
        &self,
        caller: &Caller,
        id: JournalId,
    ) -> Result<(), VaultError> {
        let claimed = self.journal().claim(|entry| entry.id() == id);
        let (entry, _claim) = claimed.ok_or(VaultError::NoSuchJournalEntry { id })?;
        let holder = self.holder(entry.kms())?;
        let remains = |key: &KmsKeyId| VaultError::OrphanRemains {
            kms: entry.kms().to_owned(),
            key: key.as_str().to_owned(),
        };
        if let Some(key) = entry.progress().key() {
            match holder.keys.key_state(key).await {
                Ok(KeyState::PendingDeletion) | Err(KmsError::KeyNotFound { .. }) => {}
                Ok(_) => return Err(remains(key)),
                Err(error) => return Err(error.into()),
            }
        } else if let Some(finder) = holder.named.provider.key_finder() {
            let found = finder.find_keys(JOURNAL_TAG, &id.to_string()).await?;
            let alive = |key: &&FoundKey| key.state != KeyState::PendingDeletion;
            if let Some(found) = found.iter().find(alive) {
                return Err(remains(&found.id));
            }
        }
        let mut unit = Unit::begin(self).await?;
        unit.end_journal(&entry).await?;
        let details = [("entry".to_owned(), id.to_string())].into();
        unit.audit(caller, AuditOperation::ForgetKmsKey, None, details)
            .await?;
        unit.commit().await
    }

    /// Records that the KMS has destroyed a key.
    pub(crate) async fn note_deleted(
        &self,
        caller: &Caller,
        kms: &str,
        key: &KmsKeyId,
        entry: Option<&JournalEntry>,
    ) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        if let Some(entry) = entry {
            unit.end_journal(entry).await?;
        }
        let details = BTreeMap::from([
            ("kms".to_owned(), kms.to_owned()),
            ("kms_key_id".to_owned(), key.as_str().to_owned()),
        ]);
        unit.audit(caller, AuditOperation::DeleteKmsKey, None, details)
            .await?;
        unit.commit().await
    }
}
