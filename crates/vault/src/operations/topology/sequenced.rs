//! Following a synchronizer: what it has sequenced, and snapshots of what it holds.

use strongroom_crypto::Timestamp;
use strongroom_proto::topology::SnapshotItem;
use strongroom_topology::{PhysicalSynchronizerId, SignedTransaction, StoreId, Times};

use super::add::{Added, summary};
use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, topology::TopologyWriter,
    vault::Vault,
};

impl Vault {
    /// Takes in what a synchronizer has sequenced at one time, and makes its store if this is the first.
    ///
    /// Rejections are part of the answer, and are stored.
    ///
    /// # Errors
    /// [`VaultError::SequencedTooEarly`] for a time before what the store has seen; errors of the store.
    pub async fn add_sequenced(
        &self,
        caller: &Caller,
        synchronizer: &PhysicalSynchronizerId,
        times: Times,
        transactions: Vec<SignedTransaction>,
    ) -> Result<Vec<Added>, VaultError> {
        let store = StoreId::Synchronizer(synchronizer.clone());
        let mut writer = TopologyWriter::begin(self).await?;
        writer.create(&store);
        let last = writer.store(&store)?.last_sequenced();
        check_order(last, times.sequenced)?;
        let mut added = Vec::with_capacity(transactions.len());
        for signed in transactions {
            let hash = signed.transaction().hash();
            let rules = self.rules(&store, times.sequenced);
            let outcome = writer.process(&store, signed, times, &rules)?;
            added.push(Added { hash, outcome });
        }
        let details = summary(&store, &added);
        self.commit_topology(caller, writer, (AuditOperation::AddTopology, None), details)
            .await?;
        Ok(added)
    }

    /// Replays a snapshot into an empty store of a synchronizer, or a temporary one, at the times that it states.
    ///
    /// # Errors
    /// [`VaultError::StoreNotEmpty`], since history cannot be put under what is there; [`VaultError::SequencedTooEarly`] for a
    /// snapshot out of order; errors of the store.
    pub async fn import_snapshot(
        &self,
        caller: &Caller,
        store: &StoreId,
        items: Vec<SnapshotItem>,
    ) -> Result<Vec<Added>, VaultError> {
        // Before anything is taken in: a store in memory cannot be read again from anywhere.
        let times = items.iter().map(|item| item.sequenced);
        times
            .clone()
            .zip(times.skip(1))
            .try_for_each(|(last, next)| check_order(Some(last), next))?;
        let mut writer = TopologyWriter::begin(self).await?;
        writer.create(store);
        if *store == StoreId::Authorized || writer.store(store)?.max_timestamp().is_some() {
            return Err(VaultError::StoreNotEmpty {
                store: store.to_string(),
            });
        }
        let mut added = Vec::with_capacity(items.len());
        for item in items {
            let times = Times {
                sequenced: item.sequenced,
                effective: item.valid_from,
            };
            let hash = item.signed.transaction().hash();
            let rules = self.rules(store, times.sequenced);
            let outcome = writer.process(store, item.signed, times, &rules)?;
            added.push(Added { hash, outcome });
        }
        let details = summary(store, &added);
        self.commit_topology(
            caller,
            writer,
            (AuditOperation::ImportSnapshot, None),
            details,
        )
        .await?;
        Ok(added)
    }
}

/// Time goes on; transactions of one batch share theirs.
fn check_order(last: Option<Timestamp>, sequenced: Timestamp) -> Result<(), VaultError> {
    match last {
        Some(last) if sequenced < last => Err(VaultError::SequencedTooEarly { sequenced, last }),
        _ => Ok(()),
    }
}
