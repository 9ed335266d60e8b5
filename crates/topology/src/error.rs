use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};

use crate::{
    identifier::Namespace, mapping::MappingCode, rejection::Rejection, store_id::StoreId,
    transaction::TransactionHash,
};

/// Why a transaction could not be built, signed or added. Codes and texts are Canton's where the reference has them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// The serial that was asked for is not the one that is due.
    #[error("The provided serial {actual} did not match the expected serial {expected}.")]
    SerialMismatch {
        /// What was asked for.
        actual: u32,
        /// The one that is due.
        expected: u32,
    },
    /// No serial is left.
    #[error("Max serial has been reached")]
    MaxSerialReached,
    /// Nothing would change.
    #[error(
        "A matching topology mapping authorized with the same keys already exists in this state"
    )]
    MappingAlreadyExists,
    /// No key that is here may sign it, or one that was asked for may not.
    #[error("Could not find an appropriate signing key to issue the topology transaction{}", usable(.namespaces, .unusable))]
    NoAppropriateSigningKey {
        /// The namespaces that must sign.
        namespaces: BTreeSet<Namespace>,
        /// The keys that must sign besides.
        keys: BTreeSet<Fingerprint>,
        /// Keys that were asked for and may not sign.
        unusable: BTreeSet<Fingerprint>,
    },
    /// A key that shall sign is not here.
    #[error("Secret key with given fingerprint {key} could not be found")]
    SecretKeyNotInStore {
        /// The key.
        key: Fingerprint,
    },
    /// No transaction with this hash is in force or waits.
    #[error(
        "Topology transaction with hash {hash} does not exist or is not active or is not an active proposal"
    )]
    TransactionNotFound {
        /// The hash.
        hash: TransactionHash,
    },
    /// Several rows have this hash.
    #[error("found {found} topology transactions with hash {hash}")]
    TooManyTransactionsWithHash {
        /// The hash.
        hash: TransactionHash,
        /// How many.
        found: usize,
    },
    /// The statement is another node's.
    #[error("Issuing {code} for alien members requires ForceFlag.AlienMember")]
    AlienMember {
        /// The kind of the mapping.
        code: MappingCode,
    },
    /// More signatures than keys.
    #[error(
        "Tried to set a signing threshold ({threshold}) above the number of signing keys ({keys})."
    )]
    SigningThresholdCannotBeReached {
        /// What was asked for.
        threshold: u32,
        /// How many keys there are.
        keys: usize,
    },
    /// More confirmations than participants.
    #[error(
        "Tried to set a confirming threshold ({threshold}) above the number of hosting nodes ({nodes})."
    )]
    ConfirmingThresholdCannotBeReached {
        /// What was asked for.
        threshold: u32,
        /// How many participants there are.
        nodes: usize,
    },
    /// No store has this name.
    #[error("Topology store '{store}' is not known.")]
    StoreNotFound {
        /// What was asked for.
        store: StoreId,
    },
    /// A store of this name is there.
    #[error("Cannot create topology store with id {store}, because it already exists.")]
    StoreAlreadyExists {
        /// Its name.
        store: StoreId,
    },
    /// Temporary stores take memory.
    #[error("there are {limit} temporary topology stores, and there may not be more")]
    TooManyStores {
        /// How many there may be.
        limit: usize,
    },
    /// No danger has this name.
    #[error("{text:?} is no force flag")]
    UnknownForceFlag {
        /// What was given, cut to 80 characters.
        text: String,
    },
    /// The store does not accept it.
    #[error("{}", .0.explanation())]
    Rejected(Rejection),
}

fn usable(namespaces: &BTreeSet<Namespace>, unusable: &BTreeSet<Fingerprint>) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let namespaces = list(namespaces.iter().map(ToString::to_string).collect());
    let mut text = format!(" (required: {namespaces}");
    if !unusable.is_empty() {
        text.push_str("; unusable: ");
        text.push_str(&list(unusable.iter().map(ToString::to_string).collect()));
    }
    text.push(')');
    text
}

