//! A store, its rules and a clock that goes forward by one second with every transaction.

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_errors::Coded;
use strongroom_topology::{
    At, Drafted, Mapping, Operation, Outcome, Processed, Rejection, Rules, SignedTransaction,
    StoreId, StoredTransaction, Times, TopologyStore, Transaction, UniqueKey, draft,
};

use super::{Key, REMOVE, REPLACE, encode, physical, propose, sign};

#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) store: TopologyStore,
    pub(crate) rules: Rules,
    /// In microseconds; the next transaction gets a later time.
    pub(crate) now: i64,
}

const SECOND: i64 = 1_000_000;

impl Stage {
    fn new(id: StoreId, rules: Rules) -> Self {
        Self {
            store: TopologyStore::new(id),
            rules,
            now: 0,
        }
    }

    /// What a node itself has authorized.
    pub(crate) fn authorized() -> Self {
        Self::new(StoreId::Authorized, Rules::authorized())
    }

    /// A store to look at history.
    pub(crate) fn temporary() -> Self {
        let name = "history".parse().unwrap();
        Self::new(StoreId::Temporary(name), Rules::temporary())
    }

    /// What a synchronizer has sequenced.
    pub(crate) fn synchronizer() -> Self {
        Self::new(StoreId::Synchronizer(physical(0)), Rules::synchronizer())
    }

    /// What a synchronizer begins with.
    pub(crate) fn genesis() -> Self {
        Self {
            rules: Rules::genesis(),
            ..Self::synchronizer()
        }
    }

    /// The three kinds of stores, for what is the same in all of them.
    pub(crate) fn all() -> [Self; 3] {
        [Self::authorized(), Self::temporary(), Self::synchronizer()]
    }

    fn tick(&mut self) -> Times {
        self.now += SECOND;
        at(self.now)
    }

    pub(crate) fn process(&mut self, signed: SignedTransaction) -> Processed {
        let times = self.tick();
        self.store.process(signed, times, &self.rules)
    }

    pub(crate) fn put(&mut self, signed: SignedTransaction) -> Outcome {
        self.process(signed).outcome
    }

    pub(crate) fn reject(&mut self, signed: SignedTransaction) -> Rejection {
        match self.put(signed) {
            Outcome::Rejected(rejection) => rejection,
            other => panic!("expected a rejection, got {other:?}"),
        }
    }

    /// The transaction that states `mapping`, with the serial that is due.
    pub(crate) fn next(&self, operation: Operation, mapping: Mapping) -> Transaction {
        match draft(&self.store, operation, &mapping, None).unwrap() {
            Drafted::New(draft) => encode(draft),
            Drafted::Existing(signed) => signed.transaction().clone(),
        }
    }

    /// What happens to `mapping`, signed by `keys`.
    pub(crate) fn state(&mut self, mapping: Mapping, keys: &[Key]) -> Outcome {
        let next = self.next(REPLACE, mapping);
        self.put(sign(next, keys))
    }

    /// What happens to a proposal of `mapping`, signed by `keys`.
    pub(crate) fn suggest(&mut self, mapping: Mapping, keys: &[Key]) -> Outcome {
        let next = self.next(REPLACE, mapping);
        self.put(propose(next, keys))
    }

    /// What happens to the removal of `mapping`, signed by `keys`.
    pub(crate) fn take_back(&mut self, mapping: Mapping, keys: &[Key]) -> Outcome {
        let next = self.next(REMOVE, mapping);
        self.put(sign(next, keys))
    }

    /// The same with `mapping` in force.
    #[must_use]
    pub(crate) fn with(mut self, mapping: Mapping, keys: &[Key]) -> Self {
        assert_eq!(self.state(mapping, keys), Outcome::Accepted);
        self
    }

    /// The same without `mapping`.
    #[must_use]
    pub(crate) fn without(mut self, mapping: Mapping, keys: &[Key]) -> Self {
        assert_eq!(self.take_back(mapping, keys), Outcome::Accepted);
        self
    }

    /// The same with these namespaces.
    #[must_use]
    pub(crate) fn with_roots(self, roots: &[Key]) -> Self {
        roots.iter().fold(self, |stage, root| {
            stage.with(super::root_certificate(root), &[root])
        })
    }

    /// The row in force about `mapping`.
    pub(crate) fn row(&self, mapping: &Mapping) -> Option<&StoredTransaction> {
        self.store.in_store(&mapping.unique_key())
    }

    pub(crate) fn holds(&self, mapping: &Mapping) -> bool {
        self.at_head(&mapping.unique_key()) == Some(mapping)
    }

    pub(crate) fn at_head(&self, key: &UniqueKey) -> Option<&Mapping> {
        self.store.mapping_of(key, At::Head)
    }

    /// The keys that signed what is in force about `mapping`, sorted.
    pub(crate) fn signers(&self, mapping: &Mapping) -> Vec<Fingerprint> {
        sorted(self.row(mapping).unwrap().signed.signed_by())
    }
}

/// Sequenced and effective at the same time.
pub(crate) fn at(micros: i64) -> Times {
    let time = Timestamp::from_micros(micros);
    Times {
        sequenced: time,
        effective: time,
    }
}

pub(crate) fn sorted(keys: impl IntoIterator<Item = Fingerprint>) -> Vec<Fingerprint> {
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_unstable();
    keys
}

pub(crate) fn fingerprints(keys: &[Key]) -> Vec<Fingerprint> {
    sorted(keys.iter().map(|key| key.fingerprint()))
}

/// An outcome in one word: its name, and of a rejection the name of its variant.
pub(crate) fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Rejected(rejection) => {
            let text = format!("{rejection:?}");
            text.split([' ', '{']).next().unwrap().to_owned()
        }
        other => other.name().to_owned(),
    }
}

/// The code of a rejection.
pub(crate) fn code(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Rejected(rejection) => rejection.code().name(),
        other => other.name(),
    }
}
