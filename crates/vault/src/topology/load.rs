//! Reading topology from the database.

use std::collections::BTreeMap;

use strongroom_crypto::encoding::Encoder;
use strongroom_store::TopologyRow;
use strongroom_topology::{StoreId, StoredTransaction, TopologyStore};

use super::{Held, RowTag, Topology, row};
use crate::{
    background::on_a_thread,
    data_keys::DataKeys,
    error::{ReplicaError, VaultError},
    state::RowSum,
    vault::Vault,
};

/// Rows read and authenticated at a time.
const PAGE: usize = 1024;

/// Rows found authentic so far, in the order of their stores and ordinals.
#[derive(Default)]
struct Authentic {
    stores: BTreeMap<StoreId, (Vec<StoredTransaction>, BTreeMap<u64, RowTag>)>,
    sum: RowSum,
}

impl Vault {
    /// Reads topology if nobody has. Since it was last here, others may have withdrawn keys.
    ///
    /// The caller holds the lock of topology; locks are taken in the order topology, last commit.
    pub(crate) async fn load_topology(&self, topology: &mut Topology) -> Result<(), VaultError> {
        if topology.loaded {
            return Ok(());
        }
        while !topology.loaded {
            match self.read_topology().await {
                // Another process committed just now.
                Err(VaultError::Replica(ReplicaError::Behind)) => {
                    self.catch_up_within(topology).await?;
                }
                kept => topology.load(kept?),
            }
        }
        self.forget_withdrawn_session_keys(topology);
        Ok(())
    }

    /// Reads and authenticates every row, and holds all of them against the last commit.
    async fn read_topology(&self) -> Result<BTreeMap<StoreId, Held>, VaultError> {
        self.settled().await;
        let committed = self.committed().lock().await;
        let mut snapshot = self.environment().store.read().await?;
        let stored = snapshot
            .vault()
            .await?
            .ok_or(VaultError::ChangedUnderneath)?;
        if stored.state != committed.record {
            return Err(match self.replica() {
                Some(_) => ReplicaError::Behind.into(),
                None => VaultError::ChangedUnderneath,
            });
        }
        let expected = committed.state.topology;
        drop(committed);

        let mut authentic = Authentic::default();
        let mut after = None;
        loop {
            let page = snapshot.topology_after(after, PAGE).await?;
            after = page.last().map(|row| (row.store.clone(), row.ordinal));
            let was_last = page.len() < PAGE;
            let data_keys = self.data_keys();
            // Decoding parses public keys, which is too much for the async threads.
            let take = move || authentic.with(&page, &data_keys);
            authentic = on_a_thread(take).await?;
            if was_last {
                break;
            }
        }
        if authentic.sum != expected {
            return Err(VaultError::TopologyMismatch {
                expected_rows: expected.rows,
                found_rows: authentic.sum.rows,
            });
        }
        Ok(authentic.into_stores())
    }
}

impl Authentic {
    fn with(mut self, page: &[TopologyRow], data_keys: &DataKeys) -> Result<Self, VaultError> {
        let mut encoder = Encoder::new();
        for row in page {
            let (store, stored, tag) = row::read(row, data_keys, &mut encoder)?;
            self.sum.add(&data_keys.current().element(&tag));
            let (transactions, tags) = self.stores.entry(store).or_default();
            let data_key = row.data_key_id;
            tags.insert(stored.ordinal, RowTag { data_key, tag });
            transactions.push(stored);
        }
        Ok(self)
    }

    fn into_stores(self) -> BTreeMap<StoreId, Held> {
        let restore = |(id, (transactions, tags)): (StoreId, (_, _))| {
            let store = TopologyStore::restore(id.clone(), transactions);
            (id, Held { store, tags })
        };
        self.stores.into_iter().map(restore).collect()
    }
}
