//! A row of a topology store: a transaction, and what became of it.

use serde::Serialize;
use strongroom_topology::{Mapping, StoredTransaction};

use crate::{output, transaction_view::TransactionView};

/// What became of a transaction, with the stable names of JSON documents.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    /// Its place in the store, from 1.
    pub(crate) ordinal: u64,
    /// Whether it is in force, has ended, waits (proposed), waited (lapsed), or was rejected.
    pub(crate) state: &'static str,
    pub(crate) sequenced: String,
    pub(crate) valid_from: String,
    pub(crate) valid_until: Option<String>,
    pub(crate) rejection: Option<String>,
}

impl Place {
    pub(crate) fn of(row: &StoredTransaction) -> Self {
        let state = match (&row.rejection, row.signed.is_proposal(), row.valid_until) {
            (Some(_), ..) => "rejected",
            (None, true, None) => "proposed",
            (None, true, Some(_)) => "lapsed",
            (None, false, None) => "in_force",
            (None, false, Some(_)) => "ended",
        };
        Self {
            ordinal: row.ordinal,
            state,
            sequenced: output::moment(row.sequenced),
            valid_from: output::moment(row.valid_from),
            valid_until: row.valid_until.map(output::moment),
            rejection: row.rejection.as_deref().map(str::to_owned),
        }
    }
}

/// A row with its transaction.
#[derive(Debug, Serialize)]
pub(crate) struct RowView {
    #[serde(flatten)]
    pub(crate) place: Place,
    #[serde(flatten)]
    pub(crate) transaction: TransactionView,
    pub(crate) proposal: bool,
    pub(crate) signed_by: Vec<String>,
    /// What the statement is about, shortly, for people.
    #[serde(skip)]
    subject: String,
}

impl RowView {
    pub(crate) fn of(row: &StoredTransaction) -> Self {
        let transaction = row.signed.transaction();
        let signers = row.signed.signed_by();
        Self {
            place: Place::of(row),
            transaction: TransactionView::of(transaction),
            proposal: row.signed.is_proposal(),
            signed_by: signers.map(|key| key.to_string()).collect(),
            subject: subject(transaction.mapping()),
        }
    }

    /// The row of a table under [`HISTORY_HEADER`].
    pub(crate) fn cells_of_history(&self) -> [String; HISTORY_HEADER.len()] {
        let [hash, mapping, operation, serial, state, from, about] = self.cells();
        let until = self.place.valid_until.clone();
        let until = until.unwrap_or_else(|| "-".to_owned());
        [hash, mapping, operation, serial, state, from, until, about]
    }

    /// The row of a table under [`HEADER`].
    pub(crate) fn cells(&self) -> [String; HEADER.len()] {
        let transaction = &self.transaction;
        [
            transaction.hash.clone(),
            transaction.mapping.to_owned(),
            transaction.operation.to_owned(),
            transaction.serial.to_string(),
            self.place.state.to_owned(),
            self.place.valid_from.clone(),
            self.subject.clone(),
        ]
    }
}

/// The columns of a list of rows.
pub(crate) const HEADER: [&str; 7] = [
    "HASH",
    "MAPPING",
    "OPERATION",
    "SERIAL",
    "STATE",
    "VALID FROM",
    "ABOUT",
];

/// The same with what has ended.
pub(crate) const HISTORY_HEADER: [&str; 8] = [
    "HASH",
    "MAPPING",
    "OPERATION",
    "SERIAL",
    "STATE",
    "VALID FROM",
    "VALID UNTIL",
    "ABOUT",
];

fn subject(mapping: &Mapping) -> String {
    match mapping {
        Mapping::NamespaceDelegation(it) if it.targets_root() => {
            format!("root {}", it.namespace())
        }
        Mapping::NamespaceDelegation(it) => {
            format!("{} for {}", it.target().fingerprint(), it.namespace())
        }
        Mapping::OwnerToKeyMapping(it) => it.member().to_string(),
        other => match other.uid() {
            Some(uid) => uid.to_string(),
            None => other.namespace().to_string(),
        },
    }
}
