//! What can go wrong with storage.

use std::path::PathBuf;

use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};

use crate::{DataKeyId, damage::Damage};

/// The engine's or the system's own error, kept for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do what it was asked.
///
/// After any error of a [`crate::WriteTransaction`] that transaction is dead: nothing of it will be committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A public or private key of this fingerprint is there already.
    #[error("a key with fingerprint {fingerprint} is stored already")]
    KeyExists {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The public or private key to change, delete or complete is not there.
    #[error("no key with fingerprint {fingerprint} is stored")]
    KeyMissing {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A public key cannot go while its private key is there.
    #[error("the private key of {fingerprint} is still stored")]
    PrivateKeyRemains {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The vault row is there already.
    #[error("the store holds a vault already")]
    VaultExists,
    /// The vault row is not there.
    #[error("the store holds no vault")]
    VaultMissing,
    /// A data key of this id is there already.
    #[error("data key {id} is stored already")]
    DataKeyExists {
        /// The data key.
        id: DataKeyId,
    },
    /// A record names a data key that is not there.
    #[error("data key {id} is not stored")]
    DataKeyMissing {
        /// The data key.
        id: DataKeyId,
    },
    /// This data key is wrapped by this wrapper key already.
    #[error("data key {data_key_id} is wrapped by key {wrapper_key_id} of {kms} already")]
    WrapExists {
        /// The data key.
        data_key_id: DataKeyId,
        /// The provider's configured name.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// This data key is not wrapped by this wrapper key.
    #[error("data key {data_key_id} is not wrapped by key {wrapper_key_id} of {kms}")]
    WrapMissing {
        /// The data key.
        data_key_id: DataKeyId,
        /// The provider's configured name.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// An audit record does not follow the last one.
    #[error("audit record {found} does not follow: the next one is {expected}")]
    AuditOutOfOrder {
        /// The sequence number that comes next.
        expected: u64,
        /// The sequence number offered.
        found: u64,
    },
    /// A record breaks a rule of the schema; only our own bug offers one.
    #[error("the record breaks the rule {constraint}")]
    RecordRefused {
        /// The name of the rule, as in the schema.
        constraint: String,
    },
    /// The vault's state is not the one this change was built on: somebody else wrote in between.
    #[error("the vault was changed by another writer")]
    WriteConflict,
    /// The transaction has failed before, or the store was closed under it.
    #[error("the transaction is closed")]
    TransactionClosed,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The answer to a commit was lost: the change may or may not be there.
    #[error("it is not known whether the change was stored")]
    OutcomeUnknown {
        /// What happened to the answer.
        #[source]
        source: Cause,
    },
    /// The outcome of an earlier commit is unknown. What the engine would make of it after a crash may differ from
    /// what it shows now, so nothing may build on either: the store takes no writes until it is opened again.
    #[error("the outcome of an earlier change is not known, so the store takes no more")]
    InDoubt,
    /// No space is left; nothing was changed.
    #[error("no space is left for the store")]
    Full {
        /// The engine's own error.
        #[source]
        source: Cause,
    },
    /// Somebody else holds the database; nothing was changed.
    #[error("the store is busy")]
    Busy {
        /// The engine's own error.
        #[source]
        source: Option<Cause>,
    },
    /// Another process has this vault open.
    #[error("the vault in {} is in use{}", path.display(), by(*holder_pid))]
    Locked {
        /// The vault's folder.
        path: PathBuf,
        /// The process that has it open, where the system tells.
        holder_pid: Option<u32>,
    },
    /// Stored data contradicts itself or cannot be read.
    #[error("the store is damaged: {damage}")]
    Corrupted {
        /// What is wrong, and where.
        damage: Damage,
        /// The engine's own error, where there is one.
        #[source]
        source: Option<Cause>,
    },
    /// A newer version of Strongroom wrote this store.
    #[error("the store has schema version {found}, this program knows versions up to {known}")]
    NewerSchema {
        /// The version in the store.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// There is no vault at this place, or its creation was interrupted.
    #[error("there is no vault in {}", path.display())]
    NotAVault {
        /// Where a vault was looked for.
        path: PathBuf,
    },
    /// A vault is at this place already.
    #[error("there is a vault in {} already", path.display())]
    AlreadyAVault {
        /// Where a vault was to be made.
        path: PathBuf,
    },
    /// The files of the store are not fit for it; nothing was changed.
    #[error("the store did not {operation}")]
    Refused {
        /// What was not done, as an infinitive: "open the database".
        operation: &'static str,
        /// The code of the cause.
        code: ErrorCode,
        /// What is wrong with which file.
        #[source]
        source: Cause,
    },
    /// The system failed to read or write.
    #[error("the store could not {operation}")]
    Io {
        /// What was being done, as an infinitive: "open the database".
        operation: &'static str,
        /// The engine's or the system's own error.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// Damage that was found without the engine noticing.
    #[must_use]
    pub const fn corrupted(damage: Damage) -> Self {
        Self::Corrupted {
            damage,
            source: None,
        }
    }
}

fn by(holder_pid: Option<u32>) -> String {
    holder_pid
        .map(|pid| format!(" by process {pid}"))
        .unwrap_or_default()
}

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
    VAULT_EXISTS = AlreadyExists, "Open the vault instead of creating it.";
    VAULT_MISSING = FailedPrecondition, "Create the vault first: `init` or `quickstart`.";
    DATA_KEY_EXISTS = Internal, "This is a bug of Strongroom: please report it.";
    DATA_KEY_MISSING = Internal, "This is a bug of Strongroom: please report it.";
    WRAP_EXISTS = AlreadyExists, "Nothing needs to be done: this wrapper key opens the vault already.";
    WRAP_MISSING = NotFound, "`doctor` shows the wraps of this vault.";
    AUDIT_OUT_OF_ORDER = Contention, "Another writer was faster: try again.";
    RECORD_REFUSED = Internal, "This is a bug of Strongroom: please report it with the name of the rule.";
    WRITE_CONFLICT = Contention, "Nothing was changed: try again.";
    TRANSACTION_CLOSED = FailedPrecondition, "Nothing was changed: look at the error before this one and try again.";
    CLOSED = FailedPrecondition, "Open the vault again.";
    OUTCOME_UNKNOWN = Unavailable, "Look whether the change is there (`keys list`, `audit list`) before trying again.";
    IN_DOUBT = FailedPrecondition, "End the program that has the vault open and start it again. Then look whether the last change is there (`keys list`, `audit list`).";
    FULL = ResourceExhausted, "Nothing was changed: free some space on the disk that holds the vault and try again.";
    BUSY = Contention, "Nothing was changed: try again in a moment.";
    LOCKED = Contention, "End the other process, or wait until it is done.";
    CORRUPTED = DataCorrupted, "Do not write to this vault any more: copy its folder, then restore the last verified backup.";
    NEWER_SCHEMA = FailedPrecondition, "Use the version of Strongroom that last opened this vault, or a newer one.";
    NOT_A_VAULT = NotFound, "Check the folder. To make a vault there, or to finish an interrupted creation, run `init` or `quickstart`.";
    ALREADY_A_VAULT = AlreadyExists, "Open the vault that is there, or choose another folder.";
    IO = Unavailable, "Check the disk and the permissions of the vault's folder, then try again.";
}

impl Coded for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::KeyExists { .. } => KEY_EXISTS,
            Self::KeyMissing { .. } => KEY_MISSING,
            Self::PrivateKeyRemains { .. } => PRIVATE_KEY_REMAINS,
            Self::VaultExists => VAULT_EXISTS,
            Self::VaultMissing => VAULT_MISSING,
            Self::DataKeyExists { .. } => DATA_KEY_EXISTS,
            Self::DataKeyMissing { .. } => DATA_KEY_MISSING,
            Self::WrapExists { .. } => WRAP_EXISTS,
            Self::WrapMissing { .. } => WRAP_MISSING,
            Self::AuditOutOfOrder { .. } => AUDIT_OUT_OF_ORDER,
            Self::RecordRefused { .. } => RECORD_REFUSED,
            Self::WriteConflict => WRITE_CONFLICT,
            Self::TransactionClosed => TRANSACTION_CLOSED,
            Self::Closed => CLOSED,
            Self::OutcomeUnknown { .. } => OUTCOME_UNKNOWN,
            Self::InDoubt => IN_DOUBT,
            Self::Full { .. } => FULL,
            Self::Busy { .. } => BUSY,
            Self::Locked { .. } => LOCKED,
            Self::Corrupted { .. } => CORRUPTED,
            Self::NewerSchema { .. } => NEWER_SCHEMA,
            Self::NotAVault { .. } => NOT_A_VAULT,
            Self::AlreadyAVault { .. } => ALREADY_A_VAULT,
            Self::Refused { code, .. } => *code,
            Self::Io { .. } => IO,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn every_code_has_its_own_name_and_advice() {
        let mut names = StoreError::CODES
            .iter()
            .map(ErrorCode::name)
            .collect::<Vec<_>>();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), StoreError::CODES.len());
        assert!(
            StoreError::CODES
                .iter()
                .all(|code| code.advice().ends_with('.'))
        );
    }

    #[test]
    fn an_error_says_what_happened_and_leaves_its_source_out() {
        let locked = StoreError::Locked {
            path: "/vault".into(),
            holder_pid: Some(17),
        };
        assert_eq!(
            locked.to_string(),
            "the vault in /vault is in use by process 17"
        );
        assert_eq!(locked.code().name(), "STORE_LOCKED");

        let full = StoreError::Full {
            source: "disk quota".into(),
        };
        assert_eq!(full.to_string(), "no space is left for the store");
        assert_eq!(
            full.source().map(ToString::to_string).as_deref(),
            Some("disk quota")
        );
    }
}
