//! A store of topology: every transaction that came, what became of it, and what holds at which time.

mod at;
mod index;
mod last_rejected;
mod reads;
mod record;
mod references;
mod row;

use std::{collections::HashMap, sync::Arc};

use strongroom_crypto::Timestamp;

pub use at::At;
pub use references::Reference;
pub use row::{Delta, StoredTransaction, Times};

use self::{index::Index, last_rejected::LastRejected};
use crate::{
    error::TopologyError,
    graph::AuthorizationGraph,
    identifier::{Namespace, UniqueIdentifier},
    mapping::{DecentralizedNamespaceDefinition, Mapping, MappingCode, UniqueKey},
    process::Outcome,
    rules::Rules,
    signed::SignedTransaction,
    store_id::StoreId,
    transaction::{Operation, Serial, TransactionHash},
};

/// A store of topology, in memory. It only grows; its memory is proportional to its history.
///
/// What may go in is decided by [`TopologyStore::process`].
#[derive(Clone, Debug)]
pub struct TopologyStore {
    id: StoreId,
    /// By ordinal.
    rows: Vec<StoredTransaction>,
    index: Index,
    /// By namespace, as of the last row.
    graphs: HashMap<Namespace, AuthorizationGraph>,
    last_rejected: LastRejected,
    last_sequenced: Option<Timestamp>,
    max_timestamp: Option<Timestamp>,
}

impl TopologyStore {
    /// An empty store.
    #[must_use]
    pub fn new(id: StoreId) -> Self {
        Self {
            id,
            rows: Vec::new(),
            index: Index::default(),
            graphs: HashMap::new(),
            last_rejected: LastRejected::default(),
            last_sequenced: None,
            max_timestamp: None,
        }
    }

