//! Signed transactions.
//!
//! Source: reference, topology, section 6.

mod signature;

use std::collections::BTreeSet;

use strongroom_crypto::{Fingerprint, KeyUsages, SigningPublicKey, VerifyError};
use strongroom_errors::{Category, Coded, ErrorCode};

pub use signature::{Covers, TransactionSignature};

use crate::transaction::{Transaction, TransactionHash};

/// So many signatures are searched one by one.
const FEW: usize = 16;

/// A transaction and its signatures, at least one, at most one per key.
#[derive(Clone, Debug)]
pub struct SignedTransaction {
    transaction: Transaction,
    signatures: Vec<TransactionSignature>,
    proposal: bool,
}

/// Signatures that no transaction can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignaturesError {
    /// Nobody has signed it.
    #[error("a signed topology transaction must have at least one signature")]
    None,
    /// A signature over several transactions names none.
    #[error("a signature over several transactions must name at least one of them")]
    NoHashes,
}

impl SignaturesError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[Self::SIGNATURES_INVALID];

    const SIGNATURES_INVALID: ErrorCode = ErrorCode::new(
        "TOPOLOGY_SIGNATURES_INVALID",
        Category::InvalidRequest,
        "Have the transaction signed, or check that the file is complete.",
    );
}

impl Coded for SignaturesError {
    fn code(&self) -> ErrorCode {
        Self::SIGNATURES_INVALID
    }
}

impl SignedTransaction {
    /// `transaction` with `signatures`; of several by one key the first one stays.
    ///
    /// # Errors
    /// [`SignaturesError`]. A signature over several transactions that does not cover this one is no error here: a store
    /// rejects it.
    pub fn received(
        transaction: Transaction,
        signatures: Vec<TransactionSignature>,
        proposal: bool,
    ) -> Result<Self, SignaturesError> {
        if signatures.is_empty() {
            return Err(SignaturesError::None);
        }
        if signatures.iter().any(
            |signature| matches!(signature.covers(), Covers::Several(hashes) if hashes.is_empty()),
        ) {
            return Err(SignaturesError::NoHashes);
        }
        let mut signed = Self {
            transaction,
            signatures: Vec::with_capacity(signatures.len()),
            proposal,
        };
        // What was found valid in another transaction means nothing here.
        signed.absorb(signatures.into_iter().map(TransactionSignature::unverified));
        Ok(signed)
    }

    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> TransactionHash {
        self.transaction.hash()
    }

    /// The signatures in their order; never empty.
    #[must_use]
    pub fn signatures(&self) -> &[TransactionSignature] {
        &self.signatures
    }

    /// Whether signatures may still be missing.
    #[must_use]
    pub fn is_proposal(&self) -> bool {
        self.proposal
    }

    /// The keys that have signed.
    pub fn signed_by(&self) -> impl ExactSizeIterator<Item = Fingerprint> {
        self.signatures.iter().map(TransactionSignature::signed_by)
    }

    /// The signature by `key`.
    #[must_use]
    pub fn signature_by(&self, key: &Fingerprint) -> Option<&TransactionSignature> {
        self.signatures
            .iter()
            .find(|signature| signature.signed_by() == *key)
    }

    /// Checks the signature by `key`, and that the key may sign for one of `allowed`.
    ///
    /// The curve is computed on once per signature, whatever is asked afterwards and on whichever thread: key and message
    /// are fixed by the signature and by this transaction.
    ///
    /// # Errors
    /// [`VerifyError`]; [`VerifyError::InvalidSignature`] also when the key has not signed, or its signature covers other
    /// transactions.
    pub fn verify(&self, key: &SigningPublicKey, allowed: KeyUsages) -> Result<(), VerifyError> {
        let signature = self
            .signature_by(&key.fingerprint())
            .ok_or(VerifyError::InvalidSignature)?;
        signature.verify(self.hash(), key, allowed)
    }

    /// Whether every key that has signed `other` has signed this too.
    pub(crate) fn has_signers_of(&self, other: &Self) -> bool {
        if self.signatures.len() <= FEW {
            return other
                .signed_by()
                .all(|key| self.signature_by(&key).is_some());
        }
        let known: BTreeSet<Fingerprint> = self.signed_by().collect();
        other.signed_by().all(|key| known.contains(&key))
    }

    /// Checks one of the signatures, as [`Self::verify`] does.
    pub(crate) fn verify_signature(
        &self,
        signature: &TransactionSignature,
        key: &SigningPublicKey,
        allowed: KeyUsages,
    ) -> Result<(), VerifyError> {
        signature.verify(self.hash(), key, allowed)
    }

    /// The same with those signatures of `more` whose keys have not signed yet.
    #[must_use]
    pub fn with_more_signatures(mut self, more: Vec<TransactionSignature>) -> Self {
        self.absorb(more.into_iter().map(TransactionSignature::unverified));
        self
    }

    /// The same with those signatures of `other` whose keys have not signed yet; as it is if the bytes differ.
    #[must_use]
    pub fn with_signatures_from(mut self, other: &Self) -> Self {
        if self.hash() == other.hash() {
            self.absorb(other.signatures.iter().cloned());
        }
        self
    }

    /// The same with the signatures by `keys` only. At least one of them has signed, and nobody is among them who has not.
    #[must_use]
    pub fn only_signed_by(mut self, keys: &BTreeSet<Fingerprint>) -> Self {
        if keys.len() < self.signatures.len() {
            self.signatures
                .retain(|signature| keys.contains(&signature.signed_by()));
        }
        self
    }

    /// The same as a proposal, or not as one.
    #[must_use]
    pub fn with_proposal(self, proposal: bool) -> Self {
        Self { proposal, ..self }
    }

    fn absorb(
        &mut self,
        signatures: impl IntoIterator<IntoIter: ExactSizeIterator<Item = TransactionSignature>>,
    ) {
        let signatures = signatures.into_iter();
        // One message has room for more than a hundred thousand signatures. Where there are many, a set finds them.
        let total = self.signatures.len() + signatures.len();
        let mut known: Option<BTreeSet<_>> = (total > FEW).then(|| self.signed_by().collect());
        for signature in signatures {
            let key = signature.signed_by();
            let is_new = match &mut known {
                Some(known) => known.insert(key),
                None => self.signature_by(&key).is_none(),
            };
            if is_new {
                self.signatures.push(signature);
            }
        }
    }
}