macro_rules! codes {
    ($($constant:ident = $name:literal, $category:ident, $advice:literal;)+) => {
        $(const $constant: ErrorCode = ErrorCode::new($name, Category::$category, $advice);)+

        impl TopologyError {
            /// Every code of this type that no rejection has.
            pub const CODES: &'static [ErrorCode] = &[$($constant),+];
        }
    };
}

codes! {
    MAPPING_ALREADY_EXISTS = "TOPOLOGY_MAPPING_ALREADY_EXISTS", AlreadyExists, "Nothing needs to be done: it is in force, signed by the same keys.";
    NO_APPROPRIATE_SIGNING_KEY = "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE", NotFound, "'strongroom topology graph' shows which keys may sign for the namespace; import one of them, or have the transaction signed where it is.";
    SECRET_KEY_NOT_IN_STORE = "TOPOLOGY_SECRET_KEY_NOT_IN_STORE", FailedPrecondition, "Import the private key, or sign where it is.";
    TRANSACTION_NOT_FOUND = "TOPOLOGY_TRANSACTION_NOT_FOUND", NotFound, "'strongroom topology list --proposals' shows what waits for signatures.";
    TOO_MANY_TRANSACTIONS = "TOPOLOGY_TOO_MANY_TRANSACTION_WITH_HASH", FailedPrecondition, "Give the transaction itself instead of its hash.";
    ALIEN_MEMBER = "TOPOLOGY_DANGEROUS_COMMAND_REQUIRES_FORCE_ALIEN_MEMBER", FailedPrecondition, "Check the member. If you mean to change another node's announcement, add --danger alien-member.";
    SIGNING_THRESHOLD = "TOPOLOGY_SIGNING_THRESHOLD_CANNOT_BE_REACHED", AlreadyExists, "Lower the threshold or add keys.";
    CONFIRMING_THRESHOLD = "TOPOLOGY_CONFIRMING_THRESHOLD_CANNOT_BE_REACHED", AlreadyExists, "Lower the threshold or add participants; --danger allow-confirming-threshold-cannot-be-met overrules.";
    STORE_NOT_FOUND = "TOPOLOGY_STORE_NOT_FOUND", NotFound, "'strongroom topology stores' shows those that there are.";
    STORE_ALREADY_EXISTS = "TOPOLOGY_TEMPORARY_STORE_ALREADY_EXISTS", AlreadyExists, "Use it, or choose another name.";
    TOO_MANY_STORES = "TOPOLOGY_TOO_MANY_TEMPORARY_STORES", ResourceExhausted, "Drop those that nobody needs any more.";
    UNKNOWN_FORCE_FLAG = "TOPOLOGY_FORCE_FLAG_UNKNOWN", InvalidRequest, "Use alien-member, allow-unvalidated-signing-keys or allow-confirming-threshold-cannot-be-met.";
}

impl Coded for TopologyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SerialMismatch { actual, expected } => Rejection::SerialMismatch {
                actual: *actual,
                expected: *expected,
            }
            .code(),
            Self::MaxSerialReached => Rejection::MaxSerialReached.code(),
            Self::MappingAlreadyExists => MAPPING_ALREADY_EXISTS,
            Self::NoAppropriateSigningKey { .. } => NO_APPROPRIATE_SIGNING_KEY,
            Self::SecretKeyNotInStore { .. } => SECRET_KEY_NOT_IN_STORE,
            Self::TransactionNotFound { .. } => TRANSACTION_NOT_FOUND,
            Self::TooManyTransactionsWithHash { .. } => TOO_MANY_TRANSACTIONS,
            Self::AlienMember { .. } => ALIEN_MEMBER,
            Self::SigningThresholdCannotBeReached { .. } => SIGNING_THRESHOLD,
            Self::ConfirmingThresholdCannotBeReached { .. } => CONFIRMING_THRESHOLD,
            Self::StoreNotFound { .. } => STORE_NOT_FOUND,
            Self::StoreAlreadyExists { .. } => STORE_ALREADY_EXISTS,
            Self::TooManyStores { .. } => TOO_MANY_STORES,
            Self::UnknownForceFlag { .. } => UNKNOWN_FORCE_FLAG,
            Self::Rejected(rejection) => rejection.code(),
        }
    }
}
