//! The audit log: who did what to which key, in a chain that nobody can cut without being seen.
//!
//! Each record carries the hash of itself and its predecessor; the newest hash and the number of records stand in
//! the sealed state record, so that a cut tail is noticed as well. A record is written in the same transaction as the
//! act, so there is neither an act without a record nor a record without the act.

mod checkpoint;
pub(crate) mod export;
mod key;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_crypto::{Fingerprint, HashBuilder, Timestamp};
use strongroom_store::AuditRow;

pub use self::checkpoint::{AuditCheckpoint, AuditHead, NotAnAuditHead};
pub(crate) use self::{
    checkpoint::{Vouched, introduction},
    key::AuditKey,
};
use crate::{caller::Caller, directory::KeyEntry, error::VaultError};

const CHAIN_LABEL: &[u8] = b"strongroom audit chain v1";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditOperation {
    /// The vault was made.
    CreateVault,
    /// A key was generated.
    GenerateKey,
    /// A private key was brought in.
    ImportKey,
    /// A public key was brought in.
    ImportPublicKey,
    /// A key that a KMS holds became one of the vault.
    RegisterKey,
    /// A private key left the vault.
    ExportKey,
    /// A key was destroyed.
    DeleteKey,
    /// A KMS destroyed a key that was none of the vault's, or not any more.
    DeleteKmsKey,
    /// A key of a KMS that was to be destroyed stays there.
    KeepKmsKey,
    /// A key that a KMS was asked for was never made: it is not waited for any more.
    ForgetKmsKey,
    /// A KMS took a key in, and does its work; the sealed one stays here for now.
    BringKey,
    /// The sealed key does its work again, and not the one in the KMS.
    TakeBackKey,
    /// The sealed copy of a key that a KMS holds was removed.
    DropCopy,
    /// A key that was stored in clear was sealed.
    SealKey,
    /// A key may only verify and decrypt from now on.
    RetireKey,
    /// A state of the store was accepted that the anchor does not know.
    AcceptState,
    /// The vault became a node's.
    Identify,
    /// A topology transaction was built, signed and added.
    AuthorizeTopology,
    /// This key signed a topology transaction that is kept elsewhere: the vault has only this record of it.
    SignTopology,
    /// Topology transactions that were signed before were added.
    AddTopology,
    /// A snapshot of topology was taken in.
    ImportSnapshot,
    /// A new key was generated to take the place of this one.
    BeginRotation,
    /// A rotation was given up.
    AbandonRotation,
    /// This key was announced as one of the node's.
    AnnounceKey,
    /// This key is not announced as one of the node's any more.
    WithdrawKey,
    /// A sealed key was stored in clear.
    UnsealKey,
    /// The data keys were given to a KMS, to be wrapped: whoever commands it could open the vault from then on.
    ReleaseDataKeys,
    /// The data keys have one more wrap.
    AddWrap,
    /// The data keys have one wrap less.
    RemoveWrap,
    /// A new data key is there, under a new wrapper key: rows move to it from now on.
    BeginWrapperKeyRotation,
    /// Every row has moved: the new data key is the current one, and the one before is retired.
    FinishWrapperKeyRotation,
    /// The data key is under another wrapper key, and is still the same.
    RewrapDataKey,
    /// A retired data key was removed.
    PruneDataKey,
    /// A backup was made.
    CreateBackup,
    /// A backup was opened and every key in it used.
    VerifyBackup,
    /// The vault was restored from a backup.
    RestoreBackup,
    /// The vault was about to be moved into another store.
    MoveVault,
    /// A backup is remembered no longer.
    ForgetBackup,
    /// The quarantine of a restored vault was ended.
    ReleaseVault,
    /// The audit key vouched for all records before this one.
    SignCheckpoint,
    /// A key signed.
    Sign,
    /// A key decrypted.
    Decrypt,
    /// Something was asked for that needs a second person.
    RequestApproval,
    /// Another person said yes to what was asked for.
    Approve,
    /// Somebody said no to what was asked for.
    Reject,
    /// What was approved is being done, this once.
    UseApproval,
    /// Something that needs a second person is being done without one.
    BreakGlass,
    /// Another person has seen that the glass was broken.
    AcknowledgeBreakGlass,
    /// Long work of a server was called off.
    CancelOperation,
    /// A process leaves writing to the others.
    StepDown,
    /// The server logs more, or less.
    SetLogLevel,
    /// Somebody known asked for what he may not.
    RefuseOperation,
    /// A server began with another configuration than the last one: who may do what, approvals, the audit log.
    ChangeConfiguration,
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditOutcome {
    /// It was done; the record stands in the same transaction.
    Done,
    /// It was not done, since whoever asked may not. Of many attempts few are recorded, with how many more there were.
    Refused,
}

/// One record of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// Position in the chain, from 1.
    pub sequence: u64,
    /// Microseconds since the epoch.
    pub time_micros: i64,
    /// Who asked.
    pub caller: String,
    /// What was done.
    pub operation: AuditOperation,
    /// How it ended. What failed leaves no record in the log of the vault: nothing happened.
    pub outcome: AuditOutcome,
    /// To which key, by fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The token of the lease under which it was written, where several processes share the store: it counts the takeovers, so
    /// along the log it never falls while the vault stays in one store. A smaller one would be the work of a process that had
    /// been fenced off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<u64>,
    /// The trace that the act belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// More about the act; never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// Where a new record comes to stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainPosition {
    /// From 1.
    pub(crate) sequence: u64,
    /// The token of the lease under which it is written; none where one process has the store.
    pub(crate) lease: Option<u64>,
}

