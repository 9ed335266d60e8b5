//! The codes of the errors, and what to do about each.

use strongroom_errors::{Category, Coded, ErrorCode};

use super::StoreError;

macro_rules! codes {
    ($($constant:ident = $category:ident, $advice:literal;)+) => {
        $(const $constant: ErrorCode =
            ErrorCode::new(concat!("STORE_", stringify!($constant)), Category::$category, $advice);)+

        impl StoreError {
            /// Every code of this crate.
            pub const CODES: &[ErrorCode] = &[$($constant),+];
        }
    };
}

codes! {
    KEY_EXISTS = AlreadyExists, "The key is in the vault: `keys show` shows it. Delete it first to replace it.";
    KEY_MISSING = NotFound, "`keys list` shows the keys of this vault.";
    PRIVATE_KEY_REMAINS = FailedPrecondition, "Delete the private key first.";
    KEY_IN_ROTATION = FailedPrecondition, "Finish the rotation first: `keys rotate` goes on where it stopped.";
    VAULT_EXISTS = AlreadyExists, "Open the vault instead of creating it.";
    VAULT_MISSING = FailedPrecondition, "Create the vault first: `init` or `quickstart`.";
    DATA_KEY_EXISTS = Internal, "This is a bug of Strongroom: please report it.";
    DATA_KEY_MISSING = Internal, "This is a bug of Strongroom: please report it.";
    DATA_KEY_IN_USE = FailedPrecondition, "Nothing was changed: a row still needs this data key, so it stays.";
    WRAP_EXISTS = AlreadyExists, "Nothing needs to be done: this wrapper key opens the vault already.";
    WRAP_MISSING = NotFound, "`doctor` shows the wraps of this vault.";
    AUDIT_OUT_OF_ORDER = Contention, "Another writer was faster: try again.";
    TOPOLOGY_ROW_EXISTS = Internal, "This is a bug of Strongroom: please report it.";
    TOPOLOGY_ROW_MISSING = Internal, "This is a bug of Strongroom: please report it.";
    IDENTITY_EXISTS = AlreadyExists, "A vault is one node's for good. Make another vault for another node.";
    IDENTITY_MISSING = Internal, "This is a bug of Strongroom: please report it.";
    ROTATION_EXISTS = AlreadyExists, "Finish the rotation first: `keys rotate` goes on where it stopped.";
    ROTATION_MISSING = NotFound, "Nothing needs to be done: the rotation has ended.";
    BACKUP_MISSING = NotFound, "'strongroom backup list' shows those that the vault remembers.";
    APPROVAL_MISSING = NotFound, "'strongroom approvals list' shows those that are asked for.";
    JOURNAL_ENTRY_MISSING = NotFound, "Nothing needs to be done: the key has arrived, or is gone.";
    RECORD_REFUSED = Internal, "This is a bug of Strongroom: please report it with the name of the rule.";
    WRITE_CONFLICT = Contention, "Nothing was changed: try again.";
    TRANSACTION_CLOSED = FailedPrecondition, "Nothing was changed: look at the error before this one and try again.";
    CLOSED = FailedPrecondition, "Open the vault again.";
    OUTCOME_UNKNOWN = Unavailable, "Look whether the change is there (`keys list`, `audit list`) before trying again.";
    IN_DOUBT = FailedPrecondition, "End the program that has the vault open and start it again. Then look whether the last change is there (`keys list`, `audit list`).";
    FULL = ResourceExhausted, "Nothing was changed: free some space on the disk that holds the vault and try again.";
    BUSY = Contention, "Nothing was changed: try again in a moment.";
    NOT_WRITER = Unavailable, "Nothing was changed. Ask the replica that writes ('strongroom replicas list' names it), or try again once this one has taken over.";
    LOCKED = Contention, "End the other process, or wait until it is done.";
    CORRUPTED = DataCorrupted, "Do not write to this vault any more: copy its folder or database, then restore the last verified backup.";
    NEWER_SCHEMA = FailedPrecondition, "Use the version of Strongroom that last opened this vault, or a newer one.";
    NOT_A_VAULT = NotFound, "Check the folder, or the database and its schema. To make a vault there, or to finish an interrupted creation, run `init` or `quickstart`.";
    MOVED = FailedPrecondition, "Use the vault where it is now. If the configuration still names the old place, 'strongroom vault move' with the same target finishes what was begun.";
    ALREADY_A_VAULT = AlreadyExists, "Open the vault that is there, or choose another folder or schema.";
    IO = Unavailable, "Check the disk and the permissions of the vault's folder, then try again.";
}

impl Coded for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::KeyExists { .. } => KEY_EXISTS,
            Self::KeyMissing { .. } => KEY_MISSING,
            Self::PrivateKeyRemains { .. } => PRIVATE_KEY_REMAINS,
            Self::KeyInRotation { .. } => KEY_IN_ROTATION,
            Self::VaultExists => VAULT_EXISTS,
            Self::VaultMissing => VAULT_MISSING,
            Self::DataKeyExists { .. } => DATA_KEY_EXISTS,
            Self::DataKeyMissing { .. } => DATA_KEY_MISSING,
            Self::DataKeyInUse { .. } => DATA_KEY_IN_USE,
            Self::WrapExists { .. } => WRAP_EXISTS,
            Self::WrapMissing { .. } => WRAP_MISSING,
            Self::AuditOutOfOrder { .. } => AUDIT_OUT_OF_ORDER,
            Self::TopologyRowExists { .. } => TOPOLOGY_ROW_EXISTS,
            Self::TopologyRowMissing { .. } => TOPOLOGY_ROW_MISSING,
            Self::IdentityExists => IDENTITY_EXISTS,
            Self::IdentityMissing => IDENTITY_MISSING,
            Self::RotationExists { .. } => ROTATION_EXISTS,
            Self::RotationMissing { .. } => ROTATION_MISSING,
            Self::BackupMissing { .. } => BACKUP_MISSING,
            Self::ApprovalMissing { .. } => APPROVAL_MISSING,
            Self::JournalEntryMissing { .. } => JOURNAL_ENTRY_MISSING,
            Self::RecordRefused { .. } => RECORD_REFUSED,
            Self::WriteConflict => WRITE_CONFLICT,
            Self::TransactionClosed => TRANSACTION_CLOSED,
            Self::Closed => CLOSED,
            Self::OutcomeUnknown { .. } => OUTCOME_UNKNOWN,
            Self::InDoubt => IN_DOUBT,
            Self::Full { .. } => FULL,
            Self::Busy { .. } => BUSY,
            Self::NotWriter { .. } => NOT_WRITER,
            Self::Locked { .. } => LOCKED,
            Self::Corrupted { .. } => CORRUPTED,
            Self::NewerSchema { .. } => NEWER_SCHEMA,
            Self::NotAVault { .. } => NOT_A_VAULT,
            Self::Moved { .. } => MOVED,
            Self::AlreadyAVault { .. } => ALREADY_A_VAULT,
            Self::Refused { code, .. } => *code,
            Self::Io { .. } => IO,
        }
    }
}
