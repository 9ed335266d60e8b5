//! The anchor: the latest generation, kept where the store's operator cannot write.
//!
//! The state record notices single rows that were changed. Only something outside of the store can notice that the
//! *whole* store was put back to an earlier day. Each commit therefore writes its checkpoint to the anchor twice: as
//! *pending* before the store commits, and as *confirmed* after. A store that shows neither was rolled back.
//!
//! The undetected window: between the store's commit and the confirmation (one write of the anchor), and after a
//! crash in that window until the next commit, the previous generation is accepted as well.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_files::{Access, FileError, Files};
use strongroom_store::{DataKeyId, DataKeyRecord};

use crate::audit::AuditHead;

/// One point in the history of a vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Number of commits so far.
    pub generation: u64,
    /// Lower-case hex of a 32-byte tag over the state; tells nothing to who lacks the data key.
    pub tag: String,
    /// The newest audit record of that state, as NUMBER:HASH: for auditors, who have no data key, and to see whether a later state
    /// came from this one. Anchors of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<String>,
}

/// The tag is over all of the state, the audit log included.
impl PartialEq for Checkpoint {
    fn eq(&self, other: &Self) -> bool {
        self.generation == other.generation && self.tag == other.tag
    }
}

impl Eq for Checkpoint {}

impl Checkpoint {
    /// The place in the audit log that every later state has in its own; none in an anchor of before.
    pub(crate) fn audit_head(&self) -> Option<AuditHead> {
        let head = self.audit_head.as_ref()?;
        // What is no head is in no log.
        let nowhere = AuditHead {
            records: u64::MAX,
            hash: [0; 32],
        };
        Some(head.parse().unwrap_or(nowhere))
    }
}

/// What the anchor remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorRecord {
    /// The vault, lower-case hex.
    pub vault_id: String,
    /// The current data key, lower-case hex.
    pub data_key_id: String,
    /// The commitment to the current data key, lower-case hex: nobody can substitute another.
    pub data_key_commitment: String,
    /// The last state that is known to be committed; none before the first commit.
    pub confirmed: Option<Checkpoint>,
    /// A state whose commit was under way.
    pub pending: Option<Checkpoint>,
    /// The data key of the pending state, if that commit made another one current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_data_key: Option<AnchoredDataKey>,
    /// Data keys that were current once and were not pruned: a backup of that time may be accepted by its operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_data_keys: Vec<AnchoredDataKey>,
    /// A state that takes the place of all that, by the word of an operator, and whose commit was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restoring: Option<Restoring>,
    /// Data keys of states that were given up for an older one, oldest first: a better backup may turn up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up_data_keys: Vec<AnchoredDataKey>,
}

/// Data keys that are kept for that: nobody wants a state back that was given up longer ago.
const MOST_GIVEN_UP: usize = 16;

/// A vault that is being restored from a backup, or whose older state is being accepted, as it will be.
///
/// It stands beside what is remembered and in the place of nothing: that may fail, and then an older backup is still an
/// older one, and the database that was there is still the latest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restoring {
    /// Its data key.
    pub data_key: AnchoredDataKey,
    /// Its state.
    pub checkpoint: Checkpoint,
}

impl AnchorRecord {
    /// Whether the latest state may be under this data key.
    pub(crate) fn knows(&self, key: &AnchoredDataKey) -> bool {
        let restoring = self.restoring.as_ref();
        self.latest_data_keys().any(|latest| latest == *key)
            || restoring.is_some_and(|restoring| restoring.data_key == *key)
    }

    /// Whether a state under this data key was the latest once, and its operator may go back to it.
    pub(crate) fn knew(&self, key: &AnchoredDataKey) -> bool {
        self.former_data_keys.contains(key) || self.given_up_data_keys.contains(key)
    }

    /// Every data key that it knows or knew.
    pub(crate) fn all_data_keys(&self) -> impl Iterator<Item = AnchoredDataKey> {
        let restoring = self.restoring.iter().map(|restoring| &restoring.data_key);
        let before = self.former_data_keys.iter().chain(&self.given_up_data_keys);
        self.latest_data_keys()
            .chain(restoring.chain(before).cloned())
    }

    fn latest_data_keys(&self) -> impl Iterator<Item = AnchoredDataKey> {
        let current = AnchoredDataKey {
            id: self.data_key_id.clone(),
            commitment: self.data_key_commitment.clone(),
        };
        [current].into_iter().chain(self.pending_data_key.clone())
    }

    /// Whether this may be the latest state.
    pub(crate) fn accepts(&self, state: &Checkpoint) -> bool {
        let restoring = self.restoring.as_ref().map(|it| &it.checkpoint);
        [self.confirmed.as_ref(), self.pending.as_ref(), restoring].contains(&Some(state))
    }

    /// Whether this is the latest state, and nothing else can be.
    pub(crate) fn is_settled_on(&self, state: &Checkpoint) -> bool {
        let is_open = self.pending.is_some() || self.restoring.is_some();
        self.confirmed.as_ref() == Some(state) && !is_open
    }

    /// All that it remembers, and beside it a state that somebody takes for the right one, until that is committed.
    pub(crate) fn while_restoring(self, data_key: AnchoredDataKey, checkpoint: Checkpoint) -> Self {
        let restoring = Restoring {
            data_key,
            checkpoint,
        };
        Self {
            restoring: Some(restoring),
            ..self
        }
    }

