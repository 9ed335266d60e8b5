//! Why a signature over a message of the protocol, or of a party, is not accepted.

use strongroom_crypto::{
    Fingerprint, KeyUsages, SignatureFormat, SigningKeySpec, Timestamp, VerifyError,
};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_topology::{Member, PartyId, PhysicalSynchronizerId, ProtocolVersion};

use super::instant;

/// Why a signature is not accepted, by the state of a synchronizer. Nothing of it is trusted then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureCheckError {
    /// No session key may sign this (Canton: `UnsupportedDelegationSignatureError`).
    #[error("a session key signed, but {why}")]
    UnsupportedDelegation {
        /// Why not.
        why: UnsupportedDelegation,
    },
    /// The session key may sign at other times only (Canton: `InvalidSignatureDelegation`).
    #[error(
        "the delegation of session key {session_key} is only valid from {} to {} while the current timestamp is {}",
        instant(*.from), instant(*.until), instant(*.at)
    )]
    OutsideValidity {
        /// The session key.
        session_key: Fingerprint,
        /// The first instant of its validity.
        from: Timestamp,
        /// The first instant after it.
        until: Timestamp,
        /// The time of the state that it was held against.
        at: Timestamp,
    },
    /// The long-term key did not sign this delegation for this synchronizer (Canton: `InvalidSignatureDelegation`).
    #[error("the delegation to the session key is invalid")]
    Delegation {
        /// Why.
        source: VerifyError,
    },
    /// The member announces no key for this (Canton: `SignerHasNoValidKeys`).
    #[error("{member} has no valid signing key at {}", instant(*.at))]
    NoValidKeys {
        /// The member.
        member: Member,
        /// The time of the state.
        at: Timestamp,
    },
    /// The member announces other keys for this (Canton: `SignatureWithWrongKey`).
    #[error("{key} is no valid signing key of {member}")]
    WrongKey {
        /// The member.
        member: Member,
        /// The key that signed, or let a session key sign.
        key: Fingerprint,
    },
    /// No member of the group announces the key (Canton: `SignatureWithWrongKey`).
    #[error("{key} is no signing key of a member of the group")]
    NobodysKey {
        /// The key.
        key: Fingerprint,
    },
    /// Several members of the group announce the key (Canton: `SignatureWithWrongKey`).
    #[error("several members of the group have the key {key}, so nobody knows which one signed")]
    SharedKey {
        /// The key.
        key: Fingerprint,
    },
    /// The synchronizer takes no signatures of this format (Canton: `UnsupportedSignatureFormat`).
    #[error("the synchronizer takes no signatures of the format {format}")]
    FormatNotAllowed {
        /// The format.
        format: SignatureFormat,
    },
    /// The synchronizer takes no keys of this spec (Canton: `UnsupportedKeySpec`).
    #[error("the synchronizer takes no signing keys of spec {spec}")]
    KeySpecNotAllowed {
        /// The spec.
        spec: SigningKeySpec,
    },
    /// The signature over the message is refused.
    #[error("the signature over the message is refused")]
    Signature {
        /// Why.
        source: VerifyError,
    },
    /// The state does not say how long members may take (Canton: `MissingDynamicSynchronizerParameters`).
    #[error("{synchronizer} has no parameters at {}", instant(*.at))]
    NoParameters {
        /// The synchronizer.
        synchronizer: PhysicalSynchronizerId,
        /// The time of the state.
        at: Timestamp,
    },
    /// Too few signatures are valid (Canton: `MultipleErrors`).
    #[error("{group} signature threshold not reached: {signed} of {threshold}{}", all(.errors))]
    ThresholdNotReached {
        /// Who should have signed.
        group: String,
        /// How many must.
        threshold: u32,
        /// How many did.
        signed: usize,
        /// What is wrong with the other signatures, one by one.
        errors: Vec<SignatureCheckError>,
    },
    /// The party has no signing keys (Canton: `PartyKeysDoNotExist`).
    #[error("party {party} has no signing keys")]
    NoPartyKeys {
        /// The party.
        party: PartyId,
    },
    /// The key is none of the party (Canton: `SignatureWithWrongKey`).
    #[error("{key} is no signing key of party {party}")]
    NoKeyOfParty {
        /// The party.
        party: PartyId,
        /// The key.
        key: Fingerprint,
    },
}

