use std::sync::Arc;

use strongroom_crypto::Timestamp;

use crate::{
    mapping::{Mapping, MappingCode},
    signed::SignedTransaction,
    transaction::Operation,
};

/// When a transaction was sequenced, and from when on it holds. In a local store both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by callers; there are these two times and no others"
)]
pub struct Times {
    /// When it got its place in the order.
    pub sequenced: Timestamp,
    /// From when on it holds.
    pub effective: Timestamp,
}

/// A transaction in a store, and what became of it.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "read from and written into rows by callers, who must not forget a field"
)]
pub struct StoredTransaction {
    /// Its place in the store, from 1.
    pub ordinal: u64,
    /// When it was sequenced.
    pub sequenced: Timestamp,
    /// From when on it holds, or would.
    pub valid_from: Timestamp,
    /// Until when; none if nothing has taken its place.
    pub valid_until: Option<Timestamp>,
    /// The transaction, with the signatures that count.
    pub signed: Arc<SignedTransaction>,
    /// Why it was not accepted, at most 300 characters.
    pub rejection: Option<Box<str>>,
}

impl StoredTransaction {
    /// Whether it was accepted, and is more than a proposal.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.rejection.is_none() && !self.signed.is_proposal()
    }

    /// Whether it is in force, or a proposal that still waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.rejection.is_none() && self.valid_until.is_none()
    }

    /// The statement, if it is one that holds rather than one that no longer does.
    #[must_use]
    pub fn stated(&self) -> Option<&Mapping> {
        let transaction = self.signed.transaction();
        (transaction.operation() == Operation::AddReplace).then(|| transaction.mapping())
    }

    pub(super) fn is_delegation(&self) -> bool {
        self.signed.transaction().mapping().code() == MappingCode::NamespaceDelegation
    }
}

/// What a decision changed in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delta {
    /// Ordinals of rows that were added.
    pub added: Vec<u64>,
    /// Ordinals of rows that were there before, and until when they hold now.
    pub expired: Vec<(u64, Timestamp)>,
}

impl Delta {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.expired.is_empty()
    }
}
