use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};

use crate::identifier::Namespace;

/// A mapping that cannot be. The texts are Canton's where Canton has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// The target of a delegation cannot sign for a namespace.
    #[error("The key {key} must include a namespace usage.")]
    TargetWithoutNamespaceUsage {
        /// The target.
        key: Fingerprint,
    },
    /// A root certificate that does not allow to delegate is none.
    #[error(
        "Root certificate for {namespace} needs to be be able to sign other NamespaceDelegations"
    )]
    RootMustDelegate {
        /// The namespace.
        namespace: Namespace,
    },
    /// A delegation restricted to nothing.
    #[error("a delegation for specific mappings must name at least one")]
    NoMappings,
    /// A delegation says twice, and differently, what it allows.
    #[error("is_root_delegation must not be set beside a restriction")]
    RestrictionAndRootFlag,
    /// A decentralized namespace without owners.
    #[error("a decentralized namespace must have at least one owner")]
    NoOwners,
    /// More, or fewer, owners must agree than there are.
    #[error("Invalid threshold ({threshold}) for {namespace} with {owners} owners")]
    OwnerThreshold {
        /// What was given.
        threshold: i64,
        /// The namespace.
        namespace: Namespace,
        /// How many owners there are.
        owners: usize,
    },
    /// A list of keys without keys.
    #[error("at least one key must be specified")]
    NoKeys,
    /// A key twice.
    #[error("All keys must be unique. Duplicate keys: {}", list(.keys))]
    DuplicateKeys {
        /// Those that are there more than once.
        keys: Vec<Fingerprint>,
    },
    /// More keys than allowed.
    #[error("At most {limit} key(s) can be specified, got {found}.")]
    TooManyKeys {
        /// The most that is allowed.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// A threshold of signatures that is not at least one.
    #[error("the signing threshold must be at least 1, got {threshold}")]
    SigningThreshold {
        /// What was given.
        threshold: u32,
    },
    /// A threshold of confirmations that is not at least one.
    #[error("the confirming threshold must be at least 1, got {threshold}")]
    ConfirmingThreshold {
        /// What was given.
        threshold: u32,
    },
    /// A serial out of range.
    #[error("the serial must be between 1 and 2147483647, got {serial}")]
    Serial {
        /// What was given.
        serial: u32,
    },
    /// No kind of mapping has this name.
    #[error("{text:?} is no kind of mapping")]
    UnknownCode {
        /// What was given, cut to 80 characters.
        text: String,
    },
    /// The key is not in the mapping.
    #[error("the key {key} is not in the mapping")]
    KeyNotInMapping {
        /// The key.
        key: Fingerprint,
    },
}

fn list(keys: &[Fingerprint]) -> String {
    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    keys.join(", ")
}

impl MappingError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[Self::INVALID_MAPPING, Self::KIND_UNKNOWN];

    const INVALID_MAPPING: ErrorCode = ErrorCode::new(
        "TOPOLOGY_INVALID_MAPPING",
        Category::InvalidRequest,
        "Change the statement: it could never hold. If it came from elsewhere, it was damaged or is no topology transaction.",
    );
    const KIND_UNKNOWN: ErrorCode = ErrorCode::new(
        "TOPOLOGY_MAPPING_KIND_UNKNOWN",
        Category::InvalidRequest,
        "Use one of these, by its letters or its name: \
         nsd (namespace_delegation), dnd (decentralized_namespace_definition), otk (owner_to_key_mapping), \
         dtc (synchronizer_trust_certificate), pdp (participant_permission), phl (party_hosting_limits), \
         vtp (vetted_packages), ptp (party_to_participant), dop (synchronizer_parameters_state), \
         mds (mediator_synchronizer_state), sds (sequencer_synchronizer_state), sep (sequencing_dynamic_parameters_state), \
         ptk (party_to_key_mapping), lsu (lsu_announcement), scs (sequencer_connection_successor).",
    );
}

impl Coded for MappingError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownCode { .. } => Self::KIND_UNKNOWN,
            _ => Self::INVALID_MAPPING,
        }
    }
}
