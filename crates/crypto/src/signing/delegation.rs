//! Delegations: a long-term key lets a session key sign in its place for a while.
//!
//! Source: reference, session keys, section A.2.

use std::num::NonZeroU32;
use std::sync::Arc;

use strongroom_errors::{Category, Coded, ErrorCode};

use super::{Signature, VerifyError};
use crate::encoding::Encoder;
use crate::fingerprint::Fingerprint;
use crate::hash::Hash;
use crate::hash_builder::HashBuilder;
use crate::hash_purpose::HashPurpose;
use crate::public_key::SigningPublicKey;
use crate::spec::SigningAlgorithms;
use crate::time::Timestamp;
use crate::usage::{KeyUsage, KeyUsages};

/// What signatures of session keys, and of delegations, are made for.
const PROTOCOL: KeyUsages = KeyUsages::only(KeyUsage::Protocol);
/// The usages of every session key.
const SESSION_KEY_USAGES: KeyUsages =
    KeyUsages::any_of(&[KeyUsage::Protocol, KeyUsage::ProofOfOwnership]);
/// The number of SubjectPublicKeyInfo in Canton's messages: the only format of session keys.
const SPKI: i32 = 4;

/// For how long a session key may sign: from a time on, for so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValidityPeriod {
    from: Timestamp,
    seconds: NonZeroU32,
}

impl ValidityPeriod {
    /// From `from` on, for `seconds`.
    #[must_use]
    pub const fn new(from: Timestamp, seconds: NonZeroU32) -> Self {
        Self { from, seconds }
    }

    /// The first instant of it.
    #[must_use]
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// How long it is.
    #[must_use]
    pub const fn seconds(self) -> NonZeroU32 {
        self.seconds
    }

    /// The first instant after it; the last one that the ledger knows if it would lie beyond.
    #[must_use]
    pub fn until(self) -> Timestamp {
        let micros = i64::from(self.seconds.get()).saturating_mul(1_000_000);
        let until = self.from.as_micros().saturating_add(micros);
        Timestamp::from_micros(until).min(Timestamp::LEDGER_MAX)
    }

    /// Whether `time` lies in it.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        self.from <= time && time < self.until()
    }
}

/// The hash that a long-term key signs to let `session_key` sign for it on `synchronizer`, the identifier of the logical
/// synchronizer.
#[must_use]
pub fn delegation_hash(
    session_key: &SigningPublicKey,
    validity: ValidityPeriod,
    synchronizer: &str,
) -> Hash {
    let mut usages = Encoder::new();
    let numbers: Vec<_> = session_key.usages().iter().map(KeyUsage::number).collect();
    usages.list(numbers.into_iter(), |encoder, number| encoder.int(number));
    let mut period = Encoder::new();
    period
        .long(validity.from.as_micros())
        .long(i64::from(validity.seconds.get()));
    HashBuilder::new(HashPurpose::SessionKeyDelegation)
        .string(&session_key.fingerprint().to_string())
        .int(session_key.spec().number())
        .int(SPKI)
        .bytes(usages.as_slice())
        .bytes(period.as_slice())
        .string(synchronizer)
        .finish()
}

/// A long-term key's word that a session key may sign in its place for a while, on one synchronizer.
///
/// The synchronizer is hashed and not named: a delegation for another one does not verify. The signature in it is one by a
/// long-term key, so a delegation is never delegated itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignatureDelegation {
    session_key: SigningPublicKey,
    validity: ValidityPeriod,
    signature: Signature,
}

impl SignatureDelegation {
    /// The delegation that `signature` is over; it is not verified here.
    ///
    /// # Errors
    /// [`DelegationError::Usages`] for a session key that could sign anything but messages of the protocol;
    /// [`DelegationError::ToItself`] for one that was delegated by itself.
    pub fn try_new(
        session_key: SigningPublicKey,
        validity: ValidityPeriod,
        signature: Signature,
    ) -> Result<Self, DelegationError> {
        let usages = session_key.usages();
        if usages != SESSION_KEY_USAGES {
            return Err(DelegationError::Usages { usages });
        }
        if signature.signed_by == session_key.fingerprint() {
            return Err(DelegationError::ToItself {
                key: signature.signed_by,
            });
        }
        Ok(Self {
            session_key,
            validity,
            signature,
        })
    }

