use std::collections::BTreeSet;

use strongroom_crypto::{Fingerprint, VerifyError};
use strongroom_errors::{Category, Coded, ErrorCode};

use crate::{
    identifier::{Member, Namespace, PartyId, SynchronizerId},
    mapping::MappingCode,
    transaction::TransactionHash,
};

/// Why a store does not accept a transaction. The texts are Canton's where the reference has them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Another serial was due.
    #[error("The actual serial {actual} does not match the expected serial {expected}")]
    SerialMismatch {
        /// The transaction's.
        actual: u32,
        /// The one that was due.
        expected: u32,
    },
    /// No serial is left.
    #[error("Max serial has been reached")]
    MaxSerialReached,
    /// A signature over several transactions does not cover this one.
    #[error("The given transaction hash set did not contain the expected hash {expected}")]
    MultiTransactionHashMismatch {
        /// This transaction's hash.
        expected: TransactionHash,
    },
    /// None of the keys that signed means anything for it.
    #[error("No delegation found for keys {}", list(.keys))]
    NoDelegationFoundForKeys {
        /// Those that signed.
        keys: BTreeSet<Fingerprint>,
    },
    /// No key of a namespace concerned has signed.
    #[error("Not authorized by any namespace key")]
    NotAuthorizedByNamespaceKey,
    /// Signatures are missing.
    #[error("Not fully authorized")]
    NotFullyAuthorized {
        /// Namespaces that have not signed.
        namespaces: BTreeSet<Namespace>,
        /// Keys that have not signed.
        keys: BTreeSet<Fingerprint>,
    },
    /// A signature is wrong.
    #[error("Signature check failed: {reason} (signed by {key})")]
    SignatureCheckFailed {
        /// The key that should have made it.
        key: Fingerprint,
        /// What is wrong.
        reason: VerifyError,
    },
    /// The mapping is about another synchronizer.
    #[error("Invalid synchronizer {found}, expected {expected}")]
    InvalidSynchronizer {
        /// The mapping's.
        found: SynchronizerId,
        /// The store's.
        expected: SynchronizerId,
    },
    /// Nothing is in force that could be removed.
    #[error(
        "There is no active topology transaction matching the mapping of the revocation request"
    )]
    NoCorrespondingActiveTransaction,
    /// The mapping could never hold.
    #[error("The topology transaction was rejected due to an invalid mapping: {reason}")]
    InvalidMapping {
        /// Why.
        reason: String,
    },
    /// A removal states something else than what is in force.
    #[error("Remove operation must not change the mapping to remove.")]
    RemoveMustNotChangeMapping,
    /// Nothing but the upgrade may change while it is announced.
    #[error("The topology is frozen by the announced upgrade to {successor}")]
    Frozen {
        /// What the synchronizer becomes.
        successor: String,
    },
    /// A namespace cannot be owned in two ways.
    #[error("The namespace {namespace} is already used by another entity.")]
    NamespaceAlreadyInUse {
        /// The namespace.
        namespace: Namespace,
    },
    /// A delegation that was revoked does not come back.
    #[error("The namespace {namespace} has previously been revoked.")]
    NamespaceHasBeenRevoked {
        /// The namespace.
        namespace: Namespace,
    },
    /// A node that took its keys back announces keys again.
    #[error("Member {member} tried to re-register its keys which they have previously removed.")]
    MemberCannotRejoin {
        /// The node.
        member: Member,
    },
    /// A node that left a synchronizer joins it again.
    #[error("Member {member} has left the synchronizer and cannot join it again.")]
    MemberHasLeft {
        /// The node.
        member: Member,
    },
    /// The party that a participant has for itself is changed into something else.
    #[error("Party {party} is the own party of the participant with the same name.")]
    PartyIdConflictWithAdminParty {
        /// The party.
        party: PartyId,
    },
    /// A participant joins whose name a party has that others host.
    #[error("Party {party} has the name of the participant that joins.")]
    ParticipantIdConflictWithParty {
        /// The party.
        party: PartyId,
    },
    /// A node without a key of a purpose that it needs.
    #[error(
        "No {purpose} keys provided for {member}, at least one is required. Supported key schemes: {supported}"
    )]
    InvalidOwnerToKeyMapping {
        /// The node.
        member: Member,
        /// Signing or encryption.
        purpose: &'static str,
        /// What the synchronizer takes.
        supported: String,
    },
    /// A node in use cannot take its keys back.
    #[error("The owner to key mapping of {member} cannot be removed as it is referenced by {by}")]
    InvalidRemovalOfOwnerToKeyMapping {
        /// The node.
        member: Member,
        /// What refers to it.
        by: MappingCode,
    },
    /// Nodes without announced keys.
    #[error("Members {} are missing a valid owner to key mapping.", list(.members))]
    InsufficientKeys {
        /// The nodes.
        members: BTreeSet<Member>,
    },
    /// Participants that are not on the synchronizer.
    #[error("Members {} are unknown.", list(.members))]
    UnknownMembers {
        /// The participants.
        members: BTreeSet<Member>,
    },
    /// A mapping that can only be replaced.
    #[error("Removal of {code} is not supported. Use Replace instead.")]
    CannotRemoveMapping {
        /// Its kind.
        code: MappingCode,
    },
}

