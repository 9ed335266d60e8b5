//! What a store holds at one moment, authenticated: all but topology, which is read when somebody asks for it.

use std::sync::Arc;

use strongroom_store::{DataKeyRecord, ReadTransaction, VaultRecord, WrapRecord};

use crate::{
    approvals::Approval,
    authenticate::{self, Found},
    backups::Backup,
    data_keys::{DataKeys, OpenedDataKey, incoming_record},
    directory::Entries,
    error::VaultError,
    journal::JournalEntry,
    node::{Identity, Rotation},
    state::VaultState,
};

/// What the store says of itself. Nothing of it is to be believed yet.
pub(crate) struct Outline {
    pub(crate) vault: VaultRecord,
    /// Oldest first.
    pub(crate) data_keys: Vec<DataKeyRecord>,
    /// Of every data key.
    pub(crate) wraps: Vec<WrapRecord>,
}

/// What was found authentic: the rows add up to the state record.
pub(crate) struct Contents {
    pub(crate) state: VaultState,
    pub(crate) entries: Entries,
    pub(crate) rest: Rest,
}

/// What is there beside keys.
pub(crate) struct Rest {
    pub(crate) identity: Option<Identity>,
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) backups: Vec<Backup>,
    pub(crate) approvals: Vec<Approval>,
}

impl Outline {
    /// # Errors
    /// [`VaultError::NotInitialized`]; errors of the store.
    pub(crate) async fn read(snapshot: &mut dyn ReadTransaction) -> Result<Self, VaultError> {
        let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
        let data_keys = snapshot.data_keys().await?;
        let mut wraps = Vec::new();
        for record in &data_keys {
            wraps.extend(snapshot.wraps(record.id).await?);
        }
        Ok(Self {
            vault,
            data_keys,
            wraps,
        })
    }

    /// The data key that authenticates the whole.
    ///
    /// # Errors
    /// [`VaultError::UnknownDataKey`]: there is no such row.
    pub(crate) fn current(&self) -> Result<&DataKeyRecord, VaultError> {
        let id = self.vault.current_data_key;
        let record = self.data_keys.iter().find(|record| record.id == id);
        record.ok_or(VaultError::UnknownDataKey { id })
    }

    /// The data key that rows are moving to, if a rotation of the wrapper key was begun and not finished.
    ///
    /// # Errors
    /// [`VaultError::StateNotAuthentic`]; [`VaultError::RowNotAuthentic`].
    pub(crate) fn incoming(
        &self,
        current: &OpenedDataKey,
    ) -> Result<Option<&DataKeyRecord>, VaultError> {
        self.state(current)?;
        self.authenticate(current)?;
        incoming_record(&self.data_keys, current.id)
    }

    /// The state record.
    ///
    /// # Errors
    /// [`VaultError::StateNotAuthentic`].
    pub(crate) fn state(&self, current: &OpenedDataKey) -> Result<VaultState, VaultError> {
        VaultState::open(&self.vault.state, self.vault.id, current)
    }

    /// The sum over the rows of the outline.
    ///
    /// # Errors
    /// [`VaultError::RowNotAuthentic`].
    pub(crate) fn authenticate(&self, current: &OpenedDataKey) -> Result<Found, VaultError> {
        authenticate::metadata(&self.vault, &self.data_keys, &self.wraps, current)
    }
}

impl Contents {
    /// Reads and authenticates every row, and holds all of them together against the state record.
    ///
    /// # Errors
    /// [`VaultError::StateNotAuthentic`], [`VaultError::RowNotAuthentic`], [`VaultError::StateMismatch`],
    /// [`VaultError::AuditBroken`]: the store was tampered with; errors of the store.
    pub(crate) async fn read(
        snapshot: &mut dyn ReadTransaction,
        outline: &Outline,
        data_keys: &Arc<DataKeys>,
    ) -> Result<Self, VaultError> {
        let current = data_keys.current();
        let state = outline.state(current)?;
        let mut found = outline.authenticate(current)?;
        let rest = Rest::read(snapshot, data_keys, &mut found).await?;
        // A hint only, and from a record that was authenticated: nobody makes us reserve what is not there.
        let expected = usize::try_from(state.entries).unwrap_or_default();
        let entries = authenticate::keys(snapshot, data_keys, expected, &mut found).await?;
        check_audit_head(snapshot, &state).await?;
        found.check(&state)?;
        Ok(Self {
            state,
            entries,
            rest,
        })
    }
}

impl Rest {
    /// Reads and authenticates; what was found is added to `found`.
    ///
    /// # Errors
    /// [`VaultError::RowNotAuthentic`]; errors of the store.
    pub(crate) async fn read(
        snapshot: &mut dyn ReadTransaction,
        data_keys: &DataKeys,
        found: &mut Found,
    ) -> Result<Self, VaultError> {
        let (identity, rotations) = authenticate::node(snapshot, data_keys, found).await?;
        let journal = authenticate::journal(snapshot, data_keys, found).await?;
        let backups = authenticate::backups(snapshot, data_keys, found).await?;
        let approvals = authenticate::approvals(snapshot, data_keys, found).await?;
        Ok(Self {
            identity,
            rotations,
            journal,
            backups,
            approvals,
        })
    }
}

/// The newest audit record must be the one that the state record names; `audit verify` walks the whole chain.
async fn check_audit_head(
    snapshot: &mut dyn ReadTransaction,
    state: &VaultState,
) -> Result<(), VaultError> {
    let head = snapshot.audit_head().await?;
    let fits = match &head {
        Some(row) => row.sequence == state.audit_records && row.hash == state.audit_head,
        None => state.audit_records == 0,
    };
    if fits {
        Ok(())
    } else {
        Err(VaultError::AuditBroken {
            sequence: state.audit_records,
        })
    }
}
