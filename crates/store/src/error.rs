//! What can go wrong with storage.

mod codes;

use strongroom_crypto::Fingerprint;
use strongroom_errors::ErrorCode;

use crate::{ApprovalId, BackupId, DataKeyId, JournalId, Place, damage::Damage};

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
    /// A public key cannot go while a rotation names it, as the old key or as the new one.
    #[error("key {fingerprint} is in a rotation that is under way")]
    KeyInRotation {
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
    /// A data key cannot go while a row or a wrap names it.
    #[error("data key {id} is still in use")]
    DataKeyInUse {
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
    /// A topology transaction is at this position already.
    #[error("transaction {ordinal} of the topology store {store} is stored already")]
    TopologyRowExists {
        /// The name of the topology store.
        store: String,
        /// The position.
        ordinal: u64,
    },
    /// The topology transaction to expire is not there.
    #[error("transaction {ordinal} of the topology store {store} is not stored")]
    TopologyRowMissing {
        /// The name of the topology store.
        store: String,
        /// The position.
        ordinal: u64,
    },
    /// The vault has an identity already.
    #[error("the vault is a node's already")]
    IdentityExists,
    /// The vault has no identity yet.
    #[error("the vault is no node's")]
    IdentityMissing,
    /// A rotation from or to the same key is under way.
    #[error("the rotation of key {old} is under way already")]
    RotationExists {
        /// The old key of the rotation that is there.
        old: Fingerprint,
    },
    /// No rotation of this key is under way.
    #[error("no rotation of key {old} is under way")]
    RotationMissing {
        /// The key.
        old: Fingerprint,
    },
    /// The entry of the journal of KMS keys is not there.
    #[error("entry {id} of the journal of KMS keys is not stored")]
    JournalEntryMissing {
        /// The entry.
        id: JournalId,
    },
    /// The backup is not remembered.
    #[error("backup {id} is not stored")]
    BackupMissing {
        /// The backup.
        id: BackupId,
    },
    /// The approval is not there.
    #[error("approval {id} is not stored")]
    ApprovalMissing {
        /// The approval.
        id: ApprovalId,
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
    /// Another process of those that share the store is the one that writes, or none is; nothing was changed.
    #[error("this process is not the one that writes{}", in_favour_of(holder.as_deref()))]
    NotWriter {
        /// The configured name of the one that does.
        holder: Option<String>,
    },
    /// Another process has this vault open.
    #[error("the vault in {place} is in use{}", by(*holder_pid))]
    Locked {
        /// Where the vault is.
        place: Place,
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
    #[error("there is no vault in {place}")]
    NotAVault {
        /// Where a vault was looked for.
        place: Place,
    },
    /// The vault was moved from here to another database. What is here is only kept.
    #[error("the vault was moved to {target}")]
    Moved {
        /// Where it is now, for people.
        target: String,
    },
    /// A vault is at this place already.
    #[error("there is a vault in {place} already")]
    AlreadyAVault {
        /// Where a vault was to be made.
        place: Place,
    },
    /// The files or the server of the store are not fit for it; nothing was changed.
    #[error("the store did not {operation}")]
    Refused {
        /// What was not done, as an infinitive: "open the database".
        operation: &'static str,
        /// The code of the cause.
        code: ErrorCode,
        /// What is wrong with which of them.
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

fn in_favour_of(holder: Option<&str>) -> String {
    holder
        .map(|name| format!(": {name} is"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use strongroom_errors::Coded;

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
            place: Place::Folder("/vault".into()),
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
