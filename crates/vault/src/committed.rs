//! The last commit, as this process knows it, and what follows from one.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_store::KeyState;

use crate::{
    anchor::{AnchorRecord, Checkpoint},
    directory::KeyEntry,
    error::VaultError,
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

/// What the directory learns from a commit.
#[derive(Debug)]
pub(crate) enum Change {
    /// The key is there, and so.
    Put(Arc<KeyEntry>),
    /// The key is gone.
    Removed(Fingerprint),
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
            return;
        }
        committed.state = commit.state;
        committed.record = commit.record;
        for change in commit.changes {
            self.apply(change);
        }
    }

    /// First the directory, then the caches: nobody can open a key again in between.
    fn apply(&self, change: Change) {
        match change {
            Change::Put(entry) => {
                let fingerprint = entry.fingerprint();
                let retired = entry
                    .private
                    .as_ref()
                    .is_some_and(|private| private.state == KeyState::Retired);
                self.directory().put(entry);
                if retired {
                    self.caches().signing.remove(&fingerprint);
                }
            }
            Change::Removed(fingerprint) => {
                self.directory().remove(&fingerprint);
                self.caches().signing.remove(&fingerprint);
                self.caches().decryption.remove(&fingerprint);
            }
        }
    }

    /// Waits until no unit of work is under way and the directory knows what the store does, as far as it answers.
    pub(crate) async fn settled(&self) {
        let mut committed = self.committed().lock().await;
        if committed.in_doubt.is_some()
            && let Ok(stored) = self.stored_state_record().await
        {
            self.settle(&mut committed, &stored);
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

    /// What the anchor keeps of `state`.
    pub(crate) fn checkpoint(&self, state: &VaultState) -> Checkpoint {
        let tag = state.checkpoint_tag(self.id(), self.data_keys().current());
        Checkpoint {
            generation: state.generation,
            tag: data_encoding::HEXLOWER.encode(&tag),
        }
    }

    pub(crate) fn anchor_record(
        &self,
        confirmed: Option<Checkpoint>,
        pending: Option<Checkpoint>,
    ) -> AnchorRecord {
        let current = self.data_keys().current();
        AnchorRecord {
            vault_id: self.id().to_string(),
            data_key_id: current.id.to_string(),
            data_key_commitment: data_encoding::HEXLOWER.encode(&current.key.commitment()),
            confirmed,
            pending,
        }
    }

    /// Tells the anchor that a commit is durable.
    ///
    /// It is done whatever the anchor answers: the pending checkpoint covers this state, and the next commit confirms it.
    pub(crate) fn confirm(&self, checkpoint: Checkpoint) {
        let record = self.anchor_record(Some(checkpoint), None);
        if let Err(error) = self.environment().anchor.store(&record) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the anchor could not be confirmed"
            );
        }
    }
}
