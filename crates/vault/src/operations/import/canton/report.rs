//! What became of each row.

use strongroom_crypto::KeyPurpose;

use super::error::{CantonRowError, RefusedCantonRow};
use crate::error::VaultError;

/// One row of Canton's tables of keys, and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct CantonRow {
    /// The table, by Canton's name.
    pub table: &'static str,
    /// The fingerprint that the row names; of an unreadable row it may be any text.
    pub key: String,
    /// What the key is for; none if the row does not say so.
    pub purpose: Option<KeyPurpose>,
    /// The operator's label, as the row has it.
    pub name: Option<String>,
    /// In which form the key was there.
    pub from: CantonOrigin,
    /// What became of it.
    pub outcome: CantonOutcome,
}

/// In which form Canton kept a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CantonOrigin {
    /// Readable in the database.
    Clear,
    /// Encrypted in the database, by a KMS.
    Encrypted {
        /// The key of the KMS.
        wrapper_key_id: String,
    },
    /// In a KMS.
    Kms {
        /// The key, as its KMS calls it.
        key: String,
    },
    /// Only the public half.
    Public,
}

impl CantonOrigin {
    /// The stable name: `clear`, `encrypted`, `kms`, `public`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Encrypted { .. } => "encrypted",
            Self::Kms { .. } => "kms",
            Self::Public => "public",
        }
    }
}

/// What became of a row.
#[derive(Debug)]
#[non_exhaustive]
pub enum CantonOutcome {
    /// Its key came into the vault.
    Taken,
    /// In a dry run: its key is not in the vault, or not all of it, and can be taken.
    Missing,
    /// The vault has its key already.
    There,
    /// It was left out.
    Unreadable(CantonRowError),
}

impl CantonOutcome {
    /// The stable name: `taken`, `missing`, `there`, `unreadable`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Missing => "missing",
            Self::There => "there",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// A table of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Private,
    Public,
    Kms,
}

/// A row by what it says of itself, without its key.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) table: Table,
    pub(super) key: String,
    pub(super) purpose: Option<KeyPurpose>,
    pub(super) name: Option<String>,
    pub(super) from: CantonOrigin,
}

impl Row {
    pub(super) fn reported(self, outcome: CantonOutcome) -> CantonRow {
        CantonRow {
            table: self.table.name(),
            key: self.key,
            purpose: self.purpose,
            name: self.name,
            from: self.from,
            outcome,
        }
    }

    pub(super) fn refused(self, source: CantonRowError) -> VaultError {
        let refused = RefusedCantonRow {
            table: self.table.name(),
            row: self.key,
            source: Box::new(source),
        };
        refused.into()
    }
}
