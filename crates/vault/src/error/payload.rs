//! Why a payload was not sealed for members, or not taken from one.

use std::time::Duration;

use strongroom_crypto::{EncryptionAlgorithm, EncryptionKeySpec, Fingerprint, Timestamp};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_topology::Member;

use super::instant;

/// Why a payload was not sealed for the members it is for, or not taken from the one who sent it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadUseError {
    /// Nobody can encrypt to the member.
    #[error("{member} has no encryption key in the topology store {store} at that time")]
    NoEncryptionKey {
        /// The member.
        member: Member,
        /// Where its keys were looked up.
        store: String,
    },
    /// The synchronizer takes other encryptions only (Canton: `UnsupportedAlgorithmSpec`, `UnsupportedKeySpec`).
    #[error(
        "the synchronizer does not take the encryption to {key}: its spec is {}, the algorithm {}",
        .spec.name(), .algorithm.name()
    )]
    SchemeNotAllowed {
        /// The key of the recipient.
        key: Fingerprint,
        /// Its spec.
        spec: EncryptionKeySpec,
        /// How it is encrypted to.
        algorithm: EncryptionAlgorithm,
    },
    /// The node does not sign in its own name there.
    #[error(
        "{member} has no signing key in the topology store {store} at that time whose private half is here"
    )]
    NoSigningKey {
        /// The node.
        member: Member,
        /// Where its keys were looked up.
        store: String,
    },
    /// What topology will say then nobody knows yet, and whoever made it has a clock that is wrong, or a purpose.
    #[error(
        "it is asked for as of {}, and it is {} now: clocks may be {tolerance:?} apart",
        instant(*.at), instant(*.now)
    )]
    OfTheFuture {
        /// The time of the payload, or of the views.
        at: Timestamp,
        /// The time here.
        now: Timestamp,
        /// How far ahead it may be.
        tolerance: Duration,
    },
    /// No recipient key has its private half in this vault.
    #[error("the payload is for other keys than those of this vault")]
    ForOthers,
    /// Somebody was expected to have signed.
    #[error("the payload has no sender, {expected} was expected")]
    Unsigned {
        /// Who was expected.
        expected: Box<Member>,
    },
    /// Somebody else signed.
    #[error("the payload is from {found}, not from {expected}")]
    OtherSender {
        /// Who claims to have signed.
        found: Box<Member>,
        /// Who was expected.
        expected: Box<Member>,
    },
    /// The key that signed was none of the sender's.
    #[error(
        "the payload names {sender} as its sender, but no signing key of theirs at that time in the topology store {store} made the signature"
    )]
    NotTheSendersKey {
        /// Who claims to have signed.
        sender: Box<Member>,
        /// Where their keys were looked up.
        store: String,
        /// The key that signed, if there is a signature.
        signed_by: Option<Fingerprint>,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const NO_ENCRYPTION_KEY: ErrorCode = code(
    "MEMBER_WITHOUT_ENCRYPTION_KEY",
    Category::FailedPrecondition,
    "See which keys it has with 'strongroom topology active-keys MEMBER --store STORE', where STORE is a synchronizer that knows the member, and '--at' a time when it had one.",
);
const SCHEME_NOT_ALLOWED: ErrorCode = code(
    "ENCRYPTION_SCHEME_NOT_ALLOWED",
    Category::FailedPrecondition,
    "The recipient announces a new encryption key, of a spec that the synchronizer takes.",
);
const NO_SIGNING_KEY: ErrorCode = code(
    "SENDER_WITHOUT_SIGNING_KEY",
    Category::FailedPrecondition,
    "Announce a signing key for this node there, name a store that knows it, or send the payload unsigned.",
);
const OF_THE_FUTURE: ErrorCode = code(
    "PAYLOAD_OF_THE_FUTURE",
    Category::FailedPrecondition,
    "Set the clocks right, here and at the sender. To take it all the same, raise 'clock-tolerance' in [vault].",
);
const FOR_OTHERS: ErrorCode = code(
    "PAYLOAD_FOR_OTHERS",
    Category::FailedPrecondition,
    "Open it with the vault of a recipient; a deleted key comes back from a backup only.",
);
const SENDER_DIFFERS: ErrorCode = code(
    "PAYLOAD_SENDER_DIFFERS",
    Category::InvalidRequest,
    "Do not use the payload; ask the expected sender for a signed one.",
);
const SENDER_UNVERIFIED: ErrorCode = code(
    "PAYLOAD_SENDER_UNVERIFIED",
    Category::InvalidRequest,
    "Name the synchronizer that knows the sender: '--store'. If it does know the sender, the payload is forged.",
);

impl PayloadUseError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        NO_ENCRYPTION_KEY,
        SCHEME_NOT_ALLOWED,
        NO_SIGNING_KEY,
        OF_THE_FUTURE,
        FOR_OTHERS,
        SENDER_DIFFERS,
        SENDER_UNVERIFIED,
    ];
}

impl Coded for PayloadUseError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoEncryptionKey { .. } => NO_ENCRYPTION_KEY,
            Self::SchemeNotAllowed { .. } => SCHEME_NOT_ALLOWED,
            Self::NoSigningKey { .. } => NO_SIGNING_KEY,
            Self::OfTheFuture { .. } => OF_THE_FUTURE,
            Self::ForOthers => FOR_OTHERS,
            Self::Unsigned { .. } | Self::OtherSender { .. } => SENDER_DIFFERS,
            Self::NotTheSendersKey { .. } => SENDER_UNVERIFIED,
        }
    }
}
