//! Deciding about a transaction.
//!
//! Source: reference, topology rules, section 5; the steps are taken in its order.

use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;

use crate::{
    authorization::{Authorization, authorize},
    checks,
    rejection::Rejection,
    rules::Rules,
    signed::SignedTransaction,
    store::{Delta, Times, TopologyStore},
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

/// What an accepted transaction becomes.
struct Decision {
    /// The keys whose signatures count.
    counting: BTreeSet<Fingerprint>,
    proposal: bool,
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
        let merged = self.merged(&signed);
        let candidate = merged.as_ref().unwrap_or(&signed);
        let Decision { counting, proposal } = match self.decide(candidate, rules) {
            Ok(decision) => decision,
            Err(rejection) => {
                let delta = if rules.keeps_rejected {
                    self.record_rejected(signed, times, &rejection)
                } else {
                    Delta::default()
                };
                return Processed {
                    outcome: Outcome::Rejected(rejection),
                    delta,
                };
            }
        };
        let signed = merged
            .unwrap_or(signed)
            .only_signed_by(&counting)
            .with_proposal(proposal);
        // Those who are new may have signed something that does not concern them.
        if self.has_all_of(&signed) {
            return Processed {
                outcome: Outcome::Unchanged,
                delta: Delta::default(),
            };
        }
        let (outcome, delta) = if proposal {
            (Outcome::Proposed, self.record_proposed(signed, times))
        } else {
            (Outcome::Accepted, self.record_accepted(signed, times))
        };
        Processed { outcome, delta }
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

    /// The transaction with the signatures that the store has for the same bytes; none if it has none.
    fn merged(&self, signed: &SignedTransaction) -> Option<SignedTransaction> {
        let waiting = self.waiting(&signed.hash());
        let merged = waiting.map(|waiting| signed.clone().with_signatures_from(&waiting.signed));
        let in_force = self.in_store(&signed.transaction().unique_key());
        match in_force.filter(|row| row.signed.hash() == signed.hash()) {
            // Signatures of what is in force are valid and stay, whatever else their keys are said to have signed.
            Some(row) => {
                let known = SignedTransaction::clone(&row.signed);
                Some(known.with_signatures_from(merged.as_ref().unwrap_or(signed)))
            }
            None => merged,
        }
    }

    /// Whether the transaction is in force, so that all it can bring are signatures.
    fn is_in_force(&self, signed: &SignedTransaction) -> bool {
        self.in_store(&signed.transaction().unique_key())
            .is_some_and(|row| row.signed.hash() == signed.hash())
    }

    fn decide(&self, signed: &SignedTransaction, rules: &Rules) -> Result<Decision, Rejection> {
        let only_adds_signatures = self.is_in_force(signed);
        if rules.mapping_checks {
            checks::check(self, signed, rules)?;
        }
        if !only_adds_signatures {
            self.check_serial(signed)?;
        }
        self.check_synchronizer(signed)?;
        let Authorization { counting, missing } = authorize(self, signed, rules)?;
        let proposal = if only_adds_signatures {
            false
        } else if !missing.is_empty() && !signed.is_proposal() {
            return Err(Rejection::NotFullyAuthorized {
                namespaces: missing.namespaces,
                keys: missing.keys,
            });
        } else if rules.preliminary {
            signed.is_proposal()
        } else {
            !missing.is_empty()
        };
        Ok(Decision { counting, proposal })
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
