//! Keys of a KMS on their way into the vault, or out of it.
//!
//! A key that a KMS makes is written down before the KMS is asked, and again when it has answered; a key that leaves the vault
//! stays written down until the KMS has destroyed it. So no crash leaves a key of which nobody knows.

use std::collections::HashSet;

use parking_lot::Mutex;
use strongroom_crypto::{Fingerprint, KeyName, KeySpec, KeyUsages, Timestamp};
use strongroom_kms::KmsKeyId;
use strongroom_store::{DataKeyId, JournalId, JournalStep, KmsJournalRecord};

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
    rows::{self, Tag},
};

/// How long a cloud may hide a new key, with some to spare: AWS speaks of seconds.
const HIDDEN_MICROS: i64 = 10 * 60 * 1_000_000;

/// The tag of an external key whose value is the id of the journal entry that it was made for.
pub const JOURNAL_TAG: &str = "strongroom-key";

/// What an external key shall be, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExternalKeyPlan {
    /// The configured name of the KMS.
    pub(crate) kms: String,
    pub(crate) spec: KeySpec,
    pub(crate) usages: Option<KeyUsages>,
    pub(crate) name: Option<KeyName>,
    /// The key of the vault that this is to be, or was; none for one that the KMS makes, and where nobody knows.
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// A key of a KMS on its way into the vault, or out of it.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    id: JournalId,
    plan: ExternalKeyPlan,
    progress: Progress,
    created_at: Timestamp,
    tag: Tag,
    /// The data key that the row is tagged under.
    pub(crate) data_key: DataKeyId,
}

/// How far a key of a KMS has come on its way into the vault, or out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The KMS was, or was about to be, asked for it: it may exist, with the tag [`JOURNAL_TAG`].
    Intended,
    /// It exists, and is not a key of the vault yet.
    Created(KmsKeyId),
    /// It is not a key of the vault any more, and the KMS was, or is about to be, asked to destroy it: nobody can undo that.
    Discarded(KmsKeyId),
    /// It is not a key of the vault any more, and the KMS is to destroy it, until when that can be cancelled.
    Scheduled {
        /// The key in the KMS.
        key: KmsKeyId,
        /// When the KMS is to be asked.
        due: Timestamp,
    },
}

impl Progress {
    /// The stable name: `intended`, `created`, `discarded`, `scheduled`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.step().name()
    }

    /// The key in the KMS, as far as it is known.
    #[must_use]
    pub const fn key(&self) -> Option<&KmsKeyId> {
        match self {
            Self::Intended => None,
            Self::Created(key) | Self::Discarded(key) | Self::Scheduled { key, due: _ } => {
                Some(key)
            }
        }
    }

    /// When the KMS is to be asked to destroy the key, if that can still be cancelled.
    #[must_use]
    pub const fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Scheduled { key: _, due } => Some(*due),
            Self::Intended | Self::Created(_) | Self::Discarded(_) => None,
        }
    }

    /// Whether the key is on its way out of the vault, and not into it.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        matches!(self, Self::Discarded(_) | Self::Scheduled { .. })
    }

    const fn step(&self) -> JournalStep {
        match self {
            Self::Intended => JournalStep::Intended,
            Self::Created(_) => JournalStep::Created,
            Self::Discarded(_) => JournalStep::Discarded,
            Self::Scheduled { .. } => JournalStep::Scheduled,
        }
    }
}

impl JournalEntry {
    /// Names the entry; the key in the KMS carries it in its tag [`JOURNAL_TAG`].
    #[must_use]
    pub const fn id(&self) -> JournalId {
        self.id
    }

    /// The configured name of the KMS.
    #[must_use]
    pub fn kms(&self) -> &str {
        &self.plan.kms
    }

    /// How far the key has come.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Curve or size, and with it the purpose.
    #[must_use]
    pub const fn spec(&self) -> KeySpec {
        self.plan.spec
    }

    /// What a signing key may sign; none for an encryption key.
    pub(crate) const fn usages(&self) -> Option<KeyUsages> {
        self.plan.usages
    }

    /// The operator's label.
    #[must_use]
    pub const fn key_name(&self) -> Option<&KeyName> {
        self.plan.name.as_ref()
    }

    /// The key of the vault that this is to be, or was: one that is brought into the KMS, or that has left the vault. None for
    /// one that the KMS makes, and where nobody knows.
    #[must_use]
    pub const fn fingerprint(&self) -> Option<Fingerprint> {
        self.plan.fingerprint
    }

    /// When the entry was made.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Whether its key may be hidden still: a cloud does not show a new key everywhere at once.
    pub(crate) const fn is_young(&self, now: Timestamp) -> bool {
        now.as_micros().saturating_sub(self.created_at.as_micros()) < HIDDEN_MICROS
    }

    /// The same with a later time at which its key is to be destroyed; none if no such time is set.
    pub(crate) fn postponed(&self, due: Timestamp) -> Option<Self> {
        let Progress::Scheduled { key, due: before } = self.progress.clone() else {
            return None;
        };
        let due = due.max(before);
        Some(Self {
            progress: Progress::Scheduled { key, due },
            ..self.clone()
        })
    }

    pub(crate) const fn is_discarded(&self) -> bool {
        matches!(self.progress, Progress::Discarded(_))
    }

    pub(crate) const fn plan(&self) -> &ExternalKeyPlan {
        &self.plan
    }

