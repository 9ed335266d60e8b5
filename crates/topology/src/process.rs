//! Deciding about a transaction.
//!
//! Source: reference, topology rules, section 5; the steps are taken in its order.

use crate::{
    authorization::{Authorization, authorize},
    checks,
    rejection::Rejection,
    rules::Rules,
    signed::SignedTransaction,
    store::{Delta, StoredTransaction, Times, TopologyStore},
    store_id::StoreId,
    transaction::Serial,
};

/// What a store decided about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is in force, or takes back what was.
    Accepted,
    /// It waits for signatures.
    Proposed,
    /// The store has it already, with these signatures and perhaps others.
    Unchanged,
    /// It never holds.
    Rejected(Rejection),
}

impl Outcome {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Proposed => "proposed",
            Self::Unchanged => "unchanged",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// A decision, and what it changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Processed {
    /// The decision.
    pub outcome: Outcome,
    /// The rows that were added and ended.
    pub delta: Delta,
}

impl TopologyStore {
    /// Decides about a transaction and takes it in, with the decision.
    ///
    /// Fails in no other way than by a rejection. Times must not go back from one call to the next: what is in the
    /// store counts, whenever it becomes effective.
    pub fn process(&mut self, signed: SignedTransaction, times: Times, rules: &Rules) -> Processed {
        if self.has_all_of(&signed) {
            return Processed {
                outcome: Outcome::Unchanged,
                delta: Delta::default(),
            };
        }
        match self.decide(&signed, rules) {
            // Those who are new have signed something that does not concern them.
            Ok(decided) if self.has_all_of(&decided) => Processed {
                outcome: Outcome::Unchanged,
                delta: Delta::default(),
            },
            Ok(decided) if decided.is_proposal() => Processed {
                outcome: Outcome::Proposed,
                delta: self.record_proposed(decided, times),
            },
            Ok(decided) => Processed {
                outcome: Outcome::Accepted,
                delta: self.record_accepted(decided, times),
            },
            Err(rejection) => Processed {
                delta: self.record_rejected(signed, times, &rejection),
                outcome: Outcome::Rejected(rejection),
            },
        }
    }

    /// Whether the transaction was accepted or proposed before and nobody new has signed it.
    ///
    /// One that was only rejected may come again: what was missing may be there now. So may a proposal as something
    /// that is in force at once.
    fn has_all_of(&self, signed: &SignedTransaction) -> bool {
        let hash = signed.hash();
        let mut known = self.with_hash(&hash).rev();
        // The last one has the signatures of those before it.
        known
            .find(|row| signed.is_proposal() || !row.signed.is_proposal())
            .is_some_and(|row| row.signed.has_signers_of(signed))
    }

    fn decide(
        &self,
        signed: &SignedTransaction,
        rules: &Rules,
    ) -> Result<SignedTransaction, Rejection> {
        let (merged, only_adds_signatures) = self.merge(signed);
        if rules.mapping_checks {
            checks::check(self, &merged, rules)?;
        }
        if !only_adds_signatures {
            self.check_serial(&merged)?;
        }
        self.check_synchronizer(&merged)?;
        let Authorization { signed, missing } = authorize(self, merged, rules)?;
        if only_adds_signatures {
            return Ok(signed.with_proposal(false));
        }
        if !missing.is_empty() && !signed.is_proposal() {
            return Err(Rejection::NotFullyAuthorized {
                namespaces: missing.namespaces,
                keys: missing.keys,
            });
        }
        if rules.preliminary {
            return Ok(signed);
        }
        Ok(signed.with_proposal(!missing.is_empty()))
    }

    /// The transaction with the signatures that the store has for it, and whether it is in force already.
    fn merge(&self, signed: &SignedTransaction) -> (SignedTransaction, bool) {
        let key = signed.transaction().unique_key();
        let hash = signed.hash();
        let same = |row: &&StoredTransaction| row.signed.hash() == hash;
        let mut merged = signed.clone();
        for waiting in self.proposals(&key).filter(same) {
            merged = merged.merged_with(&waiting.signed).unwrap_or(merged);
        }
        match self.in_store(&key).filter(same) {
            // Signatures of what is in force are valid and stay, whatever else their keys are said to have signed.
            Some(row) => {
                let known = SignedTransaction::clone(&row.signed);
                (known.merged_with(&merged).unwrap_or(known), true)
            }
            None => (merged, false),
        }
    }

    fn check_serial(&self, signed: &SignedTransaction) -> Result<(), Rejection> {
        let transaction = signed.transaction();
        // Without a predecessor any serial will do: who joins later does not see the beginning.
        let Some(before) = self.in_store(&transaction.unique_key()) else {
            return Ok(());
        };
        let before = before.signed.transaction().serial();
        let expected = before.next().ok_or(Rejection::MaxSerialReached)?;
        check_equal(transaction.serial(), expected)
    }

    fn check_synchronizer(&self, signed: &SignedTransaction) -> Result<(), Rejection> {
        let StoreId::Synchronizer(id) = self.id() else {
            return Ok(());
        };
        match signed.transaction().mapping().synchronizer() {
            Some(found) if *found != id.synchronizer => Err(Rejection::InvalidSynchronizer {
                found: found.clone(),
                expected: id.synchronizer.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn check_equal(actual: Serial, expected: Serial) -> Result<(), Rejection> {
    if actual == expected {
        return Ok(());
    }
    Err(Rejection::SerialMismatch {
        actual: actual.get(),
        expected: expected.get(),
    })
}
