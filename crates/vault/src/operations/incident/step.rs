//! The steps of a plan, and what no step brings back. Commands and words are the program's.

use strongroom_crypto::Fingerprint;
use strongroom_store::BackupId;

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub act: Act,
    /// When it need not be done in any case.
    pub only_if: Option<Condition>,
}

impl Step {
    pub(super) const fn only_if(condition: Condition, act: Act) -> Self {
        let only_if = Some(condition);
        Self { act, only_if }
    }
}

impl From<Act> for Step {
    fn from(act: Act) -> Self {
        Self { act, only_if: None }
    }
}

/// When a step is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The thief may have a copy of the database, or a backup, as well.
    DatabaseTaken,
    /// The key did not leave by itself: it was opened by somebody who could open others.
    CauseNotKnown,
    /// Nobody has to decrypt any more what was encrypted to the key.
    NothingOldToRead,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// End the quarantine of the restored vault, since nothing is signed in it.
    LeaveQuarantine,
    /// Verify the audit log and read what it says.
    ReadAudit,
    /// Seal what is stored readable.
    SealClearKeys,
    /// Look at the incident of the wrapper key.
    LookAtWrapperKey,
    /// Look at the incident of the root key.
    LookAtRoot,
    /// Look at the incident of each of these keys.
    LookAtKeys(Vec<Fingerprint>),
    /// The private half is not here: do this where it is.
    GoWhereTheKeyIs,
    /// Make new keys for this one, or for all that the node announces, and stop before they are announced.
    BeginRotation(Option<Fingerprint>),
    /// Announce the new keys, withdraw and retire the old ones.
    FinishRotation,
    /// Make a backup and verify it.
    BackUp,
    /// Make another key that may sign for the namespace, and delegate to it.
    ReplaceDelegate {
        /// Whether the key that must sign the delegation is in this vault.
        root_is_here: bool,
    },
    /// Take the delegation to this key back.
    Revoke {
        /// The key.
        key: Fingerprint,
        /// Whether the key that must sign the revocation is in this vault.
        root_is_here: bool,
    },
    /// Announce another key for the party.
    ReplacePartyKey(Fingerprint),
    /// Look for statements that this key signed and its owner did not.
    ReviewStatements(Fingerprint),
    /// Look on the ledger for what this key signed and its owner did not.
    ReviewUse(Fingerprint),
    /// Let this key sign nothing any more.
    Retire(Fingerprint),
    /// Destroy this key, which a KMS holds, once nothing refers to it.
    DestroyInKms {
        /// The key.
        key: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
    },
    /// Take access to the KMS away from whoever should not have it.
    SecureKms(String),
    /// Try every wrap.
    CheckWraps,
    /// Put a new wrapper key and a new data key in place of these.
    RotateWrapperKey {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key that leaves.
        wrapper_key_id: String,
    },
    /// Go on with the rotation of a wrapper key that is under way.
    ResumeWrapperKeyRotation,
    /// Make another recovery key, and take the wrap by this one away.
    ReplaceRecoveryKey {
        /// The configured name of the recovery section.
        kms: String,
        /// The wrapper key that leaves.
        wrapper_key_id: String,
    },
    /// Destroy these backups.
    DestroyBackups(Vec<BackupId>),
    /// Forget the data keys that nothing is sealed under any more.
    PruneDataKeys,
    /// Disable the wrapper key in its KMS, wait, and destroy it.
    DisableWrapperKey {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// Tell the operators of synchronizers, and whoever deals with the node.
    TellOthers,
    /// Make a node with a new namespace, in a vault of its own.
    NewNamespace,
    /// Have these parties hosted or made anew.
    MoveParties(Vec<String>),
    /// Revoke the root certificate: nobody signs in the namespace any more.
    BurnNamespace {
        /// The root key.
        root: Fingerprint,
        /// Whether it is in this vault.
        root_is_here: bool,
    },
}

/// What no step brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// What was encrypted to the key stays readable to the thief.
    HistoryReadable,
    /// What the key signed before it was withdrawn stays valid.
    SignaturesStay,
    /// A revoked delegation never comes back.
    RevokedForEver,
    /// The key was stored readable: whoever read the database, or an old backup, has it.
    WasReadable,
    /// Copies left the vault by export.
    WasExported,
    /// Backups hold the key as it is; a vault restored from one has it active again.
    InBackups,
    /// With a copy of the database, or a backup, of its time the wrapper key gives out every key that it opened.
    OldCopiesOpen,
    /// A root key cannot be replaced.
    RootForEver,
    /// Parties of the namespace have its name in theirs.
    PartiesBound,
    /// A burnt namespace never comes back.
    BurntForEver,
}

impl Loss {
    /// The stable name, for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HistoryReadable => "history_readable",
            Self::SignaturesStay => "signatures_stay",
            Self::RevokedForEver => "revoked_for_ever",
            Self::WasReadable => "was_readable",
            Self::WasExported => "was_exported",
            Self::InBackups => "in_backups",
            Self::OldCopiesOpen => "old_copies_open",
            Self::RootForEver => "root_for_ever",
            Self::PartiesBound => "parties_bound",
            Self::BurntForEver => "burnt_for_ever",
        }
    }
}
