//! Where stored data is broken.

use std::fmt;

use strongroom_crypto::Fingerprint;

use crate::{ApprovalId, BackupId, DataKeyId, JournalId};

/// What is wrong with stored data, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// A column holds a value that it cannot hold.
    Value {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, if the columns that name it can be read.
        row: Row,
    },
    /// A row refers to a row of another table that is not there.
    Reference {
        /// The table with the row.
        table: String,
        /// The table without the row referred to.
        parent: String,
    },
    /// The engine's own check found something.
    Structure {
        /// The first finding, in the engine's words.
        finding: String,
    },
    /// The engine cannot read the database at all.
    Unreadable,
}

/// Names a row of whichever table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Row {
    /// The row of this key.
    Key(Fingerprint),
    /// A row of this data key.
    DataKey(DataKeyId),
    /// The audit record with this sequence number.
    Audit(u64),
    /// A transaction of a topology store.
    Topology {
        /// The name of the topology store.
        store: String,
        /// The position in it.
        ordinal: u64,
    },
    /// An entry of the journal of KMS keys.
    Journal(JournalId),
    /// A backup that was made.
    Backup(BackupId),
    /// An approval that was asked for.
    Approval(ApprovalId),
    /// The only row of its table.
    Only,
    /// The columns that name the row cannot be read.
    Nameless,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { table, column, row } => {
                write!(f, "{table}.{column} of {row} has an impossible value")
            }
            Self::Reference { table, parent } => {
                write!(f, "a row of {table} refers to a missing row of {parent}")
            }
            Self::Structure { finding } => f.write_str(finding),
            Self::Unreadable => f.write_str("the database cannot be read"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(fingerprint) => write!(f, "key {fingerprint}"),
            Self::DataKey(id) => write!(f, "data key {id}"),
            Self::Audit(sequence) => write!(f, "record {sequence}"),
            Self::Topology { store, ordinal } => write!(f, "transaction {ordinal} of {store}"),
            Self::Journal(id) => write!(f, "journal entry {id}"),
            Self::Backup(id) => write!(f, "backup {id}"),
            Self::Approval(id) => write!(f, "approval {id}"),
            Self::Only => f.write_str("the only row"),
            Self::Nameless => f.write_str("a row that cannot be named"),
        }
    }
}
