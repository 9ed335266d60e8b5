use crate::{DataKeyId, JournalId};
use strongroom_crypto::{Fingerprint, KeyName, KeySpec, KeyUsages, Timestamp};

/// A key of a KMS on its way into the vault, or out of it: written before the KMS is asked, deleted when the key has
/// arrived or is gone. After a crash it tells which keys to look for in the KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsJournalRecord {
    /// Names the entry; a key that is created carries it as a tag.
    pub id: JournalId,
    /// The configured name of the KMS.
    pub kms: String,
    /// How far the key has come.
    pub step: JournalStep,
    /// The key, in the provider's own words; `None` exactly for [`JournalStep::Intended`].
    pub kms_key_id: Option<String>,
    /// Curve or size, and with it the purpose.
    pub spec: KeySpec,
    /// What a signing key may sign; `None` exactly for encryption keys.
    pub usages: Option<KeyUsages>,
    /// The operator's label.
    pub name: Option<KeyName>,
    /// The key of the vault that this is to be, or was: one that is brought into the KMS, or that has left the vault. `None` for
    /// one that the KMS makes, and where nobody knows.
    pub fingerprint: Option<Fingerprint>,
    /// When the KMS is to be asked to destroy it; `None` exactly unless [`JournalStep::Scheduled`].
    pub due_at: Option<Timestamp>,
    /// When the entry was written.
    pub created_at: Timestamp,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}

impl KmsJournalRecord {
    /// Whether step, key id and due time, and spec and usages, fit together.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let knows_key = self.step != JournalStep::Intended;
        let is_scheduled = self.step == JournalStep::Scheduled;
        let is_signing = matches!(self.spec, KeySpec::Signing(_));
        self.kms_key_id.is_some() == knows_key
            && self.due_at.is_some() == is_scheduled
            && self.usages.is_some() == is_signing
    }
}

/// How far a key of a KMS has come on its way into the vault, or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JournalStep {
    /// The KMS is about to be asked for it: it may exist, and is found by its tag.
    Intended,
    /// It exists, and is not a key of the vault yet.
    Created,
    /// It is not a key of the vault any more, and the KMS was, or is about to be, asked to destroy it: nobody can undo that.
    Discarded,
    /// It is not a key of the vault any more, and the KMS is to destroy it at a time until which that can be cancelled.
    Scheduled,
}

impl JournalStep {
    /// The stable name, for people and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Created => "created",
            Self::Discarded => "discarded",
            Self::Scheduled => "scheduled",
        }
    }
}