fn list<T: std::fmt::Display>(items: &BTreeSet<T>) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// The longest text of a rejection that a store keeps.
const STORED_LIMIT: usize = 300;

impl Rejection {
    /// The text as a store keeps it: at most 300 characters.
    #[must_use]
    pub fn stored_text(&self) -> Box<str> {
        self.to_string().chars().take(STORED_LIMIT).collect()
    }

    /// The text for people: the stored one does not say whose signatures are missing.
    #[must_use]
    pub fn explanation(&self) -> String {
        let Self::NotFullyAuthorized { namespaces, keys } = self else {
            return self.to_string();
        };
        let mut missing = Vec::new();
        if !namespaces.is_empty() {
            missing.push(format!("namespaces={}", list(namespaces)));
        }
        if !keys.is_empty() {
            missing.push(format!("keys={}", list(keys)));
        }
        format!(
            "{self}: missing authorizations by {}",
            missing.join(" and ")
        )
    }
}

macro_rules! codes {
    ($($constant:ident = $name:literal, $category:ident, $advice:literal;)+) => {
        $(const $constant: ErrorCode = ErrorCode::new($name, Category::$category, $advice);)+

        impl Rejection {
            /// Every code of this type.
            pub const CODES: &'static [ErrorCode] = &[$($constant),+];
        }
    };
}

