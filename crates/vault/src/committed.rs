//! The last commit, as this process knows it, and what follows from one.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_store::{
    ApprovalId, BackupId, DataKeyId, JournalId, KeyState, StoreError, WrapRecord,
};

use crate::{
    anchor::{AnchorRecord, AnchoredDataKey, Checkpoint},
    approvals::Approval,
    backups::Backup,
    data_keys::{DataKeys, OpenedBy, OpenedDataKey},
    directory::KeyEntry,
    error::VaultError,
    journal::JournalEntry,
    node::{Identity, Rotation},
    state::VaultState,
    vault::Vault,
};

/// The last commit, as this process knows it.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) state: VaultState,
    /// The sealed state record, byte for byte as it stands in the store.
    pub(crate) record: Vec<u8>,
    /// A commit that was under way when somebody last looked: its answer may have been lost, or its caller have given
    /// up waiting. What the store holds decides whether it was done.
    pub(crate) in_doubt: Option<Commit>,
}

/// What a commit makes true.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) state: VaultState,
    pub(crate) record: Vec<u8>,
    pub(crate) changes: Vec<Change>,
}

/// What the vault's memory learns from a commit.
#[derive(Debug)]
pub(crate) enum Change {
    /// The key is there, and so.
    Put(Arc<KeyEntry>),
    /// The key is gone.
    Removed(Fingerprint),
    /// The vault is this node's.
    Identified(Identity),
    /// A rotation is under way.
    RotationBegun(Rotation),
    /// The rotation of this old key is no longer under way.
    RotationEnded(Fingerprint),
    /// The row of a rotation under way is under another data key.
    RotationMoved(Rotation),
    /// The entry stands in the journal of KMS keys, and so.
    Journalled(JournalEntry),
    /// The entry is no longer in the journal.
    Struck(JournalId),
    /// A data key has this wrap as well.
    WrapAdded(WrapRecord),
    /// The wrap is gone.
    WrapRemoved(WrapRecord),
    /// The data key came out of a wrap that gave way to this one.
    Rewrapped(DataKeyId, OpenedBy),
    /// These are the data keys from now on.
    DataKeys(Arc<DataKeys>),
    /// The backup is remembered, and so.
    BackedUp(Backup),
    /// The backup is remembered no longer.
    BackupForgotten(BackupId),
    /// The approval stands there, and so.
    ApprovalPut(Approval),
    /// The approval was used or struck.
    ApprovalStruck(ApprovalId),
    /// Whether the vault is in quarantine.
    Quarantine(bool),
}

impl Change {
    fn concerns(&self, fingerprint: &Fingerprint) -> bool {
        match self {
            Self::Put(entry) => entry.fingerprint() == *fingerprint,
            Self::Removed(removed) => removed == fingerprint,
            Self::Identified(_)
            | Self::RotationBegun(_)
            | Self::RotationEnded(_)
            | Self::Journalled(_)
            | Self::Struck(_)
            | Self::WrapAdded(_)
            | Self::RotationMoved(_)
            | Self::DataKeys(_)
            | Self::Rewrapped(..)
            | Self::WrapRemoved(_)
            | Self::BackedUp(_)
            | Self::BackupForgotten(_)
            | Self::ApprovalPut(_)
            | Self::ApprovalStruck(_)
            | Self::Quarantine(_) => false,
        }
    }
}

/// Raises the vault's flag of doubt unless the commit under way was settled: also when its caller gives up waiting.
pub(crate) struct Doubt<'v>(Option<&'v Vault>);

impl<'v> Doubt<'v> {
    pub(crate) fn over(vault: &'v Vault) -> Self {
        Self(Some(vault))
    }

    /// The commit was settled, this way or the other.
    pub(crate) fn settled(mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(vault) = self.0 {
            vault.begin_doubt();
        }
    }
}

impl Committed {
    /// What a vault knows that was just made or opened.
    pub(crate) fn new(state: VaultState, record: Vec<u8>) -> Self {
        Self {
            state,
            record,
            in_doubt: None,
        }
    }
}

