//! A store as a node keeps it: in memory, and as rows that survive the node.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::Fingerprint;
use strongroom_topology::{
    Outcome, Processed, Rejection, Rules, SignedTransaction, StoreId, StoredTransaction, Times,
    TopologyStore,
};

use super::naive::{Naive, is_valid};

pub(super) struct Kept {
    pub(super) store: TopologyStore,
    pub(super) rules: Rules,
    /// What would be on the disk: written from what the store said that it changed.
    rows: BTreeMap<u64, StoredTransaction>,
    naive: Naive,
    /// Whether it is to be looked at.
    pub(super) changed: bool,
}

impl Kept {
    pub(super) fn new(id: StoreId, rules: Rules) -> Self {
        let mut naive = Naive::default();
        if let StoreId::Synchronizer(id) = &id {
            naive.owner = Some(id.synchronizer.namespace().clone());
        }
        Self {
            store: TopologyStore::new(id),
            rules,
            rows: BTreeMap::new(),
            naive,
            changed: false,
        }
    }

    pub(super) fn process(&mut self, signed: SignedTransaction, times: Times) -> Outcome {
        let expected = self.expect(&signed);
        let Processed { outcome, delta, .. } =
            self.store.process(signed.clone(), times, &self.rules);
        for ordinal in &delta.added {
            let row = self.store.row(*ordinal).unwrap().clone();
            assert!(self.rows.insert(*ordinal, row).is_none());
        }
        for (ordinal, until) in &delta.expired {
            self.rows.get_mut(ordinal).unwrap().valid_until = Some(*until);
        }
        assert_eq!(
            delta.added.len(),
            usize::from(outcome != Outcome::Unchanged)
        );
        self.changed |= !delta.is_empty();
        expected.check(&outcome, &self.rules);
        if outcome == Outcome::Accepted {
            let row = self.store.row(delta.added[0]).unwrap();
            self.naive.justify(&row.signed);
            self.naive.accept(&row.signed);
        }
        outcome
    }

    /// What the naive rules say of a transaction.
    fn expect(&self, signed: &SignedTransaction) -> Expected {
        let transaction = signed.transaction();
        let mut keys: BTreeSet<Fingerprint> = signed.signed_by().collect();
        let all_valid = keys.iter().all(|key| is_valid(signed, key));
        let key = transaction.unique_key();
        let waiting = self.store.proposals(&key);
        let same = waiting.filter(|row| row.signed.hash() == signed.hash());
        keys.extend(same.flat_map(|row| row.signed.signed_by()));
        let before = self.naive.before(transaction);
        let merges = before.is_some_and(|before| before.hash() == signed.hash());
        let due = before.map(|before| before.transaction().serial().get() + 1);
        Expected {
            all_valid,
            merges,
            is_due: merges || due.is_none_or(|due| due == transaction.serial().get()),
            suffices: self.naive.satisfied(transaction, &keys),
            is_proposal: signed.is_proposal(),
        }
    }

    /// The node dies, and goes on with its rows.
    pub(super) fn crash(&mut self) {
        self.store = self.restored();
        self.changed = true;
    }

    pub(super) fn restored(&self) -> TopologyStore {
        let rows = self.rows.values().cloned().collect();
        TopologyStore::restore(self.store.id().clone(), rows)
    }

    /// The rows that would be on the disk.
    pub(super) fn rows(&self) -> impl Iterator<Item = &StoredTransaction> {
        self.rows.values()
    }
}

struct Expected {
    all_valid: bool,
    merges: bool,
    is_due: bool,
    suffices: bool,
    is_proposal: bool,
}

impl Expected {
    fn check(&self, outcome: &Outcome, rules: &Rules) {
        match outcome {
            Outcome::Unchanged => {}
            Outcome::Accepted => assert!(self.is_due, "accepted out of order"),
            Outcome::Proposed => {
                assert!(self.is_due && self.is_proposal && !self.suffices);
            }
            Outcome::Rejected(Rejection::SerialMismatch { .. }) => assert!(!self.is_due),
            Outcome::Rejected(
                Rejection::NotFullyAuthorized { .. }
                | Rejection::NotAuthorizedByNamespaceKey
                | Rejection::NoDelegationFoundForKeys { .. },
            ) => assert!(
                !self.suffices || self.merges,
                "enough keys signed: {outcome:?}"
            ),
            Outcome::Rejected(Rejection::SignatureCheckFailed { .. }) => assert!(!self.all_valid),
            Outcome::Rejected(other) => {
                assert_eq!(*rules, Rules::synchronizer(), "a local store said {other}");
            }
            other => panic!("{other:?}"),
        }
    }
}