codes! {
    SERIAL_MISMATCH = "TOPOLOGY_SERIAL_MISMATCH", FailedPrecondition, "Look at what is in force ('strongroom topology list') and use the serial after its.";
    ALARM = "TOPOLOGY_MANAGER_ALARM", FailedPrecondition, "This statement has used up its serials: it cannot be changed any more.";
    MULTI_HASH = "TOPOLOGY_MULTI_TRANSACTION_HASH_MISMATCH", FailedPrecondition, "Have this transaction signed as well, or for itself.";
    UNAUTHORIZED = "TOPOLOGY_UNAUTHORIZED_TRANSACTION", PermissionDenied, "Have it signed by the missing keys: 'strongroom topology graph' shows which ones may sign for a namespace. With --proposal it waits for their signatures.";
    INVALID_SIGNATURE = "TOPOLOGY_INVALID_TX_SIGNATURE", PermissionDenied, "Have it signed again: the signature does not belong to these bytes, or its key may not sign them.";
    INVALID_SYNCHRONIZER = "TOPOLOGY_INVALID_SYNCHRONIZER", InvalidRequest, "Add it to the store of the synchronizer that it names.";
    NO_CORRESPONDING = "TOPOLOGY_NO_CORRESPONDING_ACTIVE_TX_TO_REVOKE", FailedPrecondition, "Nothing needs to be revoked, or it is in another store.";
    INVALID_MAPPING = "TOPOLOGY_INVALID_MAPPING", InvalidRequest, "Change the statement: it could never hold. If it came from elsewhere, it was damaged or is no topology transaction.";
    REMOVE_CHANGES = "TOPOLOGY_REMOVE_MUST_NOT_CHANGE_MAPPING", FailedPrecondition, "Remove exactly the statement that is in force.";
    FROZEN = "TOPOLOGY_LSU_TOPOLOGY_FREEZE", FailedPrecondition, "Wait until the upgrade is over.";
    IN_USE = "TOPOLOGY_NAMESPACE_ALREADY_IN_USE", AlreadyExists, "Use another namespace.";
    REVOKED = "TOPOLOGY_NAMESPACE_HAS_BEEN_REVOKED", AlreadyExists, "Delegate to another key: a revoked one never comes back.";
    REJOIN = "TOPOLOGY_MEMBER_CANNOT_REJOIN_SYNCHRONIZER", FailedPrecondition, "Use a new identity.";
    PARTY_CONFLICT = "TOPOLOGY_PARTY_ID_CONFLICT_WITH_ADMIN_PARTY", AlreadyExists, "Host the party on its own participant only, with permission submission and threshold 1, or choose another name for it.";
    PARTICIPANT_CONFLICT = "TOPOLOGY_PARTICIPANT_ID_CONFLICT_WITH_PARTY", AlreadyExists, "Remove the party, or give the participant another identity.";
    INVALID_KEYS = "TOPOLOGY_INVALID_OWNER_TO_KEY_MAPPING", InvalidRequest, "Announce at least one signing key, and for a participant one encryption key, of a spec that the synchronizer takes.";
    INVALID_REMOVAL = "TOPOLOGY_INVALID_REMOVAL_OF_OWNER_TO_KEY_MAPPING", InvalidRequest, "Let the node leave the synchronizer first.";
    INSUFFICIENT_KEYS = "TOPOLOGY_INSUFFICIENT_KEYS", FailedPrecondition, "Announce the keys of these nodes first.";
    UNKNOWN_MEMBERS = "TOPOLOGY_UNKNOWN_MEMBERS", NotFound, "Let these participants join the synchronizer first.";
    CANNOT_REMOVE = "TOPOLOGY_CANNOT_REMOVE_MAPPING", InvalidRequest, "Replace the statement instead of removing it.";
}

impl Coded for Rejection {
    fn code(&self) -> ErrorCode {
        match self {
            Self::SerialMismatch { .. } => SERIAL_MISMATCH,
            Self::MaxSerialReached => ALARM,
            Self::MultiTransactionHashMismatch { .. } => MULTI_HASH,
            Self::NoDelegationFoundForKeys { .. }
            | Self::NotAuthorizedByNamespaceKey
            | Self::NotFullyAuthorized { .. } => UNAUTHORIZED,
            Self::SignatureCheckFailed { .. } => INVALID_SIGNATURE,
            Self::InvalidSynchronizer { .. } => INVALID_SYNCHRONIZER,
            Self::NoCorrespondingActiveTransaction => NO_CORRESPONDING,
            Self::InvalidMapping { .. } => INVALID_MAPPING,
            Self::RemoveMustNotChangeMapping => REMOVE_CHANGES,
            Self::Frozen { .. } => FROZEN,
            Self::NamespaceAlreadyInUse { .. } => IN_USE,
            Self::NamespaceHasBeenRevoked { .. } => REVOKED,
            Self::MemberCannotRejoin { .. } | Self::MemberHasLeft { .. } => REJOIN,
            Self::PartyIdConflictWithAdminParty { .. } => PARTY_CONFLICT,
            Self::ParticipantIdConflictWithParty { .. } => PARTICIPANT_CONFLICT,
            Self::InvalidOwnerToKeyMapping { .. } => INVALID_KEYS,
            Self::InvalidRemovalOfOwnerToKeyMapping { .. } => INVALID_REMOVAL,
            Self::InsufficientKeys { .. } => INSUFFICIENT_KEYS,
            Self::UnknownMembers { .. } => UNKNOWN_MEMBERS,
            Self::CannotRemoveMapping { .. } => CANNOT_REMOVE,
        }
    }
}