impl Vault {
    /// Decides about a commit in doubt: it was done if the store holds its state record.
    pub(crate) fn settle(&self, committed: &mut Committed, stored_record: &[u8]) {
        let Some(commit) = committed.in_doubt.take() else {
            return;
        };
        if commit.record != stored_record {
            if committed.record != stored_record {
                // Neither the state before nor the state after: somebody else wrote. The doubt stays.
                committed.in_doubt = Some(commit);
            } else {
                self.note_for_tag(&committed.state);
                self.end_doubt();
            }
            return;
        }
        committed.state = commit.state;
        committed.record = commit.record;
        for change in commit.changes {
            self.apply(change);
        }
        self.note_known(committed);
        self.note_for_tag(&committed.state);
        self.end_doubt();
    }

    /// First the directory, then the caches: nobody can open a key again in between.
    pub(crate) fn apply(&self, change: Change) {
        match change {
            Change::Put(entry) => {
                let fingerprint = entry.fingerprint();
                let half = entry.private.as_ref();
                let retired = half.is_some_and(|half| half.state == KeyState::Retired);
                let held = entry.is_held_by_kms();
                self.directory().put(entry);
                if retired || held {
                    self.caches().signing.remove(&fingerprint);
                }
                if retired {
                    let secrets = &self.caches().session_encryption;
                    secrets.forget_sent_to(&fingerprint);
                }
                if retired || !held {
                    self.caches().session_keys.forget_those_of(&fingerprint);
                }
                if held {
                    self.caches().decryption.remove(&fingerprint);
                }
            }
            Change::Removed(fingerprint) => {
                self.directory().remove(&fingerprint);
                self.caches().signing.remove(&fingerprint);
                self.caches().decryption.remove(&fingerprint);
                self.caches().session_keys.forget_those_of(&fingerprint);
                let secrets = &self.caches().session_encryption;
                secrets.forget_those_for(&fingerprint);
            }
            Change::Identified(identity) => self.node().identify(identity),
            Change::RotationBegun(rotation) => self.node().begin(rotation),
            Change::RotationEnded(old) => self.node().end(&old),
            Change::RotationMoved(rotation) => self.node().replace(rotation),
            Change::Journalled(entry) => self.journal().put(entry),
            Change::Struck(id) => self.journal().remove(id),
            Change::WrapAdded(wrap) => self.wrap_records().add(wrap),
            Change::BackedUp(backup) => self.backup_records().put(backup),
            Change::BackupForgotten(id) => self.backup_records().remove(id),
            Change::ApprovalPut(approval) => self.approval_records().put(approval),
            Change::ApprovalStruck(id) => self.approval_records().remove(id),
            Change::Quarantine(quarantine) => self.set_quarantine(quarantine),
            Change::WrapRemoved(wrap) => self.wrap_records().remove(&wrap),
            Change::Rewrapped(data_key, wrap) => {
                self.directory().rewrap(data_key, &wrap.wrapper_key_id);
                if let Ok(data_key) = self.data_keys().named(&data_key) {
                    data_key.put_into(wrap);
                }
            }
            Change::DataKeys(data_keys) => {
                self.wrap_records().retain_those_of(&data_keys);
                self.replace_data_keys(data_keys);
            }
        }
    }

    /// Waits until no unit of work is under way and the directory knows what the store does, as far as it answers.
    pub(crate) async fn settled(&self) {
        // Without an answer the doubt stays.
        let _no_answer = self.try_settle().await;
    }

    /// As [`Self::settled`], for whoever must not go on without an answer.
    pub(crate) async fn try_settle(&self) -> Result<(), VaultError> {
        let mut committed = self.committed().lock().await;
        if committed.in_doubt.is_some() {
            let stored = self.state_record_after_commits().await?;
            self.settle(&mut committed, &stored);
        }
        Ok(())
    }

    /// Lets a key be used while a commit is in doubt, unless that very commit took it away and nobody can tell.
    ///
    /// # Errors
    /// [`VaultError::InDoubt`]: the key was being deleted or retired, and the store does not say whether it was.
    pub(crate) async fn settled_for(&self, fingerprint: &Fingerprint) -> Result<(), VaultError> {
        self.settled().await;
        let committed = self.committed().lock().await;
        let in_doubt = committed.in_doubt.iter().flat_map(|commit| &commit.changes);
        if in_doubt
            .into_iter()
            .any(|change| change.concerns(fingerprint))
        {
            return Err(VaultError::InDoubt {
                fingerprint: *fingerprint,
            });
        }
        Ok(())
    }

