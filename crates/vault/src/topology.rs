//! Topology as the vault keeps it: stores in memory, their rows in the database, in step with each other.
//!
//! Rows are read when topology is first asked for, and then all of them at once: together they must add up to what
//! the state record says, or one was dropped, revived, or put back to an earlier day. Signatures are not verified
//! again: a row's tag says that this vault accepted it.

mod load;
mod row;
mod turn;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::DataKeyId;
use strongroom_topology::{
    At, Member, Reference, StoreId, SynchronizerId, TopologyError, TopologyStore,
};
use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{error::VaultError, rows::Tag, vault::Vault};

pub(crate) use self::{turn::TopologyTurn, writer::TopologyWriter};

/// Stores that live in memory only: whoever makes them must not fill it.
const MOST_TEMPORARY_STORES: usize = 64;

/// A look at one store of topology; while it lasts, nobody changes topology.
pub type TopologyView<'v> = RwLockReadGuard<'v, TopologyStore>;

/// Topology in memory, once somebody asked for it.
///
/// Whoever is to change it takes the turn first, and only then what they change: a writer that waits for a lock keeps later readers
/// from it, and whoever has the turn may have to wait for a KMS that signs. Without the turn nobody writes but to read topology in.
#[derive(Debug, Default)]
pub(crate) struct TopologyCell {
    turn: Mutex<()>,
    /// Held by whoever reads topology in: of several only one asks for the lock.
    loading: Mutex<()>,
    topology: RwLock<Topology>,
}

/// Topology, for whoever may change it.
pub(crate) type Changing<'v> = (MutexGuard<'v, ()>, RwLockWriteGuard<'v, Topology>);

impl TopologyCell {
    /// A look at topology as it is known: whoever has no vault cannot read it.
    pub(crate) async fn as_known(&self) -> RwLockReadGuard<'_, Topology> {
        self.topology.read().await
    }

    /// Waits until nobody looks at topology or changes it.
    pub(crate) async fn write(&self) -> Changing<'_> {
        let turn = self.turn.lock().await;
        (turn, self.topology.write().await)
    }
}

/// All stores of topology.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    /// Whether the stores that the database keeps are here.
    loaded: bool,
    stores: BTreeMap<StoreId, Held>,
}

/// A store, and the tags of its rows.
#[derive(Debug)]
struct Held {
    store: TopologyStore,
    /// By ordinal. None for stores that live in memory only.
    tags: BTreeMap<u64, RowTag>,
}

/// How a row is authenticated.
#[derive(Clone, Copy, Debug)]
struct RowTag {
    data_key: DataKeyId,
    tag: Tag,
}

impl Topology {
    /// Takes in what the database keeps.
    fn load(&mut self, kept: BTreeMap<StoreId, Held>) {
        self.stores.extend(kept);
        self.create(StoreId::Authorized);
        self.loaded = true;
    }

    /// Leaves out stores of synchronizers without a row: the database does not know of them.
    fn forget_empty(&mut self) {
        self.stores.retain(|id, held| {
            !matches!(id, StoreId::Synchronizer(_)) || !held.store.rows().is_empty()
        });
    }

    /// Leaves nothing but the stores that live in memory only.
    pub(crate) fn forget(&mut self) {
        self.stores
            .retain(|id, _| matches!(id, StoreId::Temporary(_)));
        self.loaded = false;
    }

    fn create(&mut self, id: StoreId) {
        self.stores.entry(id).or_insert_with_key(|id| Held {
            store: TopologyStore::new(id.clone()),
            tags: BTreeMap::new(),
        });
    }

    /// Makes a store that lives in memory only.
    pub(crate) fn create_temporary(&mut self, id: &StoreId) -> Result<(), VaultError> {
        if self.stores.contains_key(id) {
            return Err(TopologyError::StoreAlreadyExists { store: id.clone() }.into());
        }
        let temporary = |id: &&StoreId| matches!(id, StoreId::Temporary(_));
        if self.stores.keys().filter(temporary).count() >= MOST_TEMPORARY_STORES {
            return Err(TopologyError::TooManyStores {
                limit: MOST_TEMPORARY_STORES,
            }
            .into());
        }
        self.create(id.clone());
        Ok(())
    }

    /// Ends a store that lives in memory only.
    pub(crate) fn drop_temporary(&mut self, id: &StoreId) -> Result<(), VaultError> {
        self.stores
            .remove(id)
            .map(drop)
            .ok_or_else(|| not_found(id))
    }