impl ChainPosition {
    /// The next one in a log that goes up to `head`.
    pub(crate) const fn after(head: AuditHead, lease: Option<u64>) -> Self {
        Self {
            sequence: head.records + 1,
            lease,
        }
    }
}

impl AuditEntry {
    pub(crate) fn new(
        position: ChainPosition,
        time: Timestamp,
        caller: &Caller,
        operation: AuditOperation,
        key: Option<Fingerprint>,
        details: BTreeMap<String, String>,
    ) -> Self {
        Self {
            sequence: position.sequence,
            time_micros: time.as_micros(),
            caller: caller.name().to_owned(),
            operation,
            outcome: operation.outcome(),
            key: key.map(|fingerprint| fingerprint.to_string()),
            lease: position.lease,
            trace_id: caller.trace_id().map(str::to_owned),
            details,
        }
    }

    /// Whether the row, which is believed, is a checkpoint.
    pub(crate) fn is_checkpoint(row: &AuditRow) -> bool {
        let entry = serde_json::from_slice::<Self>(&row.body);
        entry.is_ok_and(|entry| entry.operation == AuditOperation::SignCheckpoint)
    }

    /// The row that follows a chain with this `head`.
    pub(crate) fn to_row(&self, head: &[u8; 32]) -> Result<AuditRow, VaultError> {
        // Plain strings and numbers always serialize; the error is kept rather than a panic.
        let body = serde_json::to_vec(self).map_err(|_impossible| VaultError::AuditBroken {
            sequence: self.sequence,
        })?;
        let hash = chain_hash(head, &body);
        Ok(AuditRow {
            sequence: self.sequence,
            body,
            hash,
        })
    }
}

/// The state of a walk along the chain: behind so many records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChainWalk {
    at: AuditHead,
}

impl ChainWalk {
    /// Behind this record.
    pub(crate) const fn from(at: AuditHead) -> Self {
        Self { at }
    }

    /// Checks the next row and reads it.
    pub(crate) fn step(&mut self, row: &AuditRow) -> Result<AuditEntry, VaultError> {
        let next = self.at.records + 1;
        let broken = VaultError::AuditBroken { sequence: next };
        let Ok(entry) = serde_json::from_slice::<AuditEntry>(&row.body) else {
            return Err(broken);
        };
        let hash = chain_hash(&self.at.hash, &row.body);
        if row.sequence != next || entry.sequence != next || hash != row.hash {
            return Err(broken);
        }
        self.at = AuditHead {
            records: next,
            hash,
        };
        Ok(entry)
    }

    pub(crate) const fn records(&self) -> u64 {
        self.at.records
    }

    pub(crate) const fn head(&self) -> AuditHead {
        self.at
    }
}

/// What verification of the audit log found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditVerification {
    /// Records in the chain; each one was checked.
    pub records: u64,
    /// Hash of the newest, 32 bytes, zeros when there is none.
    pub head: [u8; 32],
    /// The newest checkpoint; none before the first.
    pub checkpoint: Option<AuditCheckpoint>,
}

impl AuditVerification {
    pub(crate) fn new(walk: &ChainWalk, checkpoint: Option<AuditCheckpoint>) -> Self {
        Self {
            records: walk.at.records,
            head: walk.at.hash,
            checkpoint,
        }
    }

