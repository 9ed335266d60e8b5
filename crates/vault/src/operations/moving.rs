//! Moving a vault into another store, row by row as it is.
//!
//! At every moment at most one of the two stores takes writes, and one of them has the whole vault (ADR 0022). A vault is
//! there once its own row is, so that row comes last: the others are copied and authenticated where they are, then the old
//! store is marked, and only then the vault's row makes the new one a vault. Whatever interrupts that is gone on with.

mod arriving;

use std::{collections::BTreeMap, sync::Arc};

use strongroom_store::{Store, StoreError, VaultId, VaultRecord};

use self::arriving::Arriving;
use crate::{
    audit::AuditOperation,
    caller::Caller,
    environment::Environment,
    error::VaultError,
    operations::{
        backup::restore::copy_rows,
        open::{AnchorRule, open},
    },
    settings::Settings,
    unit::Unit,
    vault::Vault,
};

/// Where a vault is moved.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by callers, who must decide about each field"
)]
pub struct Destination {
    /// The store that the vault comes into: made for it, without a vault.
    pub store: Arc<dyn Store>,
    /// How people call that place; it stands in the store that was left, without a password.
    pub name: String,
}

impl Vault {
    /// Moves the vault `id` from the store of `environment` into another one, and opens it there.
    ///
    /// Every row is copied as it is, sealed; nothing is read but what opening reads. The copy is authenticated, and its audit
    /// log and topology verified, before the old store is marked, which then refuses whoever has it open or opens it. What was
    /// interrupted before that is repeated; afterwards [`Self::finish_move`] goes on. The anchor stays valid.
    ///
    /// Costs three KMS calls, six while the wrapper key is being rotated.
    ///
    /// # Errors
    /// [`VaultError::AlreadyExists`] for a destination with a vault, [`VaultError::OtherRowsThere`] for one with other rows;
    /// [`VaultError::OtherVault`]; every error of opening; [`StoreError::WriteConflict`] if somebody wrote meanwhile. The vault
    /// is then where it was.
    pub async fn move_to(
        environment: Environment,
        settings: Settings,
        caller: &Caller,
        id: VaultId,
        destination: &Destination,
    ) -> Result<Self, VaultError> {
        let source = open(environment, settings.clone(), AnchorRule::Enforce).await?;
        source.expect_id(id)?;
        let mut read = destination.store.read().await?;
        if read.vault().await?.is_some() {
            return Err(VaultError::AlreadyExists);
        }
        let is_begun = !read.data_keys().await?.is_empty();
        drop(read);
        if !is_begun {
            source.write_departure(caller, &destination.name).await?;
            source.copy_to(destination.store.as_ref()).await?;
        }
        let record = source.row().await?;
        match verify(source.environment(), &settings, &record, destination).await {
            // A copy of an earlier moment, or rows of somebody else.
            Err(error) if is_begun => {
                let source = Box::new(error);
                return Err(VaultError::OtherRowsThere { source });
            }
            verified => verified?,
        }
        source.leave(&record, &destination.name).await?;
        let environment = source.environment().clone();
        drop(source);
        arrive(environment, settings, record, destination).await
    }

    /// Goes on with a move that was interrupted after the store of `environment` had been marked: that one is opened to be
    /// read only. Nothing is left to do but opening where the vault has arrived.
    ///
    /// # Errors
    /// As [`Self::move_to`]. Neither store takes writes then.
    pub async fn finish_move(
        environment: Environment,
        settings: Settings,
        id: VaultId,
        destination: &Destination,
    ) -> Result<Self, VaultError> {
        let record = environment.store.read().await?.vault().await?;
        let record = record.ok_or(VaultError::NotInitialized)?;
        if record.id != id {
            return Err(VaultError::OtherVault {
                configured: id,
                found: record.id,
            });
        }
        let arrived = destination.store.read().await?.vault().await?;
        match arrived {
            Some(arrived) if arrived.id == id => {
                open(at(environment, destination), settings, AnchorRule::Enforce).await
            }
            Some(_another) => Err(VaultError::AlreadyExists),
            None => {
                verify(&environment, &settings, &record, destination).await?;
                arrive(environment, settings, record, destination).await
            }
        }
    }

    /// The vault's row.
    async fn row(&self) -> Result<VaultRecord, VaultError> {
        let stored = self.environment().store.read().await?.vault().await?;
        stored.ok_or(VaultError::NotInitialized)
    }

    /// What the audit log says of it, in both stores.
    async fn write_departure(&self, caller: &Caller, to: &str) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        let details = BTreeMap::from([("to".to_owned(), to.to_owned())]);
        unit.audit(caller, AuditOperation::MoveVault, None, details)
            .await?;
        unit.commit().await
    }

    /// Copies every row but the vault's, in one commit.
    async fn copy_to(&self, store: &dyn Store) -> Result<(), VaultError> {
        let mut snapshot = self.environment().store.read().await?;
        let mut transaction = store.begin().await?;
        copy_rows(snapshot.as_mut(), transaction.as_mut(), None).await?;
        Ok(transaction.commit().await?)
    }

    /// Marks the store, if the vault is still as it was copied.
    async fn leave(&self, record: &VaultRecord, to: &str) -> Result<(), VaultError> {
        let (_committed, mut transaction) = self.begin_to_write().await?;
        if transaction.vault().await?.as_ref() != Some(record) {
            return Err(StoreError::WriteConflict.into());
        }
        transaction.mark_moved(to).await?;
        Ok(transaction.commit().await?)
    }
}

/// Authenticates what has arrived, as opening does, and then what opening leaves out: the audit log and topology.
async fn verify(
    environment: &Environment,
    settings: &Settings,
    record: &VaultRecord,
    destination: &Destination,
) -> Result<(), VaultError> {
    let mut settings = settings.clone();
    settings.kms_watch.check_wrapper_keys_every = None;
    let arriving = Environment {
        store: Arc::new(Arriving::new(&destination.store, record)),
        ..environment.clone()
    };
    let vault = open(arriving, settings, AnchorRule::Enforce).await?;
    vault.walk_audit(|_entry| {}).await?;
    vault.loaded_topology().await.map(drop)
}

/// Makes the destination the vault.
async fn arrive(
    environment: Environment,
    settings: Settings,
    record: VaultRecord,
    destination: &Destination,
) -> Result<Vault, VaultError> {
    let mut transaction = destination.store.begin().await?;
    transaction.insert_vault(record.clone()).await?;
    if let Err(error) = transaction.commit().await {
        // The answer may have been lost after the work was done: what the store holds decides.
        match destination.store.read().await?.vault().await? {
            Some(stored) if stored == record => {}
            _ => return Err(error.into()),
        }
    }
    let vault = open(at(environment, destination), settings, AnchorRule::Enforce).await?;
    tracing::info!(vault = %vault.id(), to = destination.name, "moved the vault");
    Ok(vault)
}

fn at(environment: Environment, destination: &Destination) -> Environment {
    Environment {
        store: Arc::clone(&destination.store),
        ..environment
    }
}
