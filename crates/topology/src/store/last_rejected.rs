use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;

use super::row::{StoredTransaction, Times};
use crate::{signed::SignedTransaction, transaction::TransactionHash};

/// What was rejected at the times of the last rejection: whoever is interrupted hands in the same batch again, and the same
/// record is not kept twice.
#[derive(Clone, Debug, Default)]
pub(super) struct LastRejected {
    times: Option<Times>,
    records: BTreeSet<Record>,
}

/// A transaction, whether it was proposed, and who had signed it.
type Record = (TransactionHash, bool, Vec<Fingerprint>);

impl LastRejected {
    pub(super) fn note(&mut self, row: &StoredTransaction) {
        let times = Times {
            sequenced: row.sequenced,
            effective: row.valid_from,
        };
        if self.times != Some(times) {
            self.times = Some(times);
            self.records.clear();
        }
        self.records.insert(record(&row.signed));
    }

    pub(super) fn contains(&self, signed: &SignedTransaction, times: Times) -> bool {
        self.times == Some(times) && self.records.contains(&record(signed))
    }
}

fn record(signed: &SignedTransaction) -> Record {
    let signers = signed.signed_by().collect();
    (signed.hash(), signed.is_proposal(), signers)
}