    /// The state record once every commit that was sent has been answered: a writer waits behind it, a reader does not.
    async fn state_record_after_commits(&self) -> Result<Vec<u8>, VaultError> {
        let mut transaction = match self.environment().store.begin().await {
            Ok(transaction) => transaction,
            // Whoever took the lease has waited for what was on its way, or ended it: a reader sees what became of it.
            Err(StoreError::NotWriter { .. }) => return self.stored_state_record().await,
            Err(error) => return Err(error.into()),
        };
        let vault = transaction
            .vault()
            .await?
            .ok_or(VaultError::NotInitialized)?;
        transaction.rollback().await?;
        Ok(vault.state)
    }

    /// The state record after a commit whose answer was lost. Where others have the store too, the commit may still be
    /// on its way there, so whoever asks waits behind it.
    pub(crate) async fn state_record_after_lost_answer(&self) -> Result<Vec<u8>, VaultError> {
        match self.replica() {
            Some(_) => self.state_record_after_commits().await,
            None => self.stored_state_record().await,
        }
    }

    /// The state record as the store has it now.
    pub(crate) async fn stored_state_record(&self) -> Result<Vec<u8>, VaultError> {
        let mut snapshot = self.environment().store.read().await?;
        Ok(snapshot
            .vault()
            .await?
            .ok_or(VaultError::NotInitialized)?
            .state)
    }

    /// What the anchor keeps of `state`, whose current data key is the one of `data_keys`.
    pub(crate) fn checkpoint(&self, state: &VaultState, data_keys: &DataKeys) -> Checkpoint {
        let tag = state.checkpoint_tag(self.id(), data_keys.current());
        Checkpoint {
            generation: state.generation,
            tag: data_encoding::HEXLOWER.encode(&tag),
            audit_head: Some(state.audit_head().to_string()),
        }
    }

    /// What the anchor keeps between two commits, or before the first.
    pub(crate) fn anchor_record(
        &self,
        confirmed: Option<Checkpoint>,
        pending: Option<Checkpoint>,
        data_keys: &DataKeys,
    ) -> AnchorRecord {
        let current = anchored(data_keys.current());
        let former = data_keys.retired().map(AnchoredDataKey::of);
        AnchorRecord {
            vault_id: self.id().to_string(),
            data_key_id: current.id,
            data_key_commitment: current.commitment,
            confirmed,
            pending,
            pending_data_key: None,
            former_data_keys: former.collect(),
            restoring: None,
            given_up_data_keys: data_keys.given_up().to_vec(),
        }
    }

    /// What the anchor keeps while a commit is under way that leads from `before` to `after`. A commit that makes another
    /// data key current must find the anchor open to both: the store tells after a crash which one it is.
    pub(crate) fn anchor_during(
        &self,
        before: (&VaultState, &DataKeys),
        after: (&VaultState, &DataKeys),
    ) -> AnchorRecord {
        let confirmed = self.checkpoint(before.0, before.1);
        let pending = self.checkpoint(after.0, after.1);
        let changes = before.1.current().id != after.1.current().id;
        AnchorRecord {
            pending_data_key: changes.then(|| anchored(after.1.current())),
            ..self.anchor_record(Some(confirmed), Some(pending), before.1)
        }
    }

    /// Tells the anchor that a commit is under way. Where it cannot be told, nothing can be written here: another process does
    /// better.
    pub(crate) fn expect(&self, pending: &AnchorRecord) -> Result<(), VaultError> {
        self.environment().anchor.store(pending).map_err(|error| {
            let error = VaultError::from(error);
            if let Some(replica) = self.replica() {
                replica.failed_to_write(error.code().name());
            }
            error
        })
    }

    /// Tells the anchor that a commit is durable.
    ///
    /// It is done whatever the anchor answers: the pending checkpoint covers this state, and the next commit confirms it.
    pub(crate) fn confirm(&self, state: &VaultState, data_keys: &DataKeys) {
        let checkpoint = self.checkpoint(state, data_keys);
        let record = self.anchor_record(Some(checkpoint), None, data_keys);
        if let Err(error) = self.environment().anchor.store(&record) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the anchor could not be confirmed"
            );
        }
    }
}

pub(crate) fn anchored(data_key: &OpenedDataKey) -> AnchoredDataKey {
    AnchoredDataKey {
        id: data_key.id.to_string(),
        commitment: data_encoding::HEXLOWER.encode(&data_key.key.commitment()),
    }
}
