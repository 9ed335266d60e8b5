use std::sync::{Arc, OnceLock};

use strongroom_crypto::{
    Fingerprint, KeyUsages, Signature, SigningAlgorithm, SigningPublicKey, VerifyError,
};

use crate::transaction::TransactionHash;

/// What a signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covers {
    /// The transaction that it stands in.
    This,
    /// These transactions, sorted; the one that it stands in must be among them.
    Several(Arc<[TransactionHash]>),
}

impl Covers {
    /// Several transactions, each once and in order.
    #[must_use]
    pub fn several(mut hashes: Vec<TransactionHash>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        Self::Several(hashes.into())
    }
}

/// A signature over a topology transaction, and its message as received.
///
/// It remembers whether it is valid once somebody has looked. That is sound because nothing takes a signature out of its
/// transaction together with this memory, and `signed_by` fixes the key. Clones share everything: a history in which one
/// signature after another comes to a transaction has each of them once.
#[derive(Clone, Debug)]
pub struct TransactionSignature {
    received: Arc<Received>,
    verdict: Arc<OnceLock<Result<(), VerifyError>>>,
}

#[derive(Debug)]
struct Received {
    signature: Signature,
    covers: Covers,
    encoded: Box<[u8]>,
}

impl TransactionSignature {
    /// `encoded` is the `Signature` message as received, without a wrapper, and says what `signature` says.
    #[must_use]
    pub fn received(signature: Signature, covers: Covers, encoded: impl Into<Box<[u8]>>) -> Self {
        Self {
            received: Arc::new(Received {
                signature,
                covers,
                encoded: encoded.into(),
            }),
            verdict: Arc::default(),
        }
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.received.signature
    }

    /// The key that made it, as it says.
    #[must_use]
    pub fn signed_by(&self) -> Fingerprint {
        self.signature().signed_by
    }

    /// The algorithm, as it says; none in legacy signatures.
    #[must_use]
    pub fn algorithm(&self) -> Option<SigningAlgorithm> {
        self.signature().algorithm
    }

    /// What it covers.
    #[must_use]
    pub fn covers(&self) -> &Covers {
        &self.received.covers
    }

    /// Its message as received.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.received.encoded
    }

    /// Whether it covers `transaction`, which it stands in.
    #[must_use]
    pub fn covers_hash(&self, transaction: &TransactionHash) -> bool {
        match self.covers() {
            Covers::This => true,
            Covers::Several(hashes) => hashes.binary_search(transaction).is_ok(),
        }
    }

    pub(super) fn unverified(self) -> Self {
        let is_fresh = Arc::strong_count(&self.verdict) == 1 && self.verdict.get().is_none();
        if is_fresh {
            return self;
        }
        Self {
            verdict: Arc::default(),
            ..self
        }
    }

    /// Checks it as a signature over `transaction`, which it stands in, and that the key may sign for one of `allowed`. See
    /// [`SignedTransaction::verify`](crate::SignedTransaction::verify).
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        transaction: TransactionHash,
        key: &SigningPublicKey,
        allowed: KeyUsages,
    ) -> Result<(), VerifyError> {
        let (fingerprint, usages) = (key.fingerprint(), key.usages());
        if !usages.intersects(allowed) {
            return Err(VerifyError::InvalidKeyUsage {
                fingerprint,
                usages,
                wanted: allowed,
            });
        }
        if fingerprint != self.signed_by() || !self.covers_hash(&transaction) {
            return Err(VerifyError::InvalidSignature);
        }
        let compute = || {
            let message = match self.covers() {
                Covers::This => transaction.to_multihash(),
                Covers::Several(hashes) => TransactionHash::combined(hashes).to_multihash(),
            };
            key.verify(&message, self.signature(), KeyUsages::ALL)
        };
        self.verdict.get_or_init(compute).clone()
    }
}
