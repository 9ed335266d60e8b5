use std::{fmt, str::FromStr};

/// The forms in which topology transactions come as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Container {
    /// A snapshot in the first format: one wrapped `TopologyTransactions`.
    SnapshotV1,
    /// A snapshot in the second format: wrapped items, each behind its length.
    SnapshotV2,
    /// A wrapped `SignedTopologyTransactions`.
    Transactions,
    /// One wrapped `SignedTopologyTransaction`: what is called a certificate.
    Certificate,
}

impl Container {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SnapshotV1,
        Self::SnapshotV2,
        Self::Transactions,
        Self::Certificate,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SnapshotV1 => "snapshot-v1",
            Self::SnapshotV2 => "snapshot-v2",
            Self::Transactions => "transactions",
            Self::Certificate => "certificate",
        }
    }

    /// Whether its items are rows of a store, with their times.
    #[must_use]
    pub const fn is_snapshot(self) -> bool {
        matches!(self, Self::SnapshotV1 | Self::SnapshotV2)
    }
}

/// A name that no container has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is none of snapshot-v1, snapshot-v2, transactions, certificate")]
pub struct UnknownContainer {
    text: String,
}

impl FromStr for Container {
    type Err = UnknownContainer;

    fn from_str(text: &str) -> Result<Self, UnknownContainer> {
        Self::ALL
            .into_iter()
            .find(|container| container.name() == text)
            .ok_or_else(|| UnknownContainer {
                text: text.chars().take(80).collect(),
            })
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
