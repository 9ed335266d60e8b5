//! Topology transactions: a mapping that shall hold, or no longer hold, and its place in the order of such statements.
//!
//! Source: reference, topology, sections 4.8 and 6.

mod hash;
mod serial;

use std::{fmt, sync::Arc};

pub use hash::TransactionHash;
pub use serial::Serial;

use crate::mapping::{Mapping, UniqueKey};

/// What a transaction does with its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// The mapping holds from now on, instead of the one before it.
    AddReplace,
    /// The mapping no longer holds.
    Remove,
}

impl Operation {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::AddReplace => 1,
            Self::Remove => 2,
        }
    }

    /// The name on the wire, without its prefix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddReplace => "ADD_REPLACE",
            Self::Remove => "REMOVE",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A transaction that has no bytes yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it does with its mapping.
    pub operation: Operation,
    /// Its place among the transactions of the same unique key.
    pub serial: Serial,
    /// The statement.
    pub mapping: Mapping,
}

/// A transaction: the bytes that its hash covers, as they were received, and what stands in them.
///
/// Clones share everything.
#[derive(Clone)]
pub struct Transaction(Arc<Parts>);

struct Parts {
    draft: Draft,
    bytes: Box<[u8]>,
    hash: TransactionHash,
    unique_key: UniqueKey,
}

impl Transaction {
    /// A transaction of which `bytes`, the versioned wrapper exactly as received, say what `draft` says.
    #[must_use]
    pub fn received(draft: Draft, bytes: impl Into<Box<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self(Arc::new(Parts {
            hash: TransactionHash::of(&bytes),
            unique_key: draft.mapping.unique_key(),
            draft,
            bytes,
        }))
    }

    /// What it does with its mapping.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.0.draft.operation
    }

    /// Its place among the transactions of the same unique key.
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.0.draft.serial
    }

    /// The statement.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.0.draft.mapping
    }

    /// The versioned wrapper, as received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// What signatures cover.
    #[must_use]
    pub fn hash(&self) -> TransactionHash {
        self.0.hash
    }

    /// What its mapping is about.
    #[must_use]
    pub fn unique_key(&self) -> UniqueKey {
        self.0.unique_key
    }
}

impl PartialEq for Transaction {
    /// Equal bytes.
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash
    }
}

impl Eq for Transaction {}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("hash", &self.hash())
            .field("operation", &self.operation())
            .field("serial", &self.serial())
            .field("mapping", self.mapping())
            .finish()
    }
}
