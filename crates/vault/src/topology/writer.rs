//! Changing topology: in memory first, then in the database; if that fails, memory is forgotten and read again.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::encoding::Encoder;
use strongroom_store::{DataKeyId, TopologyExpiry, TopologyTag};
use strongroom_topology::{
    Delta, Outcome, Rules, SignedTransaction, StoreId, Times, TopologyStore,
};
use tokio::sync::{MutexGuard, RwLockWriteGuard};

use super::{Changing, Held, RowTag, Topology, TopologyTurn, row};
use crate::{
    data_keys::OpenedDataKey,
    error::VaultError,
    rows::{self, Tag},
    state::RowSum,
    unit::Unit,
    vault::Vault,
};

/// The one that may change topology now. Dropped before [`TopologyWriter::finish`], nothing has changed.
///
/// Changes queue up here one after the other. Locks are taken in the order topology, last commit: a writer is had
/// before its unit of work begins.
pub(crate) struct TopologyWriter<'v> {
    topology: RwLockWriteGuard<'v, Topology>,
    // Behind what it is for: it is dropped later.
    _turn: MutexGuard<'v, ()>,
    changes: Vec<(StoreId, Delta)>,
    /// Rows have moved to another data key.
    has_moved: bool,
    finished: bool,
}

impl<'v> TopologyWriter<'v> {
    /// Waits for its turn, and reads topology if nobody has.
    pub(crate) async fn begin(vault: &'v Vault) -> Result<Self, VaultError> {
        Ok(TopologyTurn::begin(vault).await?.write().await)
    }

    pub(super) fn over((turn, topology): Changing<'v>) -> Self {
        Self {
            topology,
            _turn: turn,
            changes: Vec::new(),
            has_moved: false,
            finished: false,
        }
    }

    pub(crate) fn store(&self, id: &StoreId) -> Result<&TopologyStore, VaultError> {
        Ok(&self.topology.held(id)?.store)
    }

    /// All of topology, with the changes.
    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
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
        let data_keys = Arc::clone(unit.data_keys());
        let stores: BTreeSet<StoreId> = self.changes.iter().map(|(id, _)| id.clone()).collect();
        for id in stores.into_iter().filter(is_durable) {
            let deltas = self.changes.iter().filter(|(store, _)| *store == id);
            let (mut added, mut expired) = (BTreeSet::new(), BTreeSet::new());
            for (_, delta) in deltas {
                added.extend(delta.added.iter().copied());
                expired.extend(delta.expired.iter().map(|(ordinal, _)| *ordinal));
            }
            let held = self.topology.held_mut(&id)?;
            let data_key = data_keys.writing().id;
            let mut rows = Vec::with_capacity(added.len());
            for ordinal in &added {
                let stored = held
                    .store
                    .row(*ordinal)
                    .ok_or(VaultError::ChangedUnderneath)?;
                let row = row::write(&id, stored, &data_keys, data_key)?;
                let tag = row.mac;
                held.tags.insert(*ordinal, RowTag { data_key, tag });
                rows.push(row);
            }
            let (mut expiries, mut before): (Vec<_>, Vec<Tag>) = (Vec::new(), Vec::new());
            for ordinal in expired.difference(&added) {
                let stored = held
                    .store
                    .row(*ordinal)
                    .ok_or(VaultError::ChangedUnderneath)?;
                let known = held.tags.get_mut(ordinal);
                let known = known.ok_or(VaultError::ChangedUnderneath)?;
                let row = row::write(&id, stored, &data_keys, known.data_key)?;
                before.push(std::mem::replace(&mut known.tag, row.mac));
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

    /// How many rows are under another data key.
    pub(crate) fn rows_not_under(&self, data_key: DataKeyId) -> u64 {
        self.topology.rows_not_under(data_key)
    }

    /// What all rows add up to under this data key.
    pub(crate) fn sum_under(&self, data_key: &OpenedDataKey) -> RowSum {
        let mut sum = RowSum::default();
        let rows = self.topology.stores.values();
        for row in rows.flat_map(|held| held.tags.values()) {
            sum.add(&data_key.element(&row.tag));
        }
        sum
    }

    /// Moves up to `limit` rows to the data key that new rows are under, and says how many.
    ///
    /// A row is written again from what was accepted, and must be the one that is there.
    pub(crate) async fn move_rows(
        &mut self,
        unit: &mut Unit<'_>,
        limit: usize,
    ) -> Result<u64, VaultError> {
        let data_keys = Arc::clone(unit.data_keys());
        let new = data_keys.writing().id;
        let mut encoder = Encoder::new();
        let (mut tags, mut before) = (Vec::new(), Vec::new());
        for (id, held) in &mut self.topology.stores {
            let Held { store, tags: known } = held;
            let stay_behind = known.iter_mut().filter(|(_, row)| row.data_key != new);
            for (ordinal, known) in stay_behind.take(limit - tags.len()) {
                let stored = store.row(*ordinal).ok_or(VaultError::ChangedUnderneath)?;
                let mut row = row::write(id, stored, &data_keys, known.data_key)?;
                let place = format!("{id} {ordinal}");
                rows::check_tag(&row.mac, &known.tag, rows::TOPOLOGY, &place)?;
                row.data_key_id = new;
                row.mac = rows::tag_topology(&row, &data_keys, &mut encoder)?;
                before.push(known.tag);
                *known = RowTag {
                    data_key: new,
                    tag: row.mac,
                };
                tags.push(TopologyTag {
                    store: row.store,
                    ordinal: *ordinal,
                    data_key_id: new,
                    mac: row.mac,
                });
                self.has_moved = true;
            }
        }
        let count = tags.iter().map(|_| 1).sum();
        if count > 0 {
            unit.move_topology(tags, &before).await?;
        }
        Ok(count)
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
        if !self.finished && (self.has_moved || !self.changes.is_empty()) {
            // Nobody knows what of it is durable: the next reader asks the database.
            self.topology.forget();
        }
        self.topology.forget_empty();
    }
}
