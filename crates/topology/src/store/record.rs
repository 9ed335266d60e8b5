//! Putting decided transactions into a store.

use std::sync::Arc;

use strongroom_crypto::Timestamp;

use super::{
    TopologyStore,
    row::{Delta, StoredTransaction, Times},
};
use crate::{rejection::Rejection, signed::SignedTransaction};

impl TopologyStore {
    /// Puts in what was rejected: it never holds, but keeps its place. The same record at the same times is there once.
    pub(crate) fn record_rejected(
        &mut self,
        signed: SignedTransaction,
        times: Times,
        rejection: &Rejection,
    ) -> Delta {
        if self.last_rejected.contains(&signed, times) {
            return Delta::default();
        }
        let row = StoredTransaction {
            valid_until: Some(times.effective),
            rejection: Some(rejection.stored_text()),
            ..self.next_row(signed, times)
        };
        self.add(row, Vec::new())
    }

    /// Puts in what was accepted. What it takes the place of ends: the row in force, and proposals up to its serial.
    pub(crate) fn record_accepted(&mut self, signed: SignedTransaction, times: Times) -> Delta {
        let key = signed.transaction().unique_key();
        let serial = signed.transaction().serial();
        let mut ended: Vec<usize> = self.index.in_force(&key).into_iter().collect();
        ended.extend(self.index.proposals(&key, serial));
        self.index.end_in_force(&key);
        let row = self.next_row(signed, times);
        if row.is_delegation() {
            self.update_graph(&Arc::clone(&row.signed));
        }
        self.add(row, ended)
    }

    /// Puts in a proposal that waits for signatures, in the place of the same one with fewer.
    pub(crate) fn record_proposed(&mut self, signed: SignedTransaction, times: Times) -> Delta {
        let ended = self.place_of_proposal(&signed.hash()).into_iter().collect();
        let row = self.next_row(signed, times);
        self.add(row, ended)
    }

    fn next_row(&self, signed: SignedTransaction, times: Times) -> StoredTransaction {
        StoredTransaction {
            ordinal: self.rows.last().map_or(1, |row| row.ordinal + 1),
            sequenced: times.sequenced,
            valid_from: times.effective,
            valid_until: None,
            signed: Arc::new(signed),
            rejection: None,
        }
    }

    fn add(&mut self, row: StoredTransaction, ended: Vec<usize>) -> Delta {
        let until = row.valid_from;
        let mut delta = Delta::default();
        for place in ended {
            if let Some(row) = self.rows.get_mut(place) {
                row.valid_until = Some(until);
                delta.expired.push((row.ordinal, until));
                let transaction = row.signed.transaction();
                self.index
                    .end_proposal(&transaction.unique_key(), transaction.serial(), place);
            }
        }
        delta.added.push(row.ordinal);
        self.take_in(row);
        delta
    }

    /// Takes a row as it is.
    pub(super) fn take_in(&mut self, row: StoredTransaction) {
        self.index.add(self.rows.len(), &row);
        if row.rejection.is_some() {
            self.last_rejected.note(&row);
        }
        self.last_sequenced = self.last_sequenced.max(Some(row.sequenced));
        self.max_timestamp = [Some(row.sequenced), Some(row.valid_from), row.valid_until]
            .into_iter()
            .fold(self.max_timestamp, Option::<Timestamp>::max);
        self.rows.push(row);
    }
}