    /// The states of which a later one must have come from one.
    pub(crate) fn origins(&self) -> impl Iterator<Item = &Checkpoint> {
        let latest = self.confirmed.as_ref().or(self.pending.as_ref());
        let restoring = self.restoring.as_ref().map(|it| &it.checkpoint);
        latest.into_iter().chain(restoring)
    }

    /// The generation of the last state that is known to be committed.
    pub(crate) fn generation(&self) -> u64 {
        let latest = self.confirmed.as_ref().or(self.pending.as_ref());
        latest.map_or(0, |checkpoint| checkpoint.generation)
    }

    /// The data keys that are given up by taking a state for the right one that has these `rows` and this `current` data key.
    pub(crate) fn given_up_by(
        &self,
        current: &AnchoredDataKey,
        rows: &[DataKeyRecord],
    ) -> Vec<AnchoredDataKey> {
        let goes_back = !self.latest_data_keys().any(|latest| latest == *current)
            && self.all_data_keys().any(|known| known == *current);
        let mut given_up = self.given_up_data_keys.clone();
        // Of those that a later state has not, they were pruned.
        if goes_back {
            given_up.extend(self.former_data_keys.iter().cloned());
        }
        given_up.extend(self.latest_data_keys());
        let mut known: Vec<_> = rows.iter().map(AnchoredDataKey::of).collect();
        given_up.retain(|key| {
            let is_new = !known.contains(key);
            known.push(key.clone());
            is_new
        });
        let surplus = given_up.len().saturating_sub(MOST_GIVEN_UP);
        given_up.split_off(surplus)
    }
}

/// A data key as the anchor knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchoredDataKey {
    /// Lower-case hex.
    pub id: String,
    /// The commitment to it, lower-case hex.
    pub commitment: String,
}

impl AnchoredDataKey {
    pub(crate) fn of(record: &DataKeyRecord) -> Self {
        Self {
            id: record.id.to_string(),
            commitment: data_encoding::HEXLOWER.encode(&record.commitment),
        }
    }

    /// Id and commitment; none if the texts are none.
    pub(crate) fn parse(&self) -> Option<(DataKeyId, [u8; 32])> {
        let commitment = data_encoding::HEXLOWER.decode(self.commitment.as_bytes());
        let commitment = commitment.ok()?.try_into().ok()?;
        Some((self.id.parse().ok()?, commitment))
    }
}

/// Remembers the latest checkpoint of a vault.
///
/// An implementation must make [`Anchor::store`] durable before it answers.
pub trait Anchor: fmt::Debug + Send + Sync {
    /// Where it is, for people; none for [`NoAnchor`].
    fn location(&self) -> Option<String>;

    /// What was stored last; none if nothing ever was.
    ///
    /// # Errors
    /// [`AnchorError`] when the anchor cannot be read or is not one.
    fn load(&self) -> Result<Option<AnchorRecord>, AnchorError>;

    /// Replaces what was stored.
    ///
    /// # Errors
    /// [`AnchorError`] when it could not be made durable; the old record is then still there.
    fn store(&self, record: &AnchorRecord) -> Result<(), AnchorError>;
}

/// Why the anchor did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The file could not be read or written.
    #[error("the anchor cannot be read or written")]
    File(#[from] FileError),
    /// The file is not an anchor.
    #[error("{path} is not an anchor")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

const ANCHOR_DAMAGED: ErrorCode = ErrorCode::new(
    "ANCHOR_DAMAGED",
    Category::DataCorrupted,
    "Restore the anchor file from a backup. If it is lost, look the vault over (strongroom doctor) and accept its state with \
     'strongroom anchor accept'.",
);

impl AnchorError {
    /// Every code of this domain that is its own.
    pub const CODES: &[ErrorCode] = &[ANCHOR_DAMAGED];
}

impl Coded for AnchorError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::File(source) => source.code(),
            Self::Malformed { .. } => ANCHOR_DAMAGED,
        }
    }
}

/// An anchor in a file of its own (JSON, mode 0600), outside of the vault's folder.
#[derive(Debug)]
pub struct FileAnchor {
    files: Arc<dyn Files>,
    path: PathBuf,
}

impl FileAnchor {
    /// The anchor at `path`; nothing is read yet.
    #[must_use]
    pub fn new(files: Arc<dyn Files>, path: impl Into<PathBuf>) -> Self {
        Self {
            files,
            path: path.into(),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Anchor for FileAnchor {
    fn location(&self) -> Option<String> {
        Some(self.path.display().to_string())
    }

    fn load(&self) -> Result<Option<AnchorRecord>, AnchorError> {
        let Some(contents) = self.files.read_guarded(&self.path)? else {
            return Ok(None);
        };
        serde_json::from_slice(&contents)
            .map(Some)
            .map_err(|source| AnchorError::Malformed {
                path: self.path.clone(),
                source,
            })
    }

    fn store(&self, record: &AnchorRecord) -> Result<(), AnchorError> {
        let contents =
            serde_json::to_vec_pretty(record).map_err(|source| AnchorError::Malformed {
                path: self.path.clone(),
                source,
            })?;
        Ok(self
            .files
            .rewrite_durably(&self.path, &contents, Access::OwnerOnly)?)
    }
}

/// No anchor: a rollback of the whole store goes unnoticed.
#[derive(Debug, Default)]
pub struct NoAnchor;

impl Anchor for NoAnchor {
    fn location(&self) -> Option<String> {
        None
    }

    fn load(&self) -> Result<Option<AnchorRecord>, AnchorError> {
        Ok(None)
    }

    fn store(&self, _record: &AnchorRecord) -> Result<(), AnchorError> {
        Ok(())
    }
}