    /// The key that may sign.
    #[must_use]
    pub const fn session_key(&self) -> &SigningPublicKey {
        &self.session_key
    }

    /// For how long it may.
    #[must_use]
    pub const fn validity(&self) -> ValidityPeriod {
        self.validity
    }

    /// The signature of the long-term key.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The key in whose place the session key signs.
    #[must_use]
    pub const fn long_term_key(&self) -> Fingerprint {
        self.signature.signed_by
    }

    /// Checks that `long_term_key` made the delegation for this synchronizer, and that it may.
    ///
    /// # Errors
    /// The [`VerifyError`] of the first check that failed.
    pub fn verify(
        &self,
        long_term_key: &SigningPublicKey,
        synchronizer: &str,
        algorithms: SigningAlgorithms,
    ) -> Result<(), VerifyError> {
        let hash = delegation_hash(&self.session_key, self.validity, synchronizer);
        long_term_key.verify_restricted(&hash.to_multihash(), &self.signature, PROTOCOL, algorithms)
    }
}

/// A signature by a session key, with the delegation that gives it weight.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionSignature {
    signature: Signature,
    delegation: Arc<SignatureDelegation>,
}

impl SessionSignature {
    /// `signature`, which counts as one by the session key of `delegation`, whoever made it.
    #[must_use]
    pub fn new(signature: Signature, delegation: Arc<SignatureDelegation>) -> Self {
        let signature = Signature {
            signed_by: delegation.session_key.fingerprint(),
            ..signature
        };
        Self {
            signature,
            delegation,
        }
    }

    /// The signature of the session key over the message.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What lets the session key sign.
    #[must_use]
    pub const fn delegation(&self) -> &Arc<SignatureDelegation> {
        &self.delegation
    }
}

/// A signature over a message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolSignature {
    /// By a long-term key itself.
    LongTerm(Signature),
    /// By a session key in its place.
    Session(SessionSignature),
}

impl ProtocolSignature {
    /// The signature over the message.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        match self {
            Self::LongTerm(signature) => signature,
            Self::Session(session) => &session.signature,
        }
    }

    /// The key of the member, which signed or let a session key sign.
    #[must_use]
    pub fn long_term_key(&self) -> Fingerprint {
        match self {
            Self::LongTerm(signature) => signature.signed_by,
            Self::Session(session) => session.delegation.long_term_key(),
        }
    }

    /// What let a session key sign; none for a signature by a long-term key.
    #[must_use]
    pub const fn delegation(&self) -> Option<&Arc<SignatureDelegation>> {
        match self {
            Self::LongTerm(_) => None,
            Self::Session(session) => Some(&session.delegation),
        }
    }
}

/// Why something is no delegation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// Whoever has the session key could do more with it than sign messages for a while.
    #[error(
        "a session key must only be used for protocol messages, this one has the usages {usages}"
    )]
    Usages {
        /// Those of the key.
        usages: KeyUsages,
    },
    /// A key gives itself no right that it has not.
    #[error("the session key {key} is delegated by itself")]
    ToItself {
        /// The key.
        key: Fingerprint,
    },
    /// It would be valid at no time.
    #[error("a delegation must be valid for at least a second")]
    NoPeriod,
}

impl DelegationError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[Self::INVALID];

    const INVALID: ErrorCode = ErrorCode::new(
        "SIGNATURE_DELEGATION_MALFORMED",
        Category::InvalidRequest,
        "No honest signer makes such a delegation: ask for another signature, and do not trust the message.",
    );
}

impl Coded for DelegationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Usages { .. } | Self::ToItself { .. } | Self::NoPeriod => Self::INVALID,
        }
    }
}
