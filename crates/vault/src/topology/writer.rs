//! Changing topology: in memory first, then in the database; if that fails, memory is forgotten and read again.

use std::collections::BTreeSet;

use strongroom_store::TopologyExpiry;
use strongroom_topology::{
    At, Delta, Member, Outcome, OwnerToKeyMapping, Rules, SignedTransaction, StoreId, Times,
    TopologyStore,
};
use tokio::sync::RwLockWriteGuard;

use super::{Topology, row};
use crate::{error::VaultError, rows::Tag, unit::Unit, vault::Vault};

/// The one that may change topology now. Dropped before [`TopologyWriter::finish`], nothing has changed.
///
/// Changes queue up here one after the other. Locks are taken in the order topology, last commit: a writer is had
/// before its unit of work begins.
pub(crate) struct TopologyWriter<'v> {
    vault: &'v Vault,
    topology: RwLockWriteGuard<'v, Topology>,
    changes: Vec<(StoreId, Delta)>,
    finished: bool,
}

impl<'v> TopologyWriter<'v> {
    /// Waits for its turn, and reads topology if nobody has.
    pub(crate) async fn begin(vault: &'v Vault) -> Result<Self, VaultError> {
        let mut topology = vault.topology_cell().0.write().await;
        if !topology.loaded {
            let kept = vault.load_topology().await?;
            topology.load(kept);
        }
        Ok(Self {
            vault,
            topology,
            changes: Vec::new(),
            finished: false,
        })
    }

    pub(crate) fn store(&self, id: &StoreId) -> Result<&TopologyStore, VaultError> {
        Ok(&self.topology.held(id)?.store)
    }

    /// What the node's own store announces for a node now.
    pub(crate) fn owner_to_key(
        &self,
        member: &Member,
    ) -> Result<Option<&OwnerToKeyMapping>, VaultError> {
        let store = self.store(&StoreId::Authorized)?;
        Ok(store.owner_to_key(member, At::Head))
    }

    /// Every store, by name.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (&StoreId, &TopologyStore)> {
        let stores = self.topology.stores.iter();
        stores.map(|(id, held)| (id, &held.store))
    }

    /// Makes the store if it is not there. A synchronizer's that stays empty is not kept.
    pub(crate) fn create(&mut self, id: &StoreId) {
        self.topology.create(id.clone());
    }

    /// Lets the store decide about a transaction; its decision is not durable yet.
    pub(crate) fn process(
        &mut self,
        id: &StoreId,
        signed: SignedTransaction,
        times: Times,
        rules: &Rules,
    ) -> Result<Outcome, VaultError> {
        let held = self.topology.held_mut(id)?;
        let processed = held.store.process(signed, times, rules);
        if !processed.delta.is_empty() {
            self.changes.push((id.clone(), processed.delta));
        }
        Ok(processed.outcome)
    }

    /// Whether there is anything to write into the database.
    pub(crate) fn has_durable_changes(&self) -> bool {
        self.changes.iter().any(|(id, _)| is_durable(id))
    }

    /// Puts every change into `unit`. Rows of temporary stores live in memory only.
    pub(crate) async fn persist(&mut self, unit: &mut Unit<'_>) -> Result<(), VaultError> {
        let vault = self.vault;
        let stores: BTreeSet<StoreId> = self.changes.iter().map(|(id, _)| id.clone()).collect();
        for id in stores.into_iter().filter(is_durable) {
            let deltas = self.changes.iter().filter(|(store, _)| *store == id);
            let (mut added, mut expired) = (BTreeSet::new(), BTreeSet::new());
            for (_, delta) in deltas {
                added.extend(delta.added.iter().copied());
                expired.extend(delta.expired.iter().map(|(ordinal, _)| *ordinal));
            }
            let held = self.topology.held_mut(&id)?;
            let data_key_id = vault.data_keys().current().id;
            let mut rows = Vec::with_capacity(added.len());
            for ordinal in &added {
                let stored = held
                    .store
                    .row(*ordinal)
                    .ok_or(VaultError::ChangedUnderneath)?;
                let row = row::write(&id, stored, vault.data_keys(), data_key_id)?;
                held.tags.insert(*ordinal, row.mac);
                rows.push(row);
            }
            let (mut expiries, mut before): (Vec<_>, Vec<Tag>) = (Vec::new(), Vec::new());
            for ordinal in expired.difference(&added) {
                let stored = held
                    .store
                    .row(*ordinal)
                    .ok_or(VaultError::ChangedUnderneath)?;
                let row = row::write(&id, stored, vault.data_keys(), data_key_id)?;
                let known = held.tags.insert(*ordinal, row.mac);
                before.push(known.ok_or(VaultError::ChangedUnderneath)?);
                expiries.push(TopologyExpiry {
                    store: row.store,
                    ordinal: *ordinal,
                    valid_until: row.valid_until.ok_or(VaultError::ChangedUnderneath)?,
                    mac: row.mac,
                });
            }
            unit.insert_topology(rows).await?;
            unit.expire_topology(expiries, &before).await?;
        }
        Ok(())
    }

    /// The unit of work was committed: what is in memory is true.
    pub(crate) fn finish(mut self) {
        self.finished = true;
    }
}

/// Temporary stores live in memory only.
fn is_durable(id: &StoreId) -> bool {
    !matches!(id, StoreId::Temporary(_))
}

impl Drop for TopologyWriter<'_> {
    fn drop(&mut self) {
        if !self.finished && !self.changes.is_empty() {
            // Nobody knows what of it is durable: the next reader asks the database.
            self.topology.forget();
        }
        self.topology.forget_empty();
    }
}
