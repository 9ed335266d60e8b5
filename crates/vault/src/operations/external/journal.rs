//! Keys of a KMS that are not, or not any more, keys of the vault.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use strongroom_crypto::{Fingerprint, KeySpec, KeyUsage, KeyUsages, Timestamp};
use strongroom_kms::{FoundKey, KeyKind, KeyState, KmsError, KmsKeyId};
use strongroom_store::JournalId;

use super::{Holder, generate::Claimed};
use crate::{
    audit::AuditOperation,
    caller::Caller,
    directory::KeyEntry,
    error::{MigrationError, VaultError},
    journal::{Claim, ExternalKeyPlan, JOURNAL_TAG, JournalEntry, Progress},
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

/// The keys of the vault that one KMS holds.
#[derive(Default)]
struct HeldKeys {
    ids: HashSet<String>,
    /// The id of each, by its public half.
    by_spki: HashMap<Box<[u8]>, String>,
}

impl HeldKeys {
    /// Whether a key of the KMS is one of them. Told by the public half unless a row names the key in just this way: a KMS has
    /// many names for one key.
    ///
    /// A key that was brought there may be there twice. It is another one than ours only if the KMS has `listed` both of them.
    ///
    /// # Errors
    /// That the KMS does not show the public half: then nobody may take the key for an orphan.
    async fn contain(
        &self,
        holder: &Holder<'_>,
        key: &KmsKeyId,
        listed: &[FoundKey],
    ) -> Result<bool, KmsError> {
        if self.ids.contains(key.as_str()) {
            return Ok(true);
        }
        let public = holder.keys.public_key(key).await?;
        let Some(ours) = self.by_spki.get(&public.spki) else {
            return Ok(false);
        };
        let is_listed = |id: &str| listed.iter().any(|found| found.id.as_str() == id);
        Ok(!(is_listed(key.as_str()) && is_listed(ours)))
    }
}

impl Vault {
    /// Keys of KMSs on their way into the vault or out of it, oldest first. After an interruption this is where to look.
    #[must_use]
    pub fn kms_journal(&self) -> Vec<JournalEntry> {
        self.journal().entries()
    }

    /// When the KMS that held a key is to destroy it, if that is yet to come and is up to the vault. A key that came back and left
    /// again may stand in the journal more than once.
    #[must_use]
    pub fn destroyed_at(&self, key: &Fingerprint) -> Option<Timestamp> {
        let entries = self.journal().entries().into_iter();
        entries
            .filter(|entry| entry.fingerprint() == Some(*key))
            .find_map(|entry| entry.progress().due())
    }

    /// Searches every configured KMS for keys that were made for this vault and are none of its keys. May take minutes in a
    /// cloud with many keys. Among them are wrapper keys that never wrapped anything.
    ///
    /// # Errors
    /// Never because of a KMS: one that cannot be searched is part of the answer. Errors of the store.
    pub async fn find_orphans(&self) -> Result<Orphans, VaultError> {
        let mut orphans = Orphans::default();
        let wrapped = self.wrapper_keys_ever().await?;
        for named in &self.environment().kms {
            let Some(finder) = named.provider.key_finder() else {
                orphans.unsearched.push((named.name.clone(), None));
                continue;
            };
            match finder.find_keys(VAULT_TAG, &self.id().to_string()).await {
                Ok(keys) => {
                    let (wrappers, keys): (Vec<_>, Vec<_>) = keys
                        .into_iter()
                        .filter(|key| key.state != KeyState::PendingDeletion)
                        .partition(|key| key.kind == KeyKind::Wrapper);
                    let unused = wrappers.into_iter();
                    let unused = unused.filter(|key| !wrapped.contains(key.id.as_str()));
                    orphans.found.extend(unused.map(|key| Orphan {
                        kms: named.name.clone(),
                        key,
                        journal: None,
                    }));
                    let Ok(holder) = self.holder(&named.name) else {
                        continue;
                    };
                    let ours = self.held_by(&holder);
                    for key in &keys {
                        match self.orphan(&holder, &ours, key, &keys).await {
                            Ok(orphan) => orphans.found.extend(orphan),
                            Err(error) => {
                                orphans.unsearched.push((named.name.clone(), Some(error)));
                            }
                        }
                    }
                }
                Err(error) => orphans.unsearched.push((named.name.clone(), Some(error))),
            }
        }
        Ok(orphans)
    }

    /// The found key, if it is an orphan. One that is disabled shows no public half and may be ours: it is shown, and cannot
    /// be deleted before it is enabled.
    async fn orphan(
        &self,
        holder: &Holder<'_>,
        ours: &HeldKeys,
        key: &FoundKey,
        listed: &[FoundKey],
    ) -> Result<Option<Orphan>, KmsError> {
        match ours.contain(holder, &key.id, listed).await {
            Ok(false) | Err(KmsError::KeyDisabled { .. } | KmsError::KeyNotReady { .. }) => {}
            Ok(true) | Err(KmsError::KeyNotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let kms = holder.named.name.clone();
        if let Some((_entry, true)) = self.journal().about(&kms, &key.id) {
            return Ok(None);
        }
        let journal = self.entry_of(holder, &key.id).await?;
        // What is to be destroyed when it is due needs nobody.
        if let Some(entry) = &journal
            && entry.progress().due().is_some()
        {
            return Ok(None);
        }
        Ok(Some(Orphan {
            kms,
            key: key.clone(),
            journal: journal.map(|entry| entry.id()),
        }))
    }

    /// The keys of the vault that a KMS holds.
    fn held_by(&self, holder: &Holder<'_>) -> HeldKeys {
        let mut held = HeldKeys::default();
        for entry in self.directory().entries() {
            let half = entry.private.as_ref();
            if let Some(key) = half.and_then(|half| half.external.as_ref())
                && key.kms == holder.named.name
            {
                held.ids.insert(key.key_id.clone());
                held.by_spki
                    .insert(entry.public.spki().into(), key.key_id.clone());
            }
        }
        held
    }

    /// The keys in a KMS that were made for this vault, as their tags say; none if it cannot search.
    async fn made_for_us(&self, holder: &Holder<'_>) -> Result<Vec<FoundKey>, KmsError> {
        match holder.named.provider.key_finder() {
            Some(finder) => finder.find_keys(VAULT_TAG, &self.id().to_string()).await,
            None => Ok(Vec::new()),
        }
    }

    /// The journal's entry about a key: the one that names it, or the one that it was tagged for.
    async fn entry_of(
        &self,
        holder: &Holder<'_>,
        key: &KmsKeyId,
    ) -> Result<Option<JournalEntry>, KmsError> {
        // What somebody in this process is at work on is neither an orphan nor up to anybody else.
        let entries = self.journal().unclaimed();
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
    /// [`MigrationError::UnderWay`] for one that was brought there; [`VaultError::UnknownKms`]; as [`Vault::register_key`].
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
        self.try_settle().await?;
        let entry = self.entry_of(&holder, key).await?.ok_or_else(unknown)?;
        // One that was deleted from the vault does not come back as if nothing had been: it may have been retired.
        if entry.progress().is_leaving() {
            return Err(unknown());
        }
        if let Some(fingerprint) = entry.fingerprint() {
            // It was deleted meanwhile, and does not come back by this way.
            self.directory().entry(&fingerprint).ok_or_else(unknown)?;
            let kms = kms.to_owned();
            return Err(MigrationError::UnderWay { fingerprint, kms }.into());
        }
        let id = entry.id();
        let claimed = self.journal().claim(|entry| entry.id() == id);
        let (entry, claim) = claimed.ok_or_else(unknown)?;
        let made = self.arrive(&holder, entry, claim, key).await?;
        let mut unit = Unit::begin(self).await?;
        let adopted = unit.keep(caller, made).await?;
        unit.commit().await?;
        Ok(adopted)
    }

    /// Has the KMS destroy an orphan when it is due, as [`Vault::delete_key`]. Only what was made for this vault, and is none of
    /// its keys. One that is due already, or whose destruction was interrupted, is destroyed.
    ///
    /// # Errors
    /// [`VaultError::NotAnOrphan`] for a key of this vault, and for one that was not made for it; [`VaultError::UnknownKms`];
    /// errors of KMS and store.
    pub async fn delete_orphan(
        &self,
        caller: &Caller,
        kms: &str,
        key: &KmsKeyId,
    ) -> Result<(), VaultError> {
        let leaving = self.leaving(kms, key.clone());
        self.dispose(caller, kms, key, leaving).await
    }

    /// As [`Vault::delete_orphan`], without waiting until it is due.
    ///
    /// # Errors
    /// As [`Vault::delete_orphan`].
    pub async fn danger_delete_orphan_now(
        &self,
        caller: &Caller,
        kms: &str,
        key: &KmsKeyId,
    ) -> Result<(), VaultError> {
        let discarded = Progress::Discarded(key.clone());
        self.dispose(caller, kms, key, discarded).await
    }

    /// What is in the journal and stays there while `leaving` says nothing else.
    async fn dispose(
        &self,
        caller: &Caller,
        kms: &str,
        key: &KmsKeyId,
        leaving: Progress,
    ) -> Result<(), VaultError> {
        let holder = self.holder(kms)?;
        let refused = || VaultError::NotAnOrphan {
            kms: kms.to_owned(),
            key: key.as_str().to_owned(),
        };
        self.try_settle().await?;
        let entry = self.entry_of(&holder, key).await?;
        let listed = self.made_for_us(&holder).await?;
        if entry.is_none() && !listed.iter().any(|found| found.id == *key) {
            return Err(refused());
        }
        let ours = self.held_by(&holder);
        match ours.contain(&holder, key, &listed).await {
            Ok(false) => {}
            Ok(true) => return Err(refused()),
            // Gone already, on its way, or still without material after an import that was interrupted.
            Err(
                KmsError::KeyNotFound { .. }
                | KmsError::KeyPendingDeletion { .. }
                | KmsError::KeyNotReady { .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
        let found = entry.as_ref().map(JournalEntry::id);
        let progress = match entry.as_ref().map(JournalEntry::progress) {
            // What was decided stays so; what waits goes on waiting for its own time.
            Some(decided @ Progress::Discarded(_)) => decided.clone(),
            Some(Progress::Scheduled { due, .. })
                if leaving.due().is_some() && self.now() < *due =>
            {
                return Ok(());
            }
            Some(Progress::Scheduled { .. }) => Progress::Discarded(key.clone()),
            _ => leaving,
        };
        let claimed = found.and_then(|id| self.journal().claim(|entry| entry.id() == id));
        if found.is_some() && claimed.is_none() {
            return Err(VaultError::ChangedUnderneath);
        }
        let leaving = self.discard_orphan(&holder, key, claimed, progress).await?;
        self.destroy(caller, &leaving).await
    }

    /// Writes down that an orphan is to be destroyed, before it is: nobody can take it in any more.
    async fn discard_orphan<'v>(
        &'v self,
        holder: &Holder<'v>,
        key: &KmsKeyId,
        claimed: Option<(JournalEntry, Claim<'v>)>,
        progress: Progress,
    ) -> Result<Claimed<'v>, VaultError> {
        let (before, claim) = match claimed {
            Some((entry, claim)) => (Some(entry), claim),
            None => (None, self.journal().claim_new(self.new_journal_id()?)),
        };
        let plan = match &before {
            Some(entry) => ExternalKeyPlan {
                // Of what was only on its way nobody knows yet whether it is that key.
                fingerprint: entry
                    .fingerprint()
                    .filter(|_| entry.progress().is_leaving()),
                ..entry.plan().clone()
            },
            None => {
                let spec = self.spec_of_orphan(holder, key).await?;
                let is_signing = matches!(spec, KeySpec::Signing(_));
                ExternalKeyPlan {
                    kms: holder.named.name.clone(),
                    spec,
                    // Nobody knows what it was to be; the journal wants a usage of a signing key.
                    usages: is_signing.then(some_usages),
                    name: None,
                    fingerprint: None,
                }
            }
        };
        let entry = JournalEntry::new(claim.id(), plan, progress, self.now());
        let mut unit = Unit::begin(self).await?;
        if self.held_by(holder).ids.contains(key.as_str()) {
            return Err(VaultError::ChangedUnderneath);
        }
        unit.put_journal(before.as_ref(), entry.clone()).await?;
        unit.commit().await?;
        Ok(Claimed::new(entry, claim))
    }

    /// What an orphan is: one without material shows no public half, and is found by its tag.
    async fn spec_of_orphan(
        &self,
        holder: &Holder<'_>,
        key: &KmsKeyId,
    ) -> Result<KeySpec, KmsError> {
        let not_ready = match holder.keys.public_key(key).await {
            Ok(public) => return Ok(public.spec),
            Err(error @ KmsError::KeyNotReady { .. }) => error,
            Err(error) => return Err(error),
        };
        let tagged = self.made_for_us(holder).await?;
        let found = tagged.iter().find(|found| found.id == *key);
        found.and_then(|found| found.kind.spec()).ok_or(not_ready)
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
        self.try_settle().await?;
        let claimed = self.journal().claim(|entry| entry.id() == id);
        let (entry, _claim) = claimed.ok_or(VaultError::NoSuchJournalEntry { id })?;
        let holder = self.holder(entry.kms())?;
        let remains = |key: &KmsKeyId| VaultError::OrphanRemains {
            kms: entry.kms().to_owned(),
            key: key.as_str().to_owned(),
        };
        if let Some(key) = entry.progress().key() {
            let is_ours = self.held_by(&holder).ids.contains(key.as_str());
            match holder.keys.key_state(key).await {
                // It has become a key of the vault by another way.
                _ if is_ours => {}
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
        let details = key_in_kms(kms, key);
        unit.audit(caller, AuditOperation::DeleteKmsKey, None, details)
            .await?;
        unit.commit().await
    }
}

pub(super) fn key_in_kms(kms: &str, key: &KmsKeyId) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("kms".to_owned(), kms.to_owned()),
        ("kms_key_id".to_owned(), key.as_str().to_owned()),
    ])
}

/// That a key is on its way out for good.
pub(super) fn discarded(entry: &JournalEntry) -> VaultError {
    VaultError::ExternalKeyDiscarded {
        kms: entry.kms().to_owned(),
        key: entry
            .progress()
            .key()
            .map_or_else(String::new, |key| key.as_str().to_owned()),
    }
}

fn some_usages() -> KeyUsages {
    KeyUsages::any_of(&[KeyUsage::Protocol, KeyUsage::ProofOfOwnership])
}