    /// Where topology refers to a key, for people.
    pub(crate) fn references(&self, key: &Fingerprint, now: Timestamp) -> Vec<String> {
        let places = self.stores.iter().flat_map(|(id, held)| {
            let references = held.store.refers_to(key, now);
            references
                .into_iter()
                .map(move |reference| in_store(&reference, id))
        });
        places.collect()
    }

    /// The keys with which a member signs on a synchronizer, as its state ends now.
    pub(crate) fn signing_keys(
        &self,
        synchronizer: &SynchronizerId,
        member: &Member,
    ) -> BTreeSet<Fingerprint> {
        let followed = self.stores.iter().filter(
            |(id, _)| matches!(id, StoreId::Synchronizer(it) if it.synchronizer == *synchronizer),
        );
        let announced = followed.filter_map(|(_, held)| held.store.owner_to_key(member, At::Head));
        announced
            .flat_map(|mapping| mapping.signing_keys())
            .map(|key| key.fingerprint())
            .collect()
    }

    pub(crate) const fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// How many rows are under another data key.
    pub(crate) fn rows_not_under(&self, data_key: DataKeyId) -> u64 {
        let rows = self.stores.values().flat_map(|held| held.tags.values());
        rows.filter(|row| row.data_key != data_key).map(|_| 1).sum()
    }

    fn held(&self, id: &StoreId) -> Result<&Held, VaultError> {
        self.stores.get(id).ok_or_else(|| not_found(id))
    }

    fn held_mut(&mut self, id: &StoreId) -> Result<&mut Held, VaultError> {
        self.stores.get_mut(id).ok_or_else(|| not_found(id))
    }
}

fn in_store(place: &Reference, store: &StoreId) -> String {
    format!("{place} in {store}")
}

fn not_found(id: &StoreId) -> VaultError {
    TopologyError::StoreNotFound { store: id.clone() }.into()
}

impl Vault {
    /// Looks at the store of topology `id`. While the view is held, topology does not change: whoever holds it drops it
    /// before asking the vault for anything else about topology, since a writer may wait in between.
    ///
    /// # Errors
    /// [`TopologyError::StoreNotFound`]; [`VaultError::TopologyMismatch`] and [`VaultError::RowNotAuthentic`] when the rows were changed
    /// behind our back; errors of the store.
    pub async fn topology(&self, id: &StoreId) -> Result<TopologyView<'_>, VaultError> {
        let guard = self.loaded_topology().await?;
        RwLockReadGuard::try_map(guard, |topology| Some(&topology.stores.get(id)?.store))
            .map_err(|_none| not_found(id))
    }

    /// The stores of topology that there are; the authorized one always is.
    ///
    /// # Errors
    /// As [`Vault::topology`].
    pub async fn topology_stores(&self) -> Result<Vec<StoreId>, VaultError> {
        Ok(self
            .loaded_topology()
            .await?
            .stores
            .keys()
            .cloned()
            .collect())
    }

    /// Every key that topology refers to, and where, for people: what [`VaultError::KeyAnnounced`] says of one.
    ///
    /// # Errors
    /// As [`Vault::topology`].
    pub async fn announced_keys(&self) -> Result<BTreeMap<Fingerprint, Vec<String>>, VaultError> {
        let mut announced: BTreeMap<Fingerprint, Vec<String>> = BTreeMap::new();
        let now = self.now();
        for (id, held) in &self.loaded_topology().await?.stores {
            for (key, places) in held.store.references(now) {
                let places = places.iter().map(|place| in_store(place, id));
                announced.entry(key).or_default().extend(places);
            }
        }
        Ok(announced)
    }

    pub(crate) async fn loaded_topology(
        &self,
    ) -> Result<RwLockReadGuard<'_, Topology>, VaultError> {
        let cell = self.topology_cell();
        let guard = cell.topology.read().await;
        if guard.loaded {
            return Ok(guard);
        }
        drop(guard);
        let _loading = cell.loading.lock().await;
        let guard = cell.topology.read().await;
        if guard.loaded {
            return Ok(guard);
        }
        drop(guard);
        let mut guard = cell.topology.write().await;
        self.load_topology(&mut guard).await?;
        Ok(guard.downgrade())
    }
}
