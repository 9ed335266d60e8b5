use std::collections::BTreeMap;

use strongroom_crypto::SigningAlgorithm;
use strongroom_errors::{Coded, ErrorCode};
use strongroom_topology::{
    MappingCode, Outcome, SignedTransaction, TransactionHash, TransactionSignature,
};

use super::batch::Verdict;

/// Rejections that are listed; of further ones only their number is known.
const LISTED: usize = 10_000;

/// What a replay found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// How many transactions there were.
    pub transactions: u64,
    /// Their signatures.
    pub signatures: SignatureCounts,
    /// Transactions that were not rejected.
    pub accepted: u64,
    /// Those of them that wait for signatures.
    pub proposed: u64,
    /// Those of them that were there before, signed by the same keys.
    pub unchanged: u64,
    /// Transactions that were rejected.
    pub rejected: u64,
    /// Transactions that were rejected here though nobody says that they were where they come from, and those that were
    /// rejected there and not here.
    pub unexpected: u64,
    /// What was rejected here or there, at most 10 000 of them.
    pub rejections: Vec<ReplayedRejection>,
    /// How many transactions there were of each kind.
    pub by_mapping: BTreeMap<MappingCode, u64>,
}

/// Signatures, by what became of them. Valid means that it verifies under the key that it names, whether or not that key
/// may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureCounts {
    /// Those that verify.
    pub valid: u64,
    /// Those that do not.
    pub invalid: u64,
    /// Those by keys that no transaction names.
    pub unknown_key: u64,
    /// How many there were of each algorithm; those that say none and whose key is not known are in no class.
    pub by_algorithm: BTreeMap<SigningAlgorithm, u64>,
}

/// A transaction that was rejected here or where it comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReplayedRejection {
    /// Its place among all transactions, from 1.
    pub number: u64,
    /// The transaction.
    pub hash: TransactionHash,
    /// Its kind.
    pub mapping: MappingCode,
    /// Why it was rejected here; none if it was not.
    pub rejection: Option<ReplayedReason>,
    /// Why it was rejected where it comes from, at most 300 characters; none if it was not, or if nobody says.
    pub recorded: Option<String>,
}

/// Why a transaction was rejected: what a store would keep of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReplayedReason {
    /// The code.
    pub code: ErrorCode,
    /// The text, at most 300 characters.
    pub text: Box<str>,
}

/// The longest text of a rejection.
const LONGEST: usize = 300;

impl ReplayReport {
    pub(super) fn count_transaction(&mut self, signed: &SignedTransaction) {
        self.transactions += 1;
        let code = signed.transaction().mapping().code();
        *self.by_mapping.entry(code).or_default() += 1;
    }

    pub(super) fn count_signature(
        &mut self,
        signature: &TransactionSignature,
        verdict: Option<Verdict>,
    ) {
        let counts = &mut self.signatures;
        let algorithm = match verdict {
            None => {
                counts.unknown_key += 1;
                signature.algorithm()
            }
            Some(verdict) => {
                if verdict.is_valid {
                    counts.valid += 1;
                } else {
                    counts.invalid += 1;
                }
                Some(verdict.algorithm)
            }
        };
        if let Some(algorithm) = algorithm {
            *counts.by_algorithm.entry(algorithm).or_default() += 1;
        }
    }

    /// `recorded` is why the transaction was rejected where it comes from.
    pub(super) fn count_outcome(
        &mut self,
        number: u64,
        hash: TransactionHash,
        mapping: MappingCode,
        outcome: Outcome,
        recorded: Option<String>,
    ) {
        let rejection = match outcome {
            Outcome::Rejected(rejection) => {
                self.rejected += 1;
                Some(ReplayedReason {
                    code: rejection.code(),
                    text: rejection.stored_text(),
                })
            }
            other => {
                self.accepted += 1;
                self.proposed += u64::from(other == Outcome::Proposed);
                self.unchanged += u64::from(other == Outcome::Unchanged);
                None
            }
        };
        // Texts are not compared: other programs, and other releases of the same one, have other words.
        self.unexpected += u64::from(rejection.is_some() != recorded.is_some());
        let is_listed = rejection.is_some() || recorded.is_some();
        if is_listed && self.rejections.len() < LISTED {
            self.rejections.push(ReplayedRejection {
                number,
                hash,
                mapping,
                rejection,
                recorded: recorded.map(|text| text.chars().take(LONGEST).collect()),
            });
        }
    }
}