    /// A store with these rows, which are believed: they were decided about when they were added.
    #[must_use]
    pub fn restore(id: StoreId, mut rows: Vec<StoredTransaction>) -> Self {
        rows.sort_unstable_by_key(|row| row.ordinal);
        rows.dedup_by_key(|row| row.ordinal);
        let mut store = Self::new(id);
        for row in rows {
            store.take_in(row);
        }
        store.build_graphs();
        store
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &StoreId {
        &self.id
    }

    /// Every row, by ordinal: what holds, what held, proposals and rejections.
    #[must_use]
    pub fn rows(&self) -> &[StoredTransaction] {
        &self.rows
    }

    /// The row with this ordinal.
    #[must_use]
    pub fn row(&self, ordinal: u64) -> Option<&StoredTransaction> {
        let place = self.rows.binary_search_by_key(&ordinal, |row| row.ordinal);
        place.ok().and_then(|place| self.rows.get(place))
    }

    /// The transaction of this unique key that is in force, a removal included.
    #[must_use]
    pub fn in_store(&self, key: &UniqueKey) -> Option<&StoredTransaction> {
        self.row_at(self.index.in_force(key)?)
    }

    /// The open proposals of this unique key, by serial.
    pub fn proposals(&self, key: &UniqueKey) -> impl Iterator<Item = &StoredTransaction> {
        let places = self.index.proposals(key, Serial::MAX);
        places.filter_map(|place| self.row_at(place))
    }

    /// The proposal of this transaction that waits. Others of the same unique key, of which anybody can make many, are not
    /// looked at.
    pub(crate) fn waiting(&self, hash: &TransactionHash) -> Option<&StoredTransaction> {
        self.row_at(self.place_of_proposal(hash)?)
    }

    fn place_of_proposal(&self, hash: &TransactionHash) -> Option<usize> {
        // Each row ends those before it with the same bytes.
        let place = *self.index.with_hash(hash).last()?;
        let row = self.row_at(place)?;
        (row.is_open() && row.signed.is_proposal()).then_some(place)
    }

    /// The one row with this transaction that is in force or waits as a proposal.
    ///
    /// # Errors
    /// [`TopologyError::TransactionNotFound`]; [`TopologyError::TooManyTransactionsWithHash`].
    pub fn find(&self, hash: TransactionHash) -> Result<&StoredTransaction, TopologyError> {
        let mut found = self.with_hash(&hash).filter(|row| row.is_open());
        match (found.next(), found.count()) {
            (None, _) => Err(TopologyError::TransactionNotFound { hash }),
            (Some(row), 0) => Ok(row),
            (Some(_), others) => Err(TopologyError::TooManyTransactionsWithHash {
                hash,
                found: others + 1,
            }),
        }
    }

    /// When the last transaction was sequenced; none in an empty store.
    #[must_use]
    pub fn last_sequenced(&self) -> Option<Timestamp> {
        self.last_sequenced
    }

    /// The latest time that any row states; none in an empty store.
    #[must_use]
    pub fn max_timestamp(&self) -> Option<Timestamp> {
        self.max_timestamp
    }

    /// What the store would say of transactions that a synchronizer has not sequenced yet; it stays as it is.
    ///
    /// # Errors
    /// [`TopologyError::Rejected`] with the first rejection: all are wanted, or none.
    pub fn preview(
        &self,
        transactions: Vec<SignedTransaction>,
        rules: &Rules,
    ) -> Result<Vec<Outcome>, TopologyError> {
        let mut ahead = self.clone();
        let after_last = |last: Timestamp| last.as_micros().saturating_add(1);
        let time = Timestamp::from_micros(self.max_timestamp.map_or(i64::MAX, after_last));
        let times = Times {
            sequenced: time,
            effective: time,
        };
        let rules = rules.ahead();
        let mut outcomes = Vec::with_capacity(transactions.len());
        for signed in transactions {
            match ahead.process(signed, times, &rules).outcome {
                Outcome::Rejected(rejection) => return Err(TopologyError::Rejected(rejection)),
                outcome => outcomes.push(outcome),
            }
        }
        Ok(outcomes)
    }

    /// The rows with this transaction that were not rejected, oldest first.
    pub(crate) fn with_hash(
        &self,
        hash: &TransactionHash,
    ) -> impl DoubleEndedIterator<Item = &StoredTransaction> {
        let places = self.index.with_hash(hash).iter();
        places.filter_map(|place| self.row_at(*place))
    }

    /// The statement of this unique key that holds.
    pub(crate) fn mapping_in_force(&self, key: &UniqueKey) -> Option<&Mapping> {
        let row = self.in_store(key)?;
        let transaction = row.signed.transaction();
        (transaction.operation() == Operation::AddReplace).then(|| transaction.mapping())
    }

    /// Who owns a decentralized namespace, as of the last row.
    pub(crate) fn owners_in_force(
        &self,
        namespace: &Namespace,
    ) -> Option<&DecentralizedNamespaceDefinition> {
        // Most stores have none at all: then there is no name to hash and to look for.
        let kind = MappingCode::DecentralizedNamespaceDefinition;
        self.index.of_kind(kind).next()?;
        match self.mapping_in_force(&UniqueKey::decentralized_namespace(namespace))? {
            Mapping::DecentralizedNamespaceDefinition(definition) => Some(definition),
            _ => None,
        }
    }

    /// Statements of one kind that hold.
    pub(crate) fn mappings_in_force(&self, code: MappingCode) -> impl Iterator<Item = &Mapping> {
        let keys = self.index.of_kind(code);
        keys.filter_map(|key| self.mapping_in_force(key))
    }

    /// Whether a trust certificate of the participant is in force, for whichever synchronizer.
    pub(crate) fn trusts_anybody(&self, participant: &UniqueIdentifier) -> bool {
        let mut keys = self.index.trust(participant);
        keys.any(|key| self.mapping_in_force(key).is_some())
    }

    /// Who may sign for a namespace that is not decentralized, as of the last row.
    pub(crate) fn graph(&self, namespace: &Namespace) -> Option<&AuthorizationGraph> {
        self.graphs.get(namespace)
    }

    fn row_at(&self, place: usize) -> Option<&StoredTransaction> {
        self.rows.get(place)
    }

    fn build_graphs(&mut self) {
        let in_force = self.head().filter(|row| row.is_delegation());
        let delegations: Vec<_> = in_force.map(|row| Arc::clone(&row.signed)).collect();
        for signed in delegations {
            self.update_graph(&signed);
        }
    }

    /// Lets the graph of a delegation's namespace follow it.
    fn update_graph(&mut self, signed: &Arc<SignedTransaction>) {
        let namespace = namespace(signed);
        let graph = self
            .graphs
            .entry(namespace.clone())
            .or_insert_with(|| AuthorizationGraph::new(namespace));
        // The graph is that of the delegation's own namespace.
        let _same_namespace = match signed.transaction().operation() {
            Operation::AddReplace => graph.add(Arc::clone(signed)),
            Operation::Remove => graph.remove(signed),
        };
    }
}

fn namespace(signed: &SignedTransaction) -> Namespace {
    signed.transaction().mapping().namespace().clone()
}