    /// The newest record, as auditors name it.
    #[must_use]
    pub const fn place(&self) -> AuditHead {
        AuditHead {
            records: self.records,
            hash: self.head,
        }
    }
}

fn chain_hash(head: &[u8; 32], body: &[u8]) -> [u8; 32] {
    *HashBuilder::without_purpose()
        .raw(CHAIN_LABEL)
        .raw(head)
        .raw(body)
        .finish()
        .as_bytes()
}

impl AuditOutcome {
    /// The stable name, as in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

impl AuditOperation {
    /// How an act of this kind ended when it is recorded.
    const fn outcome(self) -> AuditOutcome {
        match self {
            Self::RefuseOperation => AuditOutcome::Refused,
            _ => AuditOutcome::Done,
        }
    }

    /// Whether it uses a key and changes nothing.
    pub(crate) const fn is_use(self) -> bool {
        matches!(self, Self::Sign | Self::Decrypt)
    }

    /// The stable name, as in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateVault => "create_vault",
            Self::GenerateKey => "generate_key",
            Self::ImportKey => "import_key",
            Self::ImportPublicKey => "import_public_key",
            Self::RegisterKey => "register_key",
            Self::ExportKey => "export_key",
            Self::DeleteKey => "delete_key",
            Self::DeleteKmsKey => "delete_kms_key",
            Self::KeepKmsKey => "keep_kms_key",
            Self::ForgetKmsKey => "forget_kms_key",
            Self::BringKey => "bring_key",
            Self::TakeBackKey => "take_back_key",
            Self::DropCopy => "drop_copy",
            Self::SealKey => "seal_key",
            Self::RetireKey => "retire_key",
            Self::AcceptState => "accept_state",
            Self::Identify => "identify",
            Self::AuthorizeTopology => "authorize_topology",
            Self::SignTopology => "sign_topology",
            Self::AddTopology => "add_topology",
            Self::ImportSnapshot => "import_snapshot",
            Self::BeginRotation => "begin_rotation",
            Self::AbandonRotation => "abandon_rotation",
            Self::AnnounceKey => "announce_key",
            Self::WithdrawKey => "withdraw_key",
            Self::UnsealKey => "unseal_key",
            Self::ReleaseDataKeys => "release_data_keys",
            Self::AddWrap => "add_wrap",
            Self::RemoveWrap => "remove_wrap",
            Self::BeginWrapperKeyRotation => "begin_wrapper_key_rotation",
            Self::FinishWrapperKeyRotation => "finish_wrapper_key_rotation",
            Self::RewrapDataKey => "rewrap_data_key",
            Self::PruneDataKey => "prune_data_key",
            Self::CreateBackup => "create_backup",
            Self::VerifyBackup => "verify_backup",
            Self::RestoreBackup => "restore_backup",
            Self::MoveVault => "move_vault",
            Self::ForgetBackup => "forget_backup",
            Self::ReleaseVault => "release_vault",
            Self::SignCheckpoint => "sign_checkpoint",
            Self::Sign => "sign",
            Self::Decrypt => "decrypt",
            Self::RequestApproval => "request_approval",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::UseApproval => "use_approval",
            Self::BreakGlass => "break_glass",
            Self::AcknowledgeBreakGlass => "acknowledge_break_glass",
            Self::CancelOperation => "cancel_operation",
            Self::StepDown => "step_down",
            Self::SetLogLevel => "set_log_level",
            Self::RefuseOperation => "refuse_operation",
            Self::ChangeConfiguration => "change_configuration",
        }
    }
}

/// What the audit log says of a key that came into the vault.
pub(crate) fn key_details(entry: &KeyEntry) -> BTreeMap<String, String> {
    let mut details = BTreeMap::from([("spec".to_owned(), entry.spec().name().to_owned())]);
    if let Some(usages) = entry.usages() {
        details.insert("usage".to_owned(), usages.to_string());
    }
    if let Some(name) = &entry.name {
        details.insert("name".to_owned(), name.as_str().to_owned());
    }
    if let Some(private) = &entry.private {
        details.insert("custody".to_owned(), private.custody.name().to_owned());
        if let Some(held) = &private.external {
            details.insert("kms".to_owned(), held.kms.clone());
            details.insert("kms_key_id".to_owned(), held.key_id.clone());
        }
    }
    details
}