/// Why no session key may sign something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsupportedDelegation {
    /// The protocol does not know session keys.
    ProtocolVersion(ProtocolVersion),
    /// It is no message of the protocol, or may be something else as well.
    Usages(KeyUsages),
}

impl std::fmt::Display for UnsupportedDelegation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ProtocolVersion(version) => {
                write!(f, "protocol version {version} knows no session keys")
            }
            Self::Usages(usages) => write!(
                f,
                "session keys sign messages of the protocol only, and this is for {usages}"
            ),
        }
    }
}

fn all(errors: &[SignatureCheckError]) -> String {
    errors.iter().map(|error| format!("; {error}")).collect()
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const UNSUPPORTED: ErrorCode = code(
    "SIGNATURE_DELEGATION_UNSUPPORTED",
    Category::InvalidRequest,
    "Ask the signer for a signature by its long-term key; do not trust the message.",
);
const DELEGATION: ErrorCode = code(
    "SIGNATURE_DELEGATION_INVALID",
    Category::InvalidRequest,
    "Check that message and signature are of the synchronizer and the time that were given; do not trust the message.",
);
const NO_VALID_KEYS: ErrorCode = code(
    "SIGNER_HAS_NO_VALID_KEYS",
    Category::FailedPrecondition,
    "Check the signer's name and the time: 'strongroom topology active-keys MEMBER --store SYNCHRONIZER --at TIME' shows its keys.",
);
const WRONG_KEY: ErrorCode = code(
    "SIGNER_KEY_NOT_VALID",
    Category::InvalidRequest,
    "Check who should have signed, and when; do not trust the message. 'strongroom topology active-keys' shows whose key it is.",
);
const SCHEME: ErrorCode = code(
    "SIGNATURE_SCHEME_NOT_ALLOWED",
    Category::InvalidRequest,
    "Ask the signer for a signature with a key and an algorithm that the synchronizer requires of its members.",
);
const NO_PARAMETERS: ErrorCode = code(
    "SYNCHRONIZER_PARAMETERS_MISSING",
    Category::FailedPrecondition,
    "Let the vault see what the synchronizer has sequenced up to that time, its parameters among it, and verify again.",
);
const THRESHOLD: ErrorCode = code(
    "SIGNATURE_THRESHOLD_NOT_REACHED",
    Category::InvalidRequest,
    "Collect more valid signatures of different signers; do not trust the message before.",
);
const NO_PARTY_KEYS: ErrorCode = code(
    "PARTY_KEYS_NOT_FOUND",
    Category::NotFound,
    "Check the party, the store and the time: 'strongroom party show PARTY' shows what is announced.",
);

impl SignatureCheckError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        UNSUPPORTED,
        DELEGATION,
        NO_VALID_KEYS,
        WRONG_KEY,
        SCHEME,
        NO_PARAMETERS,
        THRESHOLD,
        NO_PARTY_KEYS,
    ];
}

impl Coded for SignatureCheckError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnsupportedDelegation { .. } => UNSUPPORTED,
            Self::OutsideValidity { .. } | Self::Delegation { .. } => DELEGATION,
            Self::NoValidKeys { .. } => NO_VALID_KEYS,
            Self::WrongKey { .. }
            | Self::NobodysKey { .. }
            | Self::SharedKey { .. }
            | Self::NoKeyOfParty { .. } => WRONG_KEY,
            Self::FormatNotAllowed { .. } | Self::KeySpecNotAllowed { .. } => SCHEME,
            Self::Signature { source } => source.code(),
            Self::NoParameters { .. } => NO_PARAMETERS,
            Self::ThresholdNotReached { .. } => THRESHOLD,
            Self::NoPartyKeys { .. } => NO_PARTY_KEYS,
        }
    }
}
