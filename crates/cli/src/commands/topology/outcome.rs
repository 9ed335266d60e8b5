//! What a store decided about transactions.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde::Serialize;
use strongroom_errors::Coded;
use strongroom_topology::{Outcome, SignedTransaction, TransactionHash};
use strongroom_vault::Added;

use crate::{
    output,
    transaction_view::{TransactionView, Warning},
};

/// Decisions, with the stable names of JSON documents.
#[derive(Debug, Serialize)]
pub(crate) struct Decisions {
    pub(crate) accepted: usize,
    pub(crate) proposed: usize,
    pub(crate) unchanged: usize,
    pub(crate) rejected: usize,
    pub(crate) transactions: Vec<Decision>,
}

/// What became of one transaction.
#[derive(Debug, Serialize)]
pub(crate) struct Decision {
    hash: String,
    mapping: Option<&'static str>,
    operation: Option<&'static str>,
    serial: Option<u32>,
    outcome: &'static str,
    /// What to think of.
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<Rejected>,
}

/// Why it was rejected.
#[derive(Debug, Serialize)]
pub(crate) struct Rejected {
    pub(crate) code: String,
    pub(crate) text: String,
}

/// What a store decided about a transaction, here or on a server.
pub(crate) struct Decided {
    pub(crate) hash: TransactionHash,
    /// accepted, proposed, unchanged or rejected.
    pub(crate) outcome: &'static str,
    pub(crate) rejection: Option<Rejected>,
}

impl Decided {
    pub(crate) fn of(added: &Added) -> Self {
        let rejection = match &added.outcome {
            Outcome::Rejected(why) => Some(Rejected {
                code: why.code().name().to_owned(),
                text: why.explanation(),
            }),
            _ => None,
        };
        Self {
            hash: added.hash,
            outcome: added.outcome.name(),
            rejection,
        }
    }
}

/// Transactions by their hashes, to say later what was decided about what.
pub(crate) struct Known(HashMap<TransactionHash, SignedTransaction>);

impl Known {
    pub(crate) fn of<'a>(transactions: impl IntoIterator<Item = &'a SignedTransaction>) -> Self {
        let transactions = transactions.into_iter();
        Self(transactions.map(|it| (it.hash(), it.clone())).collect())
    }
}

impl Decisions {
    pub(crate) fn of(decided: impl IntoIterator<Item = Decided>, known: &Known) -> Self {
        let decisions = decided.into_iter().map(|it| Decision::of(it, known));
        let transactions: Vec<_> = decisions.collect();
        let count = |name: &str| {
            let same = transactions.iter().filter(|it| it.outcome == name);
            same.count()
        };
        Self {
            accepted: count("accepted"),
            proposed: count("proposed"),
            unchanged: count("unchanged"),
            rejected: count("rejected"),
            transactions,
        }
    }

    /// How many were rejected here that `expected` does not name, of those that were added in the same order.
    pub(crate) fn unexpected(decided: &[Decided], expected: &[bool]) -> usize {
        let pairs = decided.iter().zip(expected);
        let is_unexpected =
            |(decided, expected): &(&Decided, &bool)| decided.rejection.is_some() && !**expected;
        pairs.filter(is_unexpected).count()
    }

    /// Leaves only what was rejected: of a large snapshot nobody reads the rest.
    pub(crate) fn only_rejected(mut self) -> Self {
        self.transactions.retain(|it| it.rejection.is_some());
        self
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.transactions.iter().map(|it| {
            [
                it.hash.clone(),
                it.mapping.unwrap_or("-").to_owned(),
                it.operation.unwrap_or("-").to_owned(),
                it.serial
                    .map_or_else(|| "-".to_owned(), |serial| serial.to_string()),
                it.outcome.to_owned(),
            ]
        });
        if !self.transactions.is_empty() {
            let header = ["HASH", "MAPPING", "OPERATION", "SERIAL", "OUTCOME"];
            writeln!(out, "{}\n", output::table(header, rows))?;
        }
        for it in &self.transactions {
            if let Some(why) = &it.rejection {
                let text = output::printable(&why.text);
                writeln!(out, "{}: {text} ({})", it.hash, why.code)?;
            }
        }
        writeln!(
            out,
            "{} accepted, {} proposed, {} unchanged, {} rejected",
            self.accepted, self.proposed, self.unchanged, self.rejected
        )
    }
}

impl Decision {
    fn of(decided: Decided, known: &Known) -> Self {
        let signed = known.0.get(&decided.hash);
        let transaction = signed.map(SignedTransaction::transaction);
        Self {
            hash: decided.hash.to_string(),
            mapping: transaction.map(|it| it.mapping().code().name()),
            operation: transaction.map(|it| it.operation().name()),
            serial: transaction.map(|it| it.serial().get()),
            outcome: decided.outcome,
            warnings: signed.map_or_else(Vec::new, |signed| {
                TransactionView::of_signed(signed).warnings
            }),
            rejection: decided.rejection,
        }
    }
}
