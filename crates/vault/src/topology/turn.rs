//! The turn to change topology: before anything is changed, others go on looking.

use strongroom_topology::{At, Member, OwnerToKeyMapping, StoreId, TopologyStore};
use tokio::sync::{MutexGuard, RwLockReadGuard};

use super::{Topology, TopologyCell, TopologyWriter};
use crate::{error::VaultError, vault::Vault};

/// The one that may change topology next. Until this is dropped, or what came of it, nobody else does.
///
/// What takes long is done here: keys sign here, for which a KMS may have to be waited for.
pub(crate) struct TopologyTurn<'v> {
    cell: &'v TopologyCell,
    // Dropped before the turn.
    topology: RwLockReadGuard<'v, Topology>,
    turn: MutexGuard<'v, ()>,
}

impl<'v> TopologyTurn<'v> {
    /// Waits for its turn, and reads topology if nobody has.
    pub(crate) async fn begin(vault: &'v Vault) -> Result<Self, VaultError> {
        // Before the turn, which catching up needs.
        vault.in_touch().await?;
        let cell = vault.topology_cell();
        let turn = cell.turn.lock().await;
        let topology = vault.loaded_topology().await?;
        Ok(Self {
            cell,
            topology,
            turn,
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

    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Every store, by name.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (&StoreId, &TopologyStore)> {
        let stores = self.topology.stores.iter();
        stores.map(|(id, held)| (id, &held.store))
    }

    /// Goes on to change what was looked at: it is as it was, since nobody else had the turn.
    pub(crate) async fn write(self) -> TopologyWriter<'v> {
        let Self {
            cell,
            topology,
            turn,
        } = self;
        drop(topology);
        TopologyWriter::over((turn, cell.topology.write().await))
    }
}