    /// A new entry, which is in no journal yet.
    pub(crate) const fn new(
        id: JournalId,
        plan: ExternalKeyPlan,
        progress: Progress,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            plan,
            progress,
            created_at,
            tag: [0; 32],
            data_key: DataKeyId::from_bytes([0; 16]),
        }
    }

    /// The entry under this data key, and its row.
    pub(crate) fn under(
        mut self,
        data_key: DataKeyId,
        data_keys: &DataKeys,
    ) -> Result<(Self, KmsJournalRecord), VaultError> {
        let mut record = KmsJournalRecord {
            id: self.id,
            kms: self.plan.kms.clone(),
            step: self.progress.step(),
            kms_key_id: self.progress.key().map(|key| key.as_str().to_owned()),
            spec: self.plan.spec,
            usages: self.plan.usages,
            name: self.plan.name.clone(),
            fingerprint: self.plan.fingerprint,
            due_at: self.progress.due(),
            created_at: self.created_at,
            data_key_id: data_key,
            mac: [0; 32],
        };
        record.mac = rows::tag_journal(&record, data_keys)?;
        self.tag = record.mac;
        self.data_key = data_key;
        Ok((self, record))
    }

    /// Reads a row, if it is authentic.
    pub(crate) fn authentic(
        record: KmsJournalRecord,
        data_keys: &DataKeys,
    ) -> Result<Self, VaultError> {
        let tag = rows::tag_journal(&record, data_keys)?;
        rows::check_tag(&tag, &record.mac, rows::KMS_JOURNAL, &record.id)?;
        let refused = || rows::not_authentic(rows::KMS_JOURNAL, &record.id);
        let key = record
            .kms_key_id
            .as_deref()
            .map(|id| KmsKeyId::try_new(id).map_err(|_malformed| refused()))
            .transpose()?;
        let progress = match (record.step, key, record.due_at) {
            (JournalStep::Intended, None, None) => Progress::Intended,
            (JournalStep::Created, Some(key), None) => Progress::Created(key),
            (JournalStep::Discarded, Some(key), None) => Progress::Discarded(key),
            (JournalStep::Scheduled, Some(key), Some(due)) => Progress::Scheduled { key, due },
            _ => return Err(refused()),
        };
        Ok(Self {
            id: record.id,
            plan: ExternalKeyPlan {
                kms: record.kms,
                spec: record.spec,
                usages: record.usages,
                name: record.name,
                fingerprint: record.fingerprint,
            },
            progress,
            created_at: record.created_at,
            tag,
            data_key: record.data_key_id,
        })
    }

    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        current.element(&self.tag)
    }
}

/// Equal if they say the same, under whichever data key: whoever works on an entry need not hear that its row has moved.
impl PartialEq for JournalEntry {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.created_at) == (other.id, other.created_at)
            && self.plan == other.plan
            && self.progress == other.progress
    }
}

impl Eq for JournalEntry {}

/// The journal, as of the last commit, and who is at work on which entry.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Oldest first.
    entries: Vec<JournalEntry>,
    /// Entries that somebody in this process is at work on.
    claimed: HashSet<JournalId>,
}

impl Journal {
    pub(crate) fn new(entries: Vec<JournalEntry>) -> Self {
        Self(Mutex::new(State {
            entries,
            claimed: HashSet::new(),
        }))
    }

    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.0.lock().entries.clone()
    }

    /// Entries that nobody in this process is at work on.
    pub(crate) fn unclaimed(&self) -> Vec<JournalEntry> {
        let state = self.0.lock();
        let idle = |entry: &&JournalEntry| !state.claimed.contains(&entry.id);
        state.entries.iter().filter(idle).cloned().collect()
    }

    /// The entry as it stands there, if it says the same: a commit of which nobody had heard may have changed it since it was
    /// claimed.
    pub(crate) fn same(&self, entry: &JournalEntry) -> Option<JournalEntry> {
        let state = self.0.lock();
        let mut entries = state.entries.iter();
        entries.find(|known| *known == entry).cloned()
    }

    /// The entry about a key, and whether somebody is at work on it.
    pub(crate) fn about(&self, kms: &str, key: &KmsKeyId) -> Option<(JournalEntry, bool)> {
        let state = self.0.lock();
        let is_it =
            |entry: &&JournalEntry| entry.plan.kms == kms && entry.progress.key() == Some(key);
        let entry = state.entries.iter().find(is_it)?;
        Some((entry.clone(), state.claimed.contains(&entry.id)))
    }

    pub(crate) fn put(&self, entry: JournalEntry) {
        let entries = &mut self.0.lock().entries;
        match entries.iter_mut().find(|known| known.id == entry.id) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }

    pub(crate) fn remove(&self, id: JournalId) {
        self.0.lock().entries.retain(|entry| entry.id != id);
    }

    /// Takes the oldest entry that `wanted` accepts and nobody is at work on.
    pub(crate) fn claim(
        &self,
        wanted: impl Fn(&JournalEntry) -> bool,
    ) -> Option<(JournalEntry, Claim<'_>)> {
        let State { entries, claimed } = &mut *self.0.lock();
        let entry = entries
            .iter()
            .find(|entry| !claimed.contains(&entry.id) && wanted(entry))?
            .clone();
        claimed.insert(entry.id);
        let claim = Claim {
            journal: self,
            id: entry.id,
        };
        Some((entry, claim))
    }

    /// Takes an entry that is about to be written.
    pub(crate) fn claim_new(&self, id: JournalId) -> Claim<'_> {
        self.0.lock().claimed.insert(id);
        Claim { journal: self, id }
    }
}

impl Claim<'_> {
    pub(crate) const fn id(&self) -> JournalId {
        self.id
    }
}

/// Nobody else in this process is at work on an entry while this lives.
#[derive(Debug)]
pub(crate) struct Claim<'j> {
    journal: &'j Journal,
    id: JournalId,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.journal.0.lock().claimed.remove(&self.id);
    }
}
