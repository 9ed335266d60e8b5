//! Why something was not done for a party.

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_topology::{PartyId, StoreId};

/// Why something was not done for a party.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartyError {
    /// No key of the party is here that may sign submissions.
    #[error("no key of party {party} is in this vault that may sign for it")]
    NoKeyHere {
        /// The party.
        party: PartyId,
    },
    /// No participant hosts the party.
    #[error("{store} knows no participant that hosts party {party}")]
    NotHosted {
        /// The party.
        party: PartyId,
        /// Where it was looked for.
        store: Box<StoreId>,
    },
    /// The party has no deprecated mapping.
    #[error("party {party} has no keys in the deprecated party-to-key mapping")]
    NothingToMigrate {
        /// The party.
        party: PartyId,
    },
    /// The keys of the party stand in its deprecated mapping only, where they are not exchanged.
    #[error(
        "the keys of party {party} stand in the deprecated party-to-key mapping and not beside its participants"
    )]
    KeysDeprecated {
        /// The party.
        party: PartyId,
    },
    /// Two mappings of the party list different keys.
    #[error(
        "party {party} has other keys beside its participants than in the deprecated party-to-key mapping"
    )]
    KeysDiffer {
        /// The party.
        party: PartyId,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const NO_KEY_HERE: ErrorCode = code(
    "PARTY_KEY_NOT_HERE",
    Category::FailedPrecondition,
    "Sign where the party's keys are, or bring one here: 'strongroom party show PARTY' shows which keys it has.",
);
const NOT_HOSTED: ErrorCode = code(
    "PARTY_NOT_HOSTED",
    Category::NotFound,
    "Check the party and the store; 'strongroom party announce' states who hosts a party and which keys it has.",
);
const NOTHING_TO_MIGRATE: ErrorCode = code(
    "PARTY_KEYS_MIGRATED",
    Category::FailedPrecondition,
    "There is nothing to do: 'strongroom party show PARTY' shows where the party's keys stand.",
);
const KEYS_DIFFER: ErrorCode = code(
    "PARTY_KEYS_DIFFER",
    Category::FailedPrecondition,
    "Those beside the participants count. Take the deprecated mapping back with 'strongroom topology revoke' if it is of no more use.",
);

const KEYS_DEPRECATED: ErrorCode = code(
    "PARTY_KEYS_DEPRECATED",
    Category::FailedPrecondition,
    "Move them beside the participants first: 'strongroom party migrate PARTY'.",
);

impl PartyError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        NO_KEY_HERE,
        NOT_HOSTED,
        NOTHING_TO_MIGRATE,
        KEYS_DIFFER,
        KEYS_DEPRECATED,
    ];
}

impl Coded for PartyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoKeyHere { .. } => NO_KEY_HERE,
            Self::NotHosted { .. } => NOT_HOSTED,
            Self::NothingToMigrate { .. } => NOTHING_TO_MIGRATE,
            Self::KeysDiffer { .. } => KEYS_DIFFER,
            Self::KeysDeprecated { .. } => KEYS_DEPRECATED,
        }
    }
}
