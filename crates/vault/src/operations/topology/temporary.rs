//! Stores of topology that live as long as the process: to look at transactions without following them.

use strongroom_topology::{StoreId, TemporaryName};

use crate::{error::VaultError, vault::Vault};

impl Vault {
    /// Makes an empty temporary store. It is in no audit log: nothing that lasts is made.
    ///
    /// # Errors
    /// [`TopologyError::StoreAlreadyExists`](strongroom_topology::TopologyError),
    /// [`TopologyError::TooManyStores`](strongroom_topology::TopologyError).
    pub async fn create_temporary_store(&self, name: TemporaryName) -> Result<StoreId, VaultError> {
        let id = StoreId::Temporary(name);
        let (_turn, mut topology) = self.topology_cell().write().await;
        topology.create_temporary(&id)?;
        Ok(id)
    }

    /// Ends a temporary store, with what is in it.
    ///
    /// # Errors
    /// [`TopologyError::StoreNotFound`](strongroom_topology::TopologyError).
    pub async fn drop_temporary_store(&self, name: TemporaryName) -> Result<(), VaultError> {
        let id = StoreId::Temporary(name);
        let (_turn, mut topology) = self.topology_cell().write().await;
        topology.drop_temporary(&id)
    }
}
